/** Deploy a release: choose where, see the plan, start it. */

import { useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { request } from "../../api/client";
import type { DeploymentPreview, Environment, ExecutionAnswer, LifecycleProgression, Project, Release } from "../../api/documents";
import { useRead, useSend } from "../../api/hooks";
import { CopyAs } from "../../components/actions";
import { Check, SelectField, TextField } from "../../components/forms";
import { Icon } from "../../components/icons";
import { Card, Page, Table } from "../../components/page";
import { Failed, Loaded, Loading, Problem } from "../../components/states";

export default function Deploy() {
  const { project = "", version = "" } = useParams();
  const query = useRead<Release>(request("GET", "/api/projects/{key}/releases/{version}", { params: { key: project, version } }));
  const owner = useRead<Project>(request("GET", "/api/projects/{key}", { params: { key: project } }));
  const environments = useRead<Environment[]>(request("GET", "/api/environments/all", {}));
  const progression = useRead<LifecycleProgression>(request("GET", "/api/releases/{key}/progression", { params: { key: query.data?.Id ?? "" } }), { enabled: query.isSuccess });
  const error = query.error ?? owner.error ?? progression.error;
  if (error) return <Failed error={error} />;
  if (!query.data || !owner.data || !environments.data || !progression.data) return <Loading />;
  return <DeployForm release={query.data} project={owner.data} environments={environments.data} progression={progression.data} />;
}

interface Props {
  readonly release: Release;
  readonly project: Project;
  readonly environments: readonly Environment[];
  readonly progression: LifecycleProgression;
}

function DeployForm({ release, project, environments, progression }: Props) {
  const { space = "" } = useParams();
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const reachable = new Set([...progression.NextDeployments, ...progression.Phases.filter((phase) => !phase.Blocked && phase.Progress !== "Pending").flatMap((phase) => [...phase.OptionalDeploymentTargets, ...phase.AutomaticDeploymentTargets])]);
  const places = environments.filter((each) => reachable.has(each.Id));
  const [to, setTo] = useState(search.get("to") ?? progression.NextDeployments[0] ?? places[0]?.Id ?? "");
  const [guided, setGuided] = useState<boolean | null>(null);
  const [skipped, setSkipped] = useState<readonly string[]>([]);
  const [values, setValues] = useState<Record<string, string>>({});
  const preview = useRead<DeploymentPreview>(request("GET", "/api/releases/{key}/deployments/preview/{environment}", { params: { key: release.Id, environment: to } }), { enabled: Boolean(to) });
  const deploying = useSend<ExecutionAnswer>((answer) => void navigate(`/${space}/tasks/${answer.DeploymentServerTasks[0]?.ServerTaskId ?? ""}`));
  const steps = preview.data?.StepsToExecute ?? [];
  const useGuided = guided ?? preview.data?.UseGuidedFailureModeByDefault ?? false;
  const call = request("POST", "/api/deployments/create/untenanted/v1", {
    body: {
      SpaceIdOrName: space, ProjectName: project.Name, ReleaseVersion: release.Version, EnvironmentNames: [environments.find((each) => each.Id === to)?.Name ?? to], UseGuidedFailure: useGuided,
      ...(skipped.length ? { SkipStepNames: steps.filter((step) => skipped.includes(step.ActionId)).map((step) => step.ActionName) } : {}),
      ...(Object.keys(values).length ? { Variables: values } : {}),
    },
  });
  const back = `/${space}/projects/${project.Slug}/releases/${encodeURIComponent(release.Version)}`;
  return (
    <Page title={`Deploy ${project.Name} ${release.Version}`} above={<Link to={back}>Release {release.Version}</Link>}>
      <Card isPadded>
        <div className="stack">
          <SelectField label="Environment" value={to} change={setTo} options={places.map((each) => ({ value: each.Id, label: each.Name }))} help="Only those that the lifecycle lets this release go to now." />
          {preview.data?.Form.Elements.map((element) => (
            <TextField key={element.Name} label={element.Control.Label || element.Control.Name || element.Name} help={element.Control.Description} isRequired={element.IsValueRequired}
              value={values[element.Control.Name ?? element.Name] ?? ""} change={(value) => setValues((before) => ({ ...before, [element.Control.Name ?? element.Name]: value }))} />
          ))}
          <Check label="Ask what to do when a step fails (guided failure)" value={useGuided} change={setGuided} />
        </div>
      </Card>
      <Card title="What will happen">
        <Loaded query={preview}>
          {() => (
            <Table label="What will happen" heads={["Step", "Name", "Where", "Run it"]}>
              {steps.map((step) => (
                <tr key={step.ActionId}>
                  <td>{step.ActionNumber}</td><td>{step.ActionName}</td>
                  <td>{step.HasNoApplicableMachines ? <span className="tone-warn">No machine fits {step.Roles.join(", ")}</span> : step.Machines.length ? step.Machines.map((each) => each.Name).join(", ") : <span className="quiet">a worker or the server</span>}
                    {step.UnavailableMachines.length > 0 && <div className="small tone-warn">Unavailable: {step.UnavailableMachines.map((each) => each.Name).join(", ")}</div>}</td>
                  <td><input type="checkbox" aria-label={`Run ${step.ActionName}`} disabled={!step.CanBeSkipped} checked={!skipped.includes(step.ActionId)}
                    onChange={(event) => setSkipped(event.target.checked ? skipped.filter((each) => each !== step.ActionId) : [...skipped, step.ActionId])} /></td>
                </tr>
              ))}
            </Table>
          )}
        </Loaded>
      </Card>
      <Problem error={deploying.error} />
      <div className="row"><button type="button" className="button primary" disabled={!preview.data || deploying.isPending} onClick={() => deploying.mutate(call)}><Icon name="play" />Deploy</button><CopyAs call={call} /></div>
    </Page>
  );
}
