/** What work runs on and what is deployed to: workers with their pools, targets, environments. */

import { useState, type FormEvent } from "react";
import { Link, Route, Routes, useParams } from "react-router";
import { request } from "../../api/client";
import type { BuiltInWorker, Environment, Target, Worker, WorkerPool } from "../../api/documents";
import { useRead, useSend } from "../../api/hooks";
import { Act, Dialog } from "../../components/actions";
import { TextField } from "../../components/forms";
import { Icon } from "../../components/icons";
import { Card, Page, Table, Tabs } from "../../components/page";
import { Empty, Loaded, Problem } from "../../components/states";
import { machineState, Status } from "../../components/status";
import { Time } from "../../components/time";

const FRESH_MS = 4000;

export default function Infrastructure() {
  const { space = "" } = useParams();
  const base = `/${space}/infrastructure`;
  return (
    <Page title="Infrastructure" actions={<Link className="button primary" to={`${base}/workers/new`}><Icon name="plus" />Add a worker</Link>}>
      <Tabs label="Infrastructure" tabs={[{ to: base, name: "Workers and pools", isEnd: true }, { to: `${base}/targets`, name: "Deployment targets" }, { to: `${base}/environments`, name: "Environments" }]} />
      <Routes>
        <Route index element={<Workers space={space} />} />
        <Route path="workers" element={<Workers space={space} />} />
        <Route path="targets" element={<Targets />} />
        <Route path="environments" element={<Environments />} />
      </Routes>
    </Page>
  );
}

function Workers({ space }: { space: string }) {
  const pools = useRead<WorkerPool[]>(request("GET", "/api/workerpools/all", {}));
  const workers = useRead<Worker[]>(request("GET", "/api/workers/all", {}), { every: FRESH_MS });
  const builtIn = useRead<BuiltInWorker>(request("GET", "/api/builtinworker", {}), { every: FRESH_MS });
  return (
    <>
      {builtIn.data && (
        <div className="banner">
          <Icon name="machine" />
          <div className="body row wrap"><strong>Built-in worker</strong><Status state={builtIn.data.State} /><span className="quiet grow">{builtIn.data.Reason}</span>
            <Act look="plain" call={request("PUT", "/api/builtinworker", { body: { IsAllowed: !builtIn.data.IsAllowed } })}>{builtIn.data.IsAllowed ? "Never use it" : "Allow it"}</Act></div>
        </div>
      )}
      <Loaded query={pools}>{(all) => <>{all.map((pool) => <Pool key={pool.Id} pool={pool} workers={workers} space={space} />)}</>}</Loaded>
      <NewNamed noun="worker pool" path="/api/workerpools" extra={{ WorkerPoolType: "StaticWorkerPool" }} />
    </>
  );
}

function Pool({ pool, workers, space }: { pool: WorkerPool; workers: ReturnType<typeof useRead<Worker[]>>; space: string }) {
  return (
    <Card title={pool.Name} actions={pool.IsDefault ? <span className="chip">Default</span> : null}>
      <Loaded query={workers}>
        {(all) => {
          const mine = all.filter((worker) => worker.WorkerPoolIds.includes(pool.Id));
          if (mine.length === 0) return <Empty title="No workers in this pool">{pool.IsDefault && <p>While the default pool is empty, the built-in worker does its work.</p>}<Link className="button" to={`/${space}/infrastructure/workers/new?pool=${pool.Id}`}>Add a worker</Link></Empty>;
          return (
            <Table label={`Workers of ${pool.Name}`} heads={["Health", "Worker", "System", "Agent", "Last contact", ""]}>
              {mine.map((worker) => (
                <tr key={worker.Id}>
                  <td><Status state={machineState(worker)} /></td>
                  <td><Link to={`/${space}/infrastructure/workers/${worker.Id}`}>{worker.Name}</Link><div className="small quiet">{worker.StatusSummary}</div></td>
                  <td>{worker.OperatingSystem}<div className="small quiet">{worker.Architecture}</div></td>
                  <td>{versionOf(worker)}<div className="small quiet">{styleOf(worker)}</div></td>
                  <td><Time at={worker.HealthLastChecked} /></td>
                  <td className="acts-cell"><Drain worker={worker} /></td>
                </tr>
              ))}
            </Table>
          );
        }}
      </Loaded>
    </Card>
  );
}

export function Drain({ worker }: { worker: Worker }) {
  const call = request("PUT", "/api/workers/{key}", { params: { key: worker.Id }, body: { ...worker, IsDraining: !worker.IsDraining } });
  return <Act call={call} said={worker.IsDraining ? `${worker.Name} takes work again` : `${worker.Name} finishes what runs and takes nothing new`}>{worker.IsDraining ? "Take work again" : "Drain"}</Act>;
}

export function versionOf(machine: Worker | Target): string {
  const details = (machine.Endpoint as { TentacleVersionDetails?: { Version?: string | null } | null }).TentacleVersionDetails;
  return details?.Version ?? "–";
}

export function styleOf(machine: Worker | Target): string {
  const style = machine.Endpoint.CommunicationStyle;
  return style === "TentacleActive" ? "polling" : style === "TentaclePassive" ? "listening" : style ?? "";
}

function Targets() {
  const machines = useRead<Target[]>(request("GET", "/api/machines/all", {}), { every: FRESH_MS });
  const environments = useRead<Environment[]>(request("GET", "/api/environments/all", {}));
  const nameOf = (id: string) => environments.data?.find((each) => each.Id === id)?.Name ?? id;
  return (
    <Card>
      <Loaded query={machines}>
        {(all) => all.length === 0 ? <Empty title="No deployment targets"><p>A target is a machine that is deployed to. It is registered with <code>tentacle register-with</code>; steps find it by its roles.</p></Empty> : (
          <Table label="Deployment targets" heads={["Health", "Target", "Environments", "Roles", "Last contact"]}>
            {all.map((machine) => (
              <tr key={machine.Id}>
                <td><Status state={machineState(machine)} /></td>
                <td>{machine.Name}<div className="small quiet">{styleOf(machine)} · {machine.StatusSummary}</div></td>
                <td><div className="chips">{machine.EnvironmentIds.map((id) => <span key={id} className="chip">{nameOf(id)}</span>)}</div></td>
                <td><div className="chips">{machine.Roles.map((role) => <span key={role} className="chip">{role}</span>)}</div></td>
                <td><Time at={machine.HealthLastChecked} /></td>
              </tr>
            ))}
          </Table>
        )}
      </Loaded>
    </Card>
  );
}

function Environments() {
  const environments = useRead<Environment[]>(request("GET", "/api/environments/all", {}));
  return (
    <>
      <Card>
        <Loaded query={environments}>
          {(all) => all.length === 0 ? <Empty title="No environments yet"><p>Environments are the places a release goes through, such as Test and Production.</p></Empty> : (
            <Table label="Environments" heads={["Environment", "Description", ""]}>
              {all.map((each) => (
                <tr key={each.Id}><td>{each.Name}</td><td className="quiet">{each.Description}</td>
                  <td className="acts-cell"><Act look="danger" call={request("DELETE", "/api/environments/{key}", { params: { key: each.Id } })} said={`${each.Name} is deleted`}
                    confirm={{ title: `Delete ${each.Name}?`, text: "Its targets lose it, and its column leaves the dashboard. Refused while a lifecycle uses it." }}>Delete</Act></td></tr>
              ))}
            </Table>
          )}
        </Loaded>
      </Card>
      <NewNamed noun="environment" path="/api/environments" />
    </>
  );
}

/** A button with a dialog for what needs only a name. */
export function NewNamed({ noun, path, extra = {}, done }: { noun: string; path: "/api/environments" | "/api/workerpools" | "/api/projectgroups"; extra?: object; done?: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState("");
  const creating = useSend(() => {
    setOpen(false);
    setName("");
    done?.();
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    creating.mutate(request("POST", path, { body: { Name: name, ...extra } }));
  };
  return (
    <div>
      <button type="button" className="button" onClick={() => setOpen(true)}><Icon name="plus" />New {noun}</button>
      <Dialog title={`New ${noun}`} isOpen={isOpen} close={() => setOpen(false)}>
        <form className="stack" onSubmit={submit}>
          <TextField label="Name" value={name} change={setName} isRequired isFocused />
          <Problem error={creating.error} />
          <div className="row end"><button type="submit" className="button primary" disabled={creating.isPending}>Create</button></div>
        </form>
      </Dialog>
    </div>
  );
}
