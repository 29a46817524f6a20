/** The dashboard: each project in each environment, its latest release and how it stands. */

import { memo, useMemo, useState } from "react";
import { Link, useParams } from "react-router";
import { request } from "../api/client";
import type { Dashboard as DashboardAnswer, DashboardItem, Page as PageOf, Task } from "../api/documents";
import { useRead } from "../api/hooks";
import { Icon } from "../components/icons";
import { Page } from "../components/page";
import { Empty, Loaded } from "../components/states";
import { lookOf, shownState, StatusIcon } from "../components/status";
import { Time } from "../components/time";

const FRESH_MS = 4000;

export function Dashboard() {
  const space = useParams()["space"] ?? "";
  const dashboard = useRead<DashboardAnswer>(request("GET", "/api/dashboard", {}), { every: FRESH_MS });
  const [text, setText] = useState("");
  const filter = <input className="input" type="search" aria-label="Filter projects" placeholder="Filter projects" value={text} onChange={(event) => setText(event.target.value)} />;
  return (
    <Page title="Dashboard" isWide actions={dashboard.data && dashboard.data.Projects.length > 3 ? filter : null}>
      <AskingTasks space={space} />
      <section className="card"><Loaded query={dashboard}>{(answer) => <Grid answer={answer} text={text} space={space} />}</Loaded></section>
    </Page>
  );
}

/** Tasks that wait for an answer: first, because nothing goes on without. */
function AskingTasks({ space }: { space: string }) {
  const call = request("GET", "/api/tasks", { query: { hasPendingInterruptions: true, active: true, take: 5 } });
  const tasks = useRead<PageOf<Task>>(call, { every: FRESH_MS });
  if (!tasks.data || tasks.data.TotalResults === 0) return null;
  return (
    <div className="banner tone-warn">
      <Icon name="question" />
      <div className="body">
        <strong>{tasks.data.TotalResults === 1 ? "One task waits for an answer" : `${tasks.data.TotalResults} tasks wait for an answer`}</strong>
        <ul>{tasks.data.Items.map((task) => <li key={task.Id}><Link to={`/${space}/tasks/${task.Id}`}>{task.Description}</Link></li>)}</ul>
      </div>
    </div>
  );
}

function Grid({ answer, text, space }: { answer: DashboardAnswer; text: string; space: string }) {
  const items = useMemo(() => latest(answer.Items), [answer.Items]);
  const projects = answer.Projects.filter((project) => project.Name.toLowerCase().includes(text.toLowerCase()));
  const groups = answer.ProjectGroups.map((group) => ({ ...group, projects: projects.filter((each) => each.ProjectGroupId === group.Id) })).filter((group) => group.projects.length > 0);
  if (answer.Projects.length === 0) {
    return <Empty title="No projects yet"><p>A project is what gets deployed: its steps, variables and releases.</p><Link className="button primary" to={`/${space}/projects`}>Make the first project</Link></Empty>;
  }
  if (projects.length === 0) return <Empty title="No project is called so" />;
  return (
    <div className="scroller" role="region" aria-label="Projects by environment" tabIndex={0}>
      <table className="table dashboard">
        <thead><tr><th scope="col">Project</th>{answer.Environments.map((place) => <th key={place.Id} scope="col">{place.Name}</th>)}</tr></thead>
        {groups.map((group) => (
          <tbody key={group.Id}>
            {groups.length > 1 && <tr className="group"><th colSpan={answer.Environments.length + 1} scope="rowgroup">{group.Name}</th></tr>}
            {group.projects.map((project) => (
              <tr key={project.Id}>
                <th scope="row"><Link to={`/${space}/projects/${project.Slug}`}>{project.Name}</Link></th>
                {answer.Environments.map((place) => {
                  const item = items.get(`${project.Id} ${place.Id}`);
                  return <td key={place.Id}>{item && <Cell item={item} space={space} />}</td>;
                })}
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

export const Cell = memo(function Cell({ item, space }: { item: DashboardItem; space: string }) {
  const state = shownState(item);
  return (
    <Link className="cell" to={`/${space}/tasks/${item.TaskId}`}>
      <StatusIcon state={state} />
      <strong className="truncate">{item.ReleaseVersion}</strong>
      <small>{item.IsCompleted && item.State === "Success" ? <Time at={item.CompletedTime} /> : <>{lookOf(state).word} · <Time at={item.CompletedTime ?? item.StartTime ?? item.Created} /></>}</small>
    </Link>
  );
}, (before, after) => JSON.stringify(before) === JSON.stringify(after));

/** The newest item of each project and environment (of several tenants the newest). */
function latest(items: readonly DashboardItem[]): Map<string, DashboardItem> {
  const found = new Map<string, DashboardItem>();
  for (const item of items) {
    const key = `${item.ProjectId} ${item.EnvironmentId}`;
    const known = found.get(key);
    if (!known || known.Created < item.Created) found.set(key, item);
  }
  return found;
}
