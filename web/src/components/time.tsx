/** Moments: local and near ("5 min ago"), with the exact UTC on hover. */

import { useEffect, useState } from "react";

const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const SAME_YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const OTHER_YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const NEAR_SECONDS = 86_400;

export function Time({ at }: { at: string | null | undefined }) {
  const now = useNow(15_000, Boolean(at));
  if (!at) return <span className="quiet">never</span>;
  const when = new Date(at);
  return (
    <time dateTime={at} title={utc(when)} className="nowrap">
      {told(when, now)}
    </time>
  );
}

export function Duration({ from, to }: { from: string | null; to: string | null }) {
  const now = useNow(1000, Boolean(from) && !to);
  if (!from) return null;
  return <span className="nowrap">{inWords((to ? Date.parse(to) : now) - Date.parse(from))}</span>;
}

export function clock(at: string): string {
  return CLOCK.format(new Date(at));
}

export function utc(when: Date): string {
  return `${when.toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

function told(when: Date, now: number): string {
  const seconds = Math.round((when.getTime() - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 45) return seconds <= 0 ? "just now" : "in a moment";
  if (size < 3600) return RELATIVE.format(Math.round(seconds / 60), "minute");
  if (size < NEAR_SECONDS) return RELATIVE.format(Math.round(seconds / 3600), "hour");
  return (when.getFullYear() === new Date(now).getFullYear() ? SAME_YEAR : OTHER_YEAR).format(when);
}

function inWords(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function useNow(everyMs: number, isNeeded: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isNeeded) return;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, isNeeded]);
  return now;
}
