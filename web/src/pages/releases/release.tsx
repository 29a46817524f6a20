/** A release: where it stands in its lifecycle, and where it can go next. */

import { Link, useNavigate, useParams } from "react-router";
import { request } from "../../api/client";
import type { Environment, LifecycleProgression, Release } from "../../api/documents";
import { useRead } from "../../api/hooks";
import { Act } from "../../components/actions";
import { Card, Page, Table } from "../../components/page";
import { Empty, Failed, Loaded, Loading } from "../../components/states";
import { shownState, Status } from "../../components/status";
import { Time } from "../../components/time";

export default function ReleasePage() {
  const { space = "", project = "", version = "" } = useParams();
  const navigate = useNavigate();
  const query = useRead<Release>(request("GET", "/api/projects/{key}/releases/{version}", { params: { key: project, version } }));
  const environments = useRead<Environment[]>(request("GET", "/api/environments/all", {}));
  const release = query.data;
  const params = { key: release?.Id ?? "" };
  const progression = useRead<LifecycleProgression>(request("GET", "/api/releases/{key}/progression", { params }), { every: 4000, enabled: Boolean(release) });
  if (!release) return query.error ? <Failed error={query.error} /> : <Loading />;
  const nameOf = (id: string) => environments.data?.find((each) => each.Id === id)?.Name ?? id;
  const deploy = `/${space}/projects/${project}/releases/${encodeURIComponent(version)}/deploy`;
  return (
    <Page title={`Release ${release.Version}`} above={<Link to={`/${space}/projects/${project}`}>Project</Link>} actions={
      <>
        <Act call={request("POST", "/api/releases/{key}/snapshot-variables", { params })} said="The variables are frozen as they are now">Update variables</Act>
        <Act look="danger" call={request("DELETE", "/api/releases/{key}", { params })} done={() => void navigate(`/${space}/projects/${project}`)}
          confirm={{ title: `Delete release ${release.Version}?`, text: "The release and what it froze are gone; it can no longer be deployed. What was deployed stays on its machines." }}>Delete</Act>
        <Link className="button primary" to={deploy}>Deploy</Link>
      </>
    }>
      <p className="quiet">Made <Time at={release.Assembled} />. {release.ReleaseNotes}</p>
      {release.SelectedPackages.length > 0 && <div className="chips">{release.SelectedPackages.map((each) => <span key={`${each.ActionName}${each.PackageReferenceName}`} className="chip">{each.ActionName}: {each.Version}</span>)}</div>}
      <Loaded query={progression}>
        {(answer) => (
          <>
            {answer.Phases.map((phase) => (
              <Card key={phase.Id} title={phase.Name} actions={<Status state={phase.Progress} />}>
                {phase.Deployments.length === 0 ? (
                  <Empty title="Not deployed here">
                    <div className="row wrap">{[...phase.AutomaticDeploymentTargets, ...phase.OptionalDeploymentTargets].filter((id) => answer.NextDeployments.includes(id)).map((id) => <Link key={id} className="button" to={`${deploy}?to=${id}`}>Deploy to {nameOf(id)}</Link>)}</div>
                  </Empty>
                ) : (
                  <Table label={`Deployments in ${phase.Name}`} heads={["State", "Environment", "When", "Task"]}>
                    {phase.Deployments.map(({ Task: task, Deployment: deployment }) => (
                      <tr key={task.Id}><td><Status state={shownState(task)} /></td><td>{nameOf(deployment.EnvironmentId)}</td><td><Time at={task.StartTime ?? task.QueueTime} /></td><td><Link to={`/${space}/tasks/${task.Id}`}>{task.Id}</Link></td></tr>
                    ))}
                  </Table>
                )}
              </Card>
            ))}
          </>
        )}
      </Loaded>
    </Page>
  );
}
