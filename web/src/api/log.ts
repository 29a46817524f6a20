/** A task's log while it grows: server-sent events into compact arrays that views read by index. */

import { request, type ApiError, asError } from "./client";
import type { Task } from "./documents";

export interface LogLine {
  readonly Number: number;
  readonly Unit: string;
  readonly Category: string;
  readonly OccurredAt: string;
  readonly MessageText: string;
}

const RETRY_MS = 1500;
const TELL_MS = 120; // views are told of news this often at most

/** All lines of a task that came so far. Views subscribe, and read `lines` when `version` changed. */
export class TaskLog {
  readonly lines: LogLine[] = [];
  version = 0;
  isComplete = false;
  problem: ApiError | Error | null = null;
  #listeners = new Set<() => void>();
  #told = 0;
  #timer: number | undefined;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  getVersion = (): number => this.version;

  /** Read the stream until the task ends or `signal` says so; reconnects where it was cut. */
  async follow(taskId: string, signal: AbortSignal, ended: (task: Task) => void): Promise<void> {
    while (!signal.aborted && !this.isComplete) {
      try {
        await this.#read(taskId, signal, ended);
        this.problem = null;
      } catch (error) {
        if (signal.aborted) return;
        this.problem = error as Error;
        this.#tell(true);
      }
      if (!this.isComplete && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #read(taskId: string, signal: AbortSignal, ended: (task: Task) => void): Promise<void> {
    const after = this.lines.at(-1)?.Number ?? 0;
    const call = request("GET", "/api/tasks/{task_id}/log/stream", { params: { task_id: taskId }, query: { after } });
    const answer = await fetch(call.url, { signal });
    if (!answer.ok || !answer.body) throw asError(answer.status, await answer.json().catch(() => null));
    this.problem = null;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const text = rest + value;
      const end = text.lastIndexOf("\n\n");
      if (end < 0) {
        rest = text;
        continue;
      }
      rest = text.slice(end + 2);
      for (const block of text.slice(0, end).split("\n\n")) this.#take(block, ended);
      this.#tell();
    }
  }

  #take(block: string, ended: (task: Task) => void): void {
    const at = block.indexOf("data: ");
    if (at < 0) return;
    const data = block.slice(at + 6);
    if (block.startsWith("event: state")) {
      this.isComplete = true;
      ended(JSON.parse(data) as Task);
      this.#tell(true);
      return;
    }
    const { Number, Unit, Category, OccurredAt, MessageText } = JSON.parse(data) as LogLine;
    this.lines.push({ Number, Unit, Category, OccurredAt, MessageText });
  }

  #tell(isNow = false): void {
    const since = performance.now() - this.#told;
    if (isNow || since >= TELL_MS) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#told = performance.now();
      this.version++;
      for (const listener of this.#listeners) listener();
    } else this.#timer ??= window.setTimeout(() => this.#tell(true), TELL_MS - since);
  }
}
