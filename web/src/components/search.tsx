/** Find anything by name: pages at once, and what the server's lists have. */

import { useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { request, type PathOf } from "../api/client";
import type { Page } from "../api/documents";
import { useRead } from "../api/hooks";
import { Icon, type IconName } from "./icons";

interface Found {
  readonly key: string;
  readonly name: string;
  readonly kind: string;
  readonly icon: IconName;
  readonly to: string;
}
interface Named {
  Id: string;
  Name?: string;
  Slug?: string;
  Description?: string;
  PackageId?: string;
  Version?: string;
}

const PAGES: readonly Found[] = (
  [
    ["Dashboard", "", "dashboard"], ["Projects", "projects", "project"], ["Tasks", "tasks", "tasks"], ["Workers and pools", "infrastructure", "machine"],
    ["Add a worker", "infrastructure/workers/new", "plus"], ["Deployment targets", "infrastructure/targets", "machine"], ["Environments", "infrastructure/environments", "machine"],
    ["Script console", "console", "console"], ["Packages", "library", "package"], ["Variable sets", "library/libraryvariablesets", "library"], ["Lifecycles", "library/lifecycles", "library"], ["Audit", "audit", "audit"],
    ["API keys", "configuration", "settings"], ["Users", "configuration/users", "people"],
  ] as const
).map(([name, to, icon]) => ({ key: `page ${to}`, name, kind: "Page", icon, to }));

interface Source {
  readonly path: PathOf<"GET"> & string;
  readonly filter: string;
  readonly kind: string;
  readonly icon: IconName;
  readonly to: (item: Named) => string;
}
const SOURCES: readonly Source[] = [
  { path: "/api/projects", filter: "partialName", kind: "Project", icon: "project", to: (item) => `projects/${item.Slug}` },
  { path: "/api/workers", filter: "partialName", kind: "Worker", icon: "machine", to: (item) => `infrastructure/workers/${item.Id}` },
  { path: "/api/machines", filter: "partialName", kind: "Target", icon: "machine", to: () => "infrastructure/targets" },
  { path: "/api/environments", filter: "partialName", kind: "Environment", icon: "machine", to: () => "infrastructure/environments" },
  { path: "/api/packages", filter: "filter", kind: "Package", icon: "package", to: () => "library" },
  { path: "/api/libraryvariablesets", filter: "partialName", kind: "Variable set", icon: "library", to: () => "library/libraryvariablesets" },
  { path: "/api/tasks", filter: "partialName", kind: "Task", icon: "tasks", to: (item) => `tasks/${item.Id}` },
];
const EACH = 5;
const TYPING_MS = 150;

export function Search({ isOpen, close, space }: { isOpen: boolean; close: () => void; space: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    if (!isOpen) dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} className="dialog search" aria-label="Search" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      {isOpen && <Finder close={close} space={space} />}
    </dialog>
  );
}

function Finder({ close, space }: { close: () => void; space: string }) {
  const [text, setText] = useState("");
  const [place, setPlace] = useState(0);
  const navigate = useNavigate();
  const settled = useSettled(text.trim());
  const lists = SOURCES.map((source) => useSource(source, settled)); // eslint-disable-line react-hooks/rules-of-hooks -- SOURCES never changes
  const wanted = text.trim().toLowerCase();
  const found = [...PAGES.filter((page) => page.name.toLowerCase().includes(wanted)), ...lists.flat()];
  const at = Math.min(place, found.length - 1);
  const open = (item: Found | undefined) => {
    if (!item) return;
    close();
    void navigate(`/${space}/${item.to}`);
  };
  return (
    <div className="finder">
      <input className="input" role="combobox" aria-expanded="true" aria-controls="found" aria-label="Search pages, projects, workers, packages, tasks"
        aria-activedescendant={found[at] ? `found-${at}` : undefined} placeholder="Search pages, projects, workers, packages, tasks" autoFocus value={text}
        onChange={(event) => {
          setText(event.target.value);
          setPlace(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setPlace(Math.min(at + 1, found.length - 1));
          else if (event.key === "ArrowUp") setPlace(Math.max(at - 1, 0));
          else if (event.key === "Enter") open(found[at]);
          else return;
          event.preventDefault();
        }} />
      <ul id="found" role="listbox" aria-label="Found">
        {found.map((item, number) => (
          <li key={item.key} id={`found-${number}`} role="option" aria-selected={number === at} onClick={() => open(item)} onMouseMove={() => setPlace(number)}>
            <Icon name={item.icon} /><span className="grow truncate">{item.name}</span><span className="small quiet">{item.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="quiet">Nothing is called so.</p>}
    </div>
  );
}

function useSource(source: Source, text: string): Found[] {
  const call = request("GET", source.path as "/api/projects", { query: { [source.filter]: text, take: EACH } });
  const answer = useRead<Page<Named>>(call, { enabled: text.length > 0 });
  if (!text) return [];
  return (answer.data?.Items ?? []).map((item) => ({
    key: item.Id,
    name: (item.PackageId ? `${item.PackageId} ${item.Version}` : source.kind === "Task" ? item.Description : item.Name) ?? item.Id,
    kind: source.kind,
    icon: source.icon,
    to: source.to(item),
  }));
}

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
