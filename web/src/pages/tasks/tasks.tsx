/** All tasks, newest first, filtered by what stands in the address. */

import { Link, useParams, useSearchParams } from "react-router";
import { request } from "../../api/client";
import type { Page as PageOf, Project, Task } from "../../api/documents";
import { useRead } from "../../api/hooks";
import { SelectField, TextField } from "../../components/forms";
import { Page, Table } from "../../components/page";
import { Pager } from "../../components/pager";
import { Empty, Loaded } from "../../components/states";
import { shownState, Status } from "../../components/status";
import { Duration, Time } from "../../components/time";

const TAKE = 50;
const STATES = [
  { value: "", label: "All states" }, { value: "active", label: "Not finished" }, { value: "asking", label: "Waiting for an answer" }, { value: "Queued", label: "Queued" },
  { value: "Executing", label: "Running" }, { value: "Failed,TimedOut", label: "Failed" }, { value: "Success", label: "Success" }, { value: "Canceled", label: "Cancelled" },
];

export default function Tasks() {
  const space = useParams()["space"] ?? "";
  const [search, setSearch] = useSearchParams();
  const get = (name: string) => search.get(name) ?? "";
  const set = (name: string, value: string) => setSearch((before) => {
    const next = new URLSearchParams(before);
    if (value) next.set(name, value);
    else next.delete(name);
    if (name !== "skip") next.delete("skip");
    return next;
  }, { replace: true });
  const state = get("state");
  const skip = Number(get("skip")) || 0;
  const call = request("GET", "/api/tasks", {
    query: {
      skip, take: TAKE, partialName: get("text"), name: get("kind"), project: get("project"),
      active: state === "active" ? true : undefined,
      hasPendingInterruptions: state === "asking" ? true : undefined,
      states: state === "active" || state === "asking" ? undefined : state,
    },
  });
  const tasks = useRead<PageOf<Task>>(call, { every: 3000, keep: true });
  const kinds = useRead<{ Id: string; Name: string }[]>(request("GET", "/api/tasks/tasktypes", {}));
  const projects = useRead<Project[]>(request("GET", "/api/projects/all", {}));
  const isFiltered = ["text", "kind", "project", "state"].some((name) => get(name));
  return (
    <Page title="Tasks">
      <div className="filters">
        <div className="grow"><TextField label="Find" value={get("text")} change={(value) => set("text", value)} type="search" /></div>
        <SelectField label="State" value={state} change={(value) => set("state", value)} options={STATES} />
        <SelectField label="Kind" value={get("kind")} change={(value) => set("kind", value)} options={[{ value: "", label: "All kinds" }, ...(kinds.data ?? []).map((kind) => ({ value: kind.Id, label: kind.Name }))]} />
        <SelectField label="Project" value={get("project")} change={(value) => set("project", value)} options={[{ value: "", label: "All projects" }, ...(projects.data ?? []).map((each) => ({ value: each.Id, label: each.Name }))]} />
      </div>
      <section className="card">
        <Loaded query={tasks}>
          {(page) => page.Items.length === 0 ? (
            isFiltered ? <Empty title="No task fits these filters"><button type="button" className="button" onClick={() => setSearch({}, { replace: true })}>Clear the filters</button></Empty>
              : <Empty title="No tasks yet"><p>Whatever the server does is a task: deployments, scripts, health checks.</p></Empty>
          ) : (
            <>
              <Table label="Tasks" heads={["State", "Task", "Started", "Took", "By"]}>
                {page.Items.map((task) => (
                  <tr key={task.Id}>
                    <td><Status state={shownState(task)} /></td>
                    <td><Link to={`/${space}/tasks/${task.Id}`}>{task.Description || task.Id}</Link><div className="small quiet">{task.Name} · {task.Id}</div></td>
                    <td><Time at={task.StartTime ?? task.QueueTime} /></td>
                    <td><Duration from={task.StartTime} to={task.CompletedTime} /></td>
                    <td>{task.QueuedBy}</td>
                  </tr>
                ))}
              </Table>
              <Pager skip={skip} take={TAKE} total={page.TotalResults} change={(value) => set("skip", value ? String(value) : "")} />
            </>
          )}
        </Loaded>
      </section>
    </Page>
  );
}
