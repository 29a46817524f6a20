/** Which rows a log shows: pure. A row is the index of a line, or a node of the tree. */

import type { TaskNode } from "../api/documents";
import type { LogLine } from "../api/log";

export type Level = "all" | "info" | "warning";
export interface NodeRow {
  readonly path: string;
  readonly node: TaskNode;
  readonly depth: number;
  readonly count: number;
}
export type Row = number | NodeRow;
interface Place {
  readonly path: string;
  readonly node: TaskNode;
  readonly depth: number;
  readonly children: readonly string[];
}
export interface Tree {
  readonly places: ReadonlyMap<string, Place>;
  readonly top: readonly string[];
  readonly placeOf: (unit: string) => string;
  readonly depthOf: (unit: string) => number;
}
interface Filter {
  readonly level: Level;
  readonly text: string;
  readonly folded: ReadonlySet<string>;
}

const LOUD = new Set(["Warning", "Error", "Fatal"]);

/** The tree by path ("2/1" is the first machine of step 2). */
export function treeOf(root: TaskNode | undefined): Tree {
  const places = new Map<string, Place>();
  const pathOf = (node: TaskNode) => node.Id.slice(node.Id.indexOf("/") + 1);
  const add = (node: TaskNode, depth: number): string => {
    const path = pathOf(node);
    places.set(path, { path, node, depth, children: [] });
    const children = node.Children.map((child) => add(child, depth + 1));
    places.set(path, { path, node, depth, children });
    return path;
  };
  const top = root?.Children.map((child) => add(child, 0)) ?? [];
  const known = new Map<string, string>();
  /** The node of a line's unit: itself, or the nearest above; "" when there is none. */
  const placeOf = (unit: string): string => {
    let found = known.get(unit);
    if (found === undefined) {
      found = unit.split("~", 1)[0] ?? "";
      while (found && !places.has(found)) found = found.includes("/") ? found.slice(0, found.lastIndexOf("/")) : "";
      known.set(unit, found);
    }
    return found;
  };
  return { places, top, placeOf, depthOf: (unit) => (places.get(placeOf(unit))?.depth ?? -1) + 1 };
}

/** The rows in order: by the tree, or by time when there is no tree. */
export function foldedRows(lines: readonly LogLine[], tree: Tree | null, filter: Filter): { rows: readonly Row[]; matches: number } {
  const isSeen = seenBy(filter);
  if (!tree) {
    const rows: number[] = [];
    for (let at = 0; at < lines.length; at++) if (isSeen(lines[at] as LogLine)) rows.push(at);
    return { rows, matches: rows.length };
  }
  const mine = new Map<string, number[]>();
  let matches = 0;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as LogLine;
    if (!isSeen(line)) continue;
    matches++;
    const path = tree.placeOf(line.Unit);
    const known = mine.get(path);
    if (known) known.push(at);
    else mine.set(path, [at]);
  }
  const rows: Row[] = [];
  const count = (path: string): number =>
    (mine.get(path)?.length ?? 0) + (tree.places.get(path)?.children.reduce((sum, child) => sum + count(child), 0) ?? 0);
  const show = (path: string) => {
    const place = tree.places.get(path);
    const total = count(path);
    if (!place || (filter.text && total === 0)) return;
    rows.push({ path, node: place.node, depth: place.depth, count: total });
    if (filter.folded.has(path)) return;
    for (const at of mine.get(path) ?? []) rows.push(at);
    place.children.forEach(show);
  };
  for (const at of mine.get("") ?? []) rows.push(at);
  tree.top.forEach(show);
  return { rows, matches };
}

function seenBy({ level, text }: Filter): (line: LogLine) => boolean {
  const wanted = text.toLowerCase();
  return (line) =>
    (level === "all" || (level === "info" ? line.Category !== "Verbose" : LOUD.has(line.Category))) &&
    (!wanted || line.MessageText.toLowerCase().includes(wanted));
}
