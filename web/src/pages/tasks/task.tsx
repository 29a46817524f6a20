/** One task: how it stands, what it asks, why it waits, and its log while it grows. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { request } from "../../api/client";
import type { Interruption, Page as PageOf, Task, TaskDetails, Waiting } from "../../api/documents";
import { useRead } from "../../api/hooks";
import { TaskLog } from "../../api/log";
import { Act, CopyAs } from "../../components/actions";
import { Icon } from "../../components/icons";
import { LogView } from "../../components/log-view";
import { Failed, Loading, Problem } from "../../components/states";
import { shownState, Status, StatusIcon } from "../../components/status";
import { Duration, Time } from "../../components/time";
import { Question } from "../../components/question";

const FRESH_MS = 1500;

export default function TaskPage() {
  const { id = "" } = useParams();
  return <OneTask key={id} id={id} />;
}

function OneTask({ id }: { id: string }) {
  const { space = "" } = useParams();
  const navigate = useNavigate();
  const params = { task_id: id };
  const call = request("GET", "/api/tasks/{task_id}/details", { params, query: { lines: false } });
  const [isDone, setDone] = useState(false);
  const details = useRead<TaskDetails>(call, { every: isDone ? false : FRESH_MS });
  const task = details.data?.Task;
  const log = useTaskLog(id, call.url);
  useEffect(() => setDone(Boolean(task?.IsCompleted)), [task?.IsCompleted]);
  useEffect(() => {
    document.title = `${task?.Description ?? id} · Octavo`;
  }, [task?.Description, id]);
  if (!task) return details.error ? <Failed error={details.error} retry={() => void details.refetch()} /> : <Loading />;
  const raw = request("GET", "/api/tasks/{task_id}/raw", { params });
  const steps = details.data?.ActivityLogs[0]?.Children ?? [];
  return (
    <div className="page task-page">
      <header className="page-head">
        <div className="grow">
          <div className="above small quiet"><Link to={`/${space}/tasks`}>Tasks</Link> / {task.Id}</div>
          <h1>{task.Description || task.Name}</h1>
        </div>
        <div className="row wrap">
          <Status state={shownState(task)} />
          <a className="button" href={raw.url} download={`${task.Id}.log`}>Raw log</a><CopyAs call={raw} />
          {!task.IsCompleted && (
            <Act call={request("POST", "/api/tasks/{task_id}/cancel", { params })} look="danger" icon="stop" said="Cancelling the task" disabled={task.State === "Cancelling"}
              confirm={{ title: "Cancel this task?", text: "What runs is ended, with everything it started. What it did so far stays." }}>Cancel</Act>
          )}
          {task.CanRerun && (
            <Act<Task> call={request("POST", "/api/tasks/rerun/{task_id}", { params })} icon="play" done={(made) => void navigate(`/${space}/tasks/${made.Id}`)}>Run again</Act>
          )}
        </div>
      </header>
      <Facts task={task} />
      {task.ErrorMessage && <Problem error={new Error(task.ErrorMessage)} />}
      {task.HasPendingInterruptions && <Questions taskId={id} />}
      {!task.IsCompleted && !task.HasPendingInterruptions && <WhyWaiting taskId={id} space={space} />}
      {steps.length > 1 && (
        <ol className="steps" aria-label="Steps" tabIndex={0}>
          {steps.map((step) => <li key={step.Id}><StatusIcon state={step.Status} />{step.Name}</li>)}
        </ol>
      )}
      {!task.IsCompleted && <progress className="meter" aria-label="Progress" max={100} value={details.data?.Progress.ProgressPercentage ?? 0} />}
      <Log log={log} root={details.data?.ActivityLogs[0]} isRunning={!task.IsCompleted} />
    </div>
  );
}

function Log({ log, root, isRunning }: { log: TaskLog; root: TaskDetails["ActivityLogs"][number] | undefined; isRunning: boolean }) {
  const version = useSyncExternalStore(log.subscribe, log.getVersion);
  return (
    <>
      {log.problem && <Problem error={new Error(`The live log was cut off: ${log.problem.message} Trying again…`)} />}
      <LogView lines={log.lines} version={version} root={root} isRunning={isRunning} isComplete={log.isComplete} />
    </>
  );
}

/** The task's log, read while this page is open. */
function useTaskLog(id: string, detailsUrl: string): TaskLog {
  const client = useQueryClient();
  const [log] = useState(() => new TaskLog());
  useEffect(() => {
    const end = new AbortController();
    // The second start that React's strict mode makes goes on where the first was cut.
    void log.follow(id, end.signal, () => void client.invalidateQueries({ queryKey: [detailsUrl] }));
    return () => end.abort();
  }, [log, id, client, detailsUrl]);
  return log;
}

function Facts({ task }: { task: Task }) {
  const { space = "" } = useParams();
  return (
    <dl className="facts">
      <div><dt>Kind</dt><dd>{task.Name}</dd></div>
      <div><dt>Queued</dt><dd><Time at={task.QueueTime} />{task.QueuedBy && ` by ${task.QueuedBy}`}</dd></div>
      <div><dt>Started</dt><dd>{task.StartTime ? <Time at={task.StartTime} /> : "not yet"}</dd></div>
      <div><dt>{task.IsCompleted ? "Took" : "Running for"}</dt><dd>{task.StartTime ? <Duration from={task.StartTime} to={task.CompletedTime} /> : "–"}</dd></div>
      {task.ProjectId && <div><dt>Project</dt><dd><Link to={`/${space}/projects/${task.ProjectId}`}>Open project</Link></dd></div>}
    </dl>
  );
}

function Questions({ taskId }: { taskId: string }) {
  const call = request("GET", "/api/interruptions", { query: { regarding: taskId, pendingOnly: true } });
  const questions = useRead<PageOf<Interruption>>(call, { every: FRESH_MS });
  return <>{questions.data?.Items.map((each) => <Question key={each.Id} question={each} />)}</>;
}

function WhyWaiting({ taskId, space }: { taskId: string; space: string }) {
  const waiting = useRead<Waiting>(request("GET", "/api/tasks/{task_id}/waiting", { params: { task_id: taskId } }), { every: FRESH_MS });
  const why = waiting.data;
  if (!why?.IsWaiting) return null;
  return (
    <div className="banner tone-warn" data-testid="waiting">
      <Icon name="clock" />
      <div className="body stack tight">
        <strong>Why it waits: {why.Reason}</strong>
        {why.WaitsForTaskId && <p>It waits for <Link to={`/${space}/tasks/${why.WaitsForTaskId}`}>{why.WaitsForTaskId}</Link>.</p>}
        {why.Workers.length > 0 && (
          <ul className="stack tight">
            {why.Workers.map((each) => <li key={each.WorkerId}><Link to={`/${space}/infrastructure/workers/${each.WorkerId}`}>{each.Name}</Link>: {each.Reason}</li>)}
          </ul>
        )}
      </div>
    </div>
  );
}
