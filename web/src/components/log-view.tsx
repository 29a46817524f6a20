/** A log of any length: a tree of steps and machines with their lines, of which only those in view exist as elements. */

import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { TaskNode } from "../api/documents";
import type { LogLine } from "../api/log";
import { foldedRows, treeOf, type Level, type Row, type Tree } from "./log-rows";
import { Icon } from "./icons";
import { StatusIcon } from "./status";
import { clock, Duration, utc } from "./time";

const HEIGHT = 20; // of a row, as the style sheet says
const AROUND = 30; // rows beyond the view, so that quick scrolling stays filled
const DEEPEST = 3;

interface Props {
  readonly lines: readonly LogLine[];
  readonly version: number;
  readonly root: TaskNode | undefined;
  readonly isRunning: boolean;
  readonly isComplete: boolean;
}

export function LogView({ lines, version, root, isRunning, isComplete }: Props) {
  const [level, setLevel] = useState<Level>("info");
  const [isTree, setTree] = useState(true);
  const [text, setText] = useState("");
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [isFollowing, setFollowing] = useState(isRunning);
  const wanted = useDeferredValue(text.trim());
  const tree = useMemo(() => treeOf(root), [root]);
  const rows = useMemo(
    () => foldedRows(lines, isTree ? tree : null, { level, text: wanted, folded }),
    // `version` stands for the lines, which grow in place
    [lines, version, tree, isTree, level, wanted, folded], // eslint-disable-line react-hooks/exhaustive-deps
  );
  const toggle = (path: string) => setFolded((before) => {
    const next = new Set(before);
    if (!next.delete(path)) next.add(path);
    return next;
  });
  return (
    <section className="card log" aria-label="Log">
      <div className="log-tools">
        <input className="input search-text" type="search" aria-label="Search the log" placeholder="Search the log" value={text} onChange={(event) => setText(event.target.value)} />
        <select className="input" aria-label="Level" value={level} onChange={(event) => setLevel(event.target.value as Level)}>
          <option value="all">Verbose</option><option value="info">Information</option><option value="warning">Warnings, errors</option>
        </select>
        <select className="input" aria-label="Order" value={isTree ? "tree" : "time"} onChange={(event) => setTree(event.target.value === "tree")}>
          <option value="tree">By step and machine</option><option value="time">In order of time</option>
        </select>
        <label className="choice"><input type="checkbox" checked={isFollowing} onChange={(event) => setFollowing(event.target.checked)} />Follow</label>
        <span className="small quiet grow" role="status" data-lines={lines.length}>
          {wanted ? `${rows.matches.toLocaleString()} of ${lines.length.toLocaleString()} lines` : `${count(lines.length)}${isComplete ? "" : ", live"}`}
        </span>
      </div>
      <Rows rows={rows.rows} lines={lines} tree={tree} text={wanted} folded={folded} toggle={toggle} isFollowing={isFollowing} stopFollowing={() => setFollowing(false)} />
    </section>
  );
}

interface RowsProps {
  readonly rows: readonly Row[];
  readonly lines: readonly LogLine[];
  readonly tree: Tree;
  readonly text: string;
  readonly folded: ReadonlySet<string>;
  readonly toggle: (path: string) => void;
  readonly isFollowing: boolean;
  readonly stopFollowing: () => void;
}

function Rows({ rows, lines, tree, text, folded, toggle, isFollowing, stopFollowing }: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  useEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [isFollowing, rows]);
  const first = Math.max(0, Math.floor(view.top / HEIGHT) - AROUND);
  const shown = rows.slice(first, Math.ceil((view.top + view.height) / HEIGHT) + AROUND);
  return (
    <div ref={box} className="lines" tabIndex={0} role="region" aria-label="Log lines"
      onWheel={(event) => event.deltaY < 0 && stopFollowing()} onTouchMove={stopFollowing}
      onKeyDown={(event) => ["ArrowUp", "PageUp", "Home"].includes(event.key) && stopFollowing()}>
      <div className="all" style={{ height: rows.length * HEIGHT }}>
        <div className="shown" style={{ transform: `translateY(${first * HEIGHT}px)` }}>
          {shown.map((row) => {
            if (typeof row === "number") {
              const line = lines[row];
              return line && <Line key={row} line={line} text={text} depth={row < 0 ? 0 : tree.depthOf(line.Unit)} />;
            }
            return <Node key={row.path} row={row} isFolded={folded.has(row.path)} toggle={toggle} />;
          })}
        </div>
      </div>
      {rows.length === 0 && <p className="quiet log-empty">{lines.length === 0 ? "No lines yet." : "No line fits the search and level."}</p>}
    </div>
  );
}

function Node({ row, isFolded, toggle }: { row: Exclude<Row, number>; isFolded: boolean; toggle: (path: string) => void }) {
  const { node, depth } = row;
  return (
    <button type="button" className={`node depth-${Math.min(depth, DEEPEST)}`} aria-expanded={!isFolded} onClick={() => toggle(row.path)}>
      <Icon name={isFolded ? "right" : "down"} size={12} />
      <StatusIcon state={node.Status} />
      {node.Name}
      <span className="quiet">
        {node.Status === "Running" && node.ProgressMessage ? `${node.ProgressMessage} ${node.ProgressPercentage} % · ` : ""}
        <Duration from={node.Started} to={node.Ended} />
        {row.count > 0 && ` · ${count(row.count)}`}
      </span>
    </button>
  );
}

function count(lines: number): string {
  return lines === 1 ? "1 line" : `${lines.toLocaleString()} lines`;
}

function Line({ line, text, depth }: { line: LogLine; text: string; depth: number }) {
  return (
    <div className={`line ${line.Category}`}>
      <time dateTime={line.OccurredAt} title={utc(new Date(line.OccurredAt))}>{clock(line.OccurredAt)}</time>
      <span className={`text depth-${Math.min(depth, DEEPEST)}`}>{text ? <Marked line={line.MessageText} text={text} /> : line.MessageText}</span>
    </div>
  );
}

function Marked({ line, text }: { line: string; text: string }) {
  const at = line.toLowerCase().indexOf(text.toLowerCase());
  if (at < 0) return line;
  return <>{line.slice(0, at)}<mark>{line.slice(at, at + text.length)}</mark>{line.slice(at + text.length)}</>;
}
