/** All projects by group, and a new one. */

import { useState, type FormEvent } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { request } from "../../api/client";
import type { Lifecycle, Project } from "../../api/documents";
import { useRead, useSend } from "../../api/hooks";
import { CopyAs, Dialog } from "../../components/actions";
import { SelectField, TextField } from "../../components/forms";
import { Icon } from "../../components/icons";
import { Card, Page, Table } from "../../components/page";
import { Empty, Loaded, Problem } from "../../components/states";

export default function Projects() {
  const { space = "" } = useParams();
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const projects = useRead<Project[]>(request("GET", "/api/projects/all", {}));
  return (
    <Page title="Projects" actions={<button type="button" className="button primary" onClick={() => setOpen(true)}><Icon name="plus" />New project</button>}>
      <input className="input" type="search" aria-label="Filter projects" placeholder="Filter projects" value={text} onChange={(event) => setText(event.target.value)} />
      <Card>
        <Loaded query={projects}>
          {(all) => {
            const shown = all.filter((each) => each.Name.toLowerCase().includes(text.toLowerCase()));
            if (all.length === 0) return <Empty title="No projects yet"><p>A project is what gets deployed: its steps, variables and releases.</p></Empty>;
            if (shown.length === 0) return <Empty title="No project is called so" />;
            return (
              <Table label="Projects" heads={["Project", "Description"]}>
                {shown.map((each) => <tr key={each.Id}><td><Link to={`/${space}/projects/${each.Slug}`}>{each.Name}</Link></td><td className="quiet">{each.Description}</td></tr>)}
              </Table>
            );
          }}
        </Loaded>
      </Card>
      <Dialog title="New project" isOpen={isOpen} close={() => setOpen(false)}><NewProject space={space} /></Dialog>
    </Page>
  );
}

function NewProject({ space }: { space: string }) {
  const navigate = useNavigate();
  const groups = useRead<{ Id: string; Name: string }[]>(request("GET", "/api/projectgroups/all", {}));
  const lifecycles = useRead<Lifecycle[]>(request("GET", "/api/lifecycles/all", {}));
  const [name, setName] = useState("");
  const [group, setGroup] = useState("");
  const [lifecycle, setLifecycle] = useState("");
  const creating = useSend<Project>((made) => void navigate(`/${space}/projects/${made.Slug}/process`));
  const call = request("POST", "/api/projects", {
    body: { Name: name, ProjectGroupId: group || groups.data?.[0]?.Id, LifecycleId: lifecycle || lifecycles.data?.[0]?.Id },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    creating.mutate(call);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <TextField label="Name" value={name} change={setName} isRequired isFocused />
      <SelectField label="Group" value={group} change={setGroup} options={(groups.data ?? []).map((each) => ({ value: each.Id, label: each.Name }))} />
      <SelectField label="Lifecycle" value={lifecycle} change={setLifecycle} help="The order of environments that its releases go through." options={(lifecycles.data ?? []).map((each) => ({ value: each.Id, label: each.Name }))} />
      <Problem error={creating.error} />
      <div className="row end"><CopyAs call={call} /><button type="submit" className="button primary" disabled={creating.isPending}>Create</button></div>
    </form>
  );
}
