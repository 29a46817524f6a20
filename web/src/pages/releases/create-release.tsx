/** A new release: version, channel, package versions, notes. */

import { useState, type FormEvent } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { request } from "../../api/client";
import type { Channel, Page as PageOf, Project, Release, ReleaseTemplate } from "../../api/documents";
import { useRead, useSend } from "../../api/hooks";
import { CopyAs } from "../../components/actions";
import { AreaField, SelectField, TextField } from "../../components/forms";
import { Card, Page } from "../../components/page";
import { Failed, Loading, Problem } from "../../components/states";

type Package = ReleaseTemplate["Packages"][number];

export default function CreateRelease() {
  const { space = "", project: key = "" } = useParams();
  const project = useRead<Project>(request("GET", "/api/projects/{key}", { params: { key } }));
  const channels = useRead<PageOf<Channel>>(request("GET", "/api/projects/{key}/channels", { params: { key } }));
  if (project.error) return <Failed error={project.error} />;
  if (!project.data || !channels.data) return <Loading />;
  return (
    <Page title="Create release" above={<Link to={`/${space}/projects/${key}`}>{project.data.Name}</Link>}>
      <Card isPadded><ReleaseForm project={project.data} channels={channels.data.Items} space={space} /></Card>
    </Page>
  );
}

function ReleaseForm({ project, channels, space }: { project: Project; channels: readonly Channel[]; space: string }) {
  const navigate = useNavigate();
  const [channel, setChannel] = useState(channels.find((each) => each.IsDefault)?.Id ?? channels[0]?.Id ?? "");
  const [version, setVersion] = useState<string | null>(null);
  const [notes, setNotes] = useState("");
  const [packages, setPackages] = useState<Record<string, string>>({});
  const template = useRead<ReleaseTemplate>(request("GET", "/api/projects/{key}/deploymentprocesses/template", { params: { key: project.Id }, query: { channel } }));
  const creating = useSend<Release>((made) => void navigate(`/${space}/projects/${project.Slug}/releases/${encodeURIComponent(made.Version)}`));
  if (template.error) return <Failed error={template.error} />;
  if (!template.data) return <Loading />;
  const needed = template.data.Packages;
  const call = request("POST", "/api/releases", {
    body: {
      ProjectId: project.Id, ChannelId: channel, Version: version ?? template.data.NextVersionIncrement, ReleaseNotes: notes,
      SelectedPackages: needed.map((each) => ({ ActionName: each.ActionName, PackageReferenceName: each.PackageReferenceName, Version: packages[keyOf(each)] ?? "" })).filter((each) => each.Version),
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    creating.mutate(call);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <div className="form-grid">
        <TextField label="Version" value={version ?? template.data.NextVersionIncrement} change={setVersion} isRequired isFocused help={template.data.LastReleaseVersion ? `The last one is ${template.data.LastReleaseVersion}.` : "The first release."} />
        {channels.length > 1 && <SelectField label="Channel" value={channel} change={setChannel} options={channels.map((each) => ({ value: each.Id, label: each.Name }))} />}
      </div>
      {needed.map((each) => (
        <PackageChoice key={keyOf(each)} wanted={each} value={packages[keyOf(each)] ?? ""} change={(value) => setPackages((before) => ({ ...before, [keyOf(each)]: value }))} />
      ))}
      <AreaField label="Release notes (Markdown)" value={notes} change={setNotes} rows={5} />
      <Problem error={creating.error} />
      <div className="row"><button type="submit" className="button primary" disabled={creating.isPending}>Create release</button><CopyAs call={call} /></div>
    </form>
  );
}

function keyOf(wanted: Package): string {
  return `${wanted.ActionName}:${wanted.PackageReferenceName}`;
}

function PackageChoice({ wanted, value, change }: { wanted: Package; value: string; change: (value: string) => void }) {
  const call = request("GET", "/api/feeds/{key}/packages/versions", { params: { key: wanted.FeedId }, query: { packageId: wanted.PackageId, take: 20 } });
  const versions = useRead<PageOf<{ Version: string }>>(call);
  const options = [{ value: "", label: versions.isPending ? "Looking…" : "The newest" }, ...(versions.data?.Items ?? []).map((each) => ({ value: each.Version, label: each.Version }))];
  return <SelectField label={`${wanted.PackageId} (${wanted.ActionName})`} value={value} change={change} options={options} help={versions.data?.Items.length === 0 ? "The feed has no such package yet." : undefined} />;
}
