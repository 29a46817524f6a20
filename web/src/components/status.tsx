/** States as an icon, a word and a colour: never colour alone. */

import { Icon, type IconName } from "./icons";

export type Tone = "good" | "bad" | "warn" | "busy" | "still";
interface Look {
  readonly tone: Tone;
  readonly icon: IconName;
  readonly word: string;
}

const LOOKS: Record<string, Look> = {
  Success: { tone: "good", icon: "check", word: "Success" },
  SuccessWithWarning: { tone: "warn", icon: "warning", word: "Success, warnings" },
  Failed: { tone: "bad", icon: "cross", word: "Failed" },
  TimedOut: { tone: "bad", icon: "clock", word: "Timed out" },
  Canceled: { tone: "still", icon: "stop", word: "Cancelled" },
  Cancelling: { tone: "warn", icon: "busy", word: "Cancelling" },
  Executing: { tone: "busy", icon: "busy", word: "Running" },
  Running: { tone: "busy", icon: "busy", word: "Running" },
  Queued: { tone: "still", icon: "clock", word: "Queued" },
  Pending: { tone: "still", icon: "clock", word: "Pending" },
  Skipped: { tone: "still", icon: "minus", word: "Skipped" },
  Asking: { tone: "warn", icon: "question", word: "Needs you" },
  Healthy: { tone: "good", icon: "check", word: "Healthy" },
  HasWarnings: { tone: "warn", icon: "warning", word: "Warnings" },
  Unhealthy: { tone: "bad", icon: "cross", word: "Unhealthy" },
  Unavailable: { tone: "bad", icon: "cross", word: "Unavailable" },
  Unknown: { tone: "still", icon: "question", word: "Not checked yet" },
  Disabled: { tone: "still", icon: "pause", word: "Disabled" },
  Draining: { tone: "warn", icon: "pause", word: "Draining" },
  On: { tone: "good", icon: "check", word: "On" },
  Off: { tone: "still", icon: "minus", word: "Off" },
  Starting: { tone: "busy", icon: "busy", word: "Starting" },
  Stopping: { tone: "busy", icon: "busy", word: "Stopping" },
  Complete: { tone: "good", icon: "check", word: "Complete" },
  Current: { tone: "busy", icon: "right", word: "Current" },
};

export function lookOf(state: string): Look {
  return LOOKS[state] ?? { tone: "still", icon: "question", word: state };
}

export function Status({ state, word }: { state: string; word?: string }) {
  const look = lookOf(state);
  return (
    <span className={`status tone-${look.tone}`} data-state={state}>
      <Icon name={look.icon} size={14} spins={look.icon === "busy"} />
      {word ?? look.word}
    </span>
  );
}

/** Only the icon, with the word for who cannot see it. */
export function StatusIcon({ state }: { state: string }) {
  const look = lookOf(state);
  return (
    <span className={`status-icon tone-${look.tone}`} title={look.word} role="img" aria-label={look.word}>
      <Icon name={look.icon} spins={look.icon === "busy"} />
    </span>
  );
}

/** A task's state as people see it: one that asks needs them. */
export function shownState(task: { State: string; HasPendingInterruptions: boolean; HasWarningsOrErrors: boolean }): string {
  if (task.HasPendingInterruptions && task.State === "Executing") return "Asking";
  return task.State === "Success" && task.HasWarningsOrErrors ? "SuccessWithWarning" : task.State;
}

/** A machine's state as people see it. */
export function machineState(machine: { HealthStatus: string; IsDisabled: boolean; IsDraining: boolean }): string {
  if (machine.IsDisabled) return "Disabled";
  return machine.IsDraining ? "Draining" : machine.HealthStatus;
}
