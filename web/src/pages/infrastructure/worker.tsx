/** One worker: health, what it runs, what can be done with it. */

import { useQueries } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router";
import { request, send } from "../../api/client";
import type { Page as PageOf, Task, TaskDetails, TaskNode, Worker, WorkerPool } from "../../api/documents";
import { useRead } from "../../api/hooks";
import { Act } from "../../components/actions";
import { Card, Page, Table } from "../../components/page";
import { Empty, Failed, Loading } from "../../components/states";
import { machineState, Status } from "../../components/status";
import { Duration, Time } from "../../components/time";
import { Drain, styleOf, versionOf } from "./infrastructure";

const FRESH_MS = 3000;
const LOOK_INTO = 20; // running tasks

export default function WorkerPage() {
  const { space = "", id = "" } = useParams();
  const navigate = useNavigate();
  const params = { key: id };
  const query = useRead<Worker>(request("GET", "/api/workers/{key}", { params }), { every: FRESH_MS });
  const pools = useRead<WorkerPool[]>(request("GET", "/api/workerpools/all", {}));
  const worker = query.data;
  if (!worker) return query.error ? <Failed error={query.error} /> : <Loading />;
  const check = request("POST", "/api/tasks", { body: { Name: "Health", Description: `Check the health of ${worker.Name}`, Arguments: { WorkerIds: [worker.Id] } } });
  return (
    <Page title={worker.Name} above={<Link to={`/${space}/infrastructure`}>Infrastructure</Link>} actions={
      <>
        <Status state={machineState(worker)} />
        <Act<Task> call={check} done={(task) => void navigate(`/${space}/tasks/${task.Id}`)}>Check health</Act>
        <Drain worker={worker} />
        <Act call={request("PUT", "/api/workers/{key}", { params, body: { ...worker, IsDisabled: !worker.IsDisabled } })}>{worker.IsDisabled ? "Enable" : "Disable"}</Act>
        <Act look="danger" call={request("DELETE", "/api/workers/{key}", { params })} done={() => void navigate(`/${space}/infrastructure`)} said={`${worker.Name} is deleted`}
          confirm={{ title: `Delete ${worker.Name}?`, text: "The server forgets this worker and stops talking to it; scripts it runs are lost to their tasks. The agent stays installed on its machine." }}>Delete</Act>
      </>
    }>
      <Card isPadded>
        <dl className="facts">
          <div><dt>Health</dt><dd>{worker.StatusSummary}</dd></div>
          <div><dt>Last contact</dt><dd><Time at={worker.HealthLastChecked} /></dd></div>
          <div><dt>Pools</dt><dd>{worker.WorkerPoolIds.map((each) => pools.data?.find((pool) => pool.Id === each)?.Name ?? each).join(", ")}</dd></div>
          <div><dt>Agent</dt><dd>{versionOf(worker)}, {styleOf(worker)}</dd></div>
          <div><dt>System</dt><dd>{worker.OperatingSystem} {worker.Architecture}</dd></div>
          <div><dt>Containers</dt><dd>{worker.ContainerEngine ?? "none"}</dd></div>
          <div><dt>Address</dt><dd className="mono">{String(worker.Endpoint["Uri"] ?? "–")}</dd></div>
          <div><dt>Thumbprint</dt><dd className="mono">{String(worker.Endpoint["Thumbprint"] ?? "–")}</dd></div>
        </dl>
      </Card>
      <Running worker={worker} space={space} />
    </Page>
  );
}

function Running({ worker, space }: { worker: Worker; space: string }) {
  const running = useRead<PageOf<Task>>(request("GET", "/api/tasks", { query: { running: true, take: LOOK_INTO } }), { every: FRESH_MS });
  const details = useQueries({
    queries: (running.data?.Items ?? []).map((task) => {
      const call = request("GET", "/api/tasks/{task_id}/details", { params: { task_id: task.Id }, query: { lines: false } });
      return { queryKey: [call.url], queryFn: () => send<TaskDetails>(call), refetchInterval: FRESH_MS };
    }),
  });
  const mine = details.flatMap(({ data }) => (data ? nodesOn(data.ActivityLogs, worker.Id).map((node) => ({ task: data.Task, node })) : []));
  return (
    <Card title={mine.length ? `Runs now (${mine.length})` : "Runs now"}>
      {mine.length === 0 ? <Empty title="Nothing runs here at the moment" /> : (
        <Table label="What runs here" heads={["State", "Task", "For", "Isolation"]}>
          {mine.map(({ task, node }) => (
            <tr key={node.Id}><td><Status state={node.Status} /></td><td><Link to={`/${space}/tasks/${task.Id}`}>{task.Description}</Link></td>
              <td><Duration from={node.Started} to={null} /></td><td>{node.Confinement ?? "–"}</td></tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

function nodesOn(nodes: readonly TaskNode[], machine: string): TaskNode[] {
  return nodes.flatMap((node) => [...(node.MachineId === machine && node.Status === "Running" ? [node] : []), ...nodesOn(node.Children, machine)]);
}
