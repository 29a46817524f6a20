/** What stands around every page: the ways to go, search, space, theme, who is signed in. */

import { useEffect, useState, type ReactNode } from "react";
import { NavLink, useLocation, useNavigate } from "react-router";
import { request } from "./api/client";
import type { Page, Space, Task } from "./api/documents";
import { useRead } from "./api/hooks";
import { Icon, type IconName } from "./components/icons";
import { Search } from "./components/search";
import { useSession } from "./session";
import { useTheme } from "./theme";

const PLACES: readonly { to: string; name: string; icon: IconName; isEnd?: boolean }[] = [
  { to: "", name: "Dashboard", icon: "dashboard", isEnd: true },
  { to: "projects", name: "Projects", icon: "project" },
  { to: "tasks", name: "Tasks", icon: "tasks" },
  { to: "infrastructure", name: "Infrastructure", icon: "machine" },
  { to: "console", name: "Script console", icon: "console" },
  { to: "library", name: "Library", icon: "library" },
  { to: "audit", name: "Audit", icon: "audit" },
  { to: "configuration", name: "Configuration", icon: "settings" },
];
const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" } as const;

export function Layout({ space, children }: { space: string; children: ReactNode }) {
  const [isSearching, setSearching] = useState(false);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const { pathname } = useLocation();
  useEffect(() => setMenuOpen(false), [pathname]);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setSearching(true);
      }
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
  return (
    <div className="frame">
      <a className="skip" href="#content">Skip to content</a>
      <header className="top">
        <button type="button" className="button plain icon menu-button" aria-label="Menu" aria-expanded={isMenuOpen} onClick={() => setMenuOpen(!isMenuOpen)}>
          <Icon name="menu" />
        </button>
        <NavLink to={`/${space}`} end className="brand"><img src="/app/octavo.svg" alt="" width="24" height="24" />Octavo</NavLink>
        <SpaceSwitch space={space} />
        <button type="button" className="search-button" onClick={() => setSearching(true)}>
          <Icon name="search" /><span className="grow">Search</span><kbd>Ctrl K</kbd>
        </button>
        <ThemeButton />
        <Account />
      </header>
      <nav className={`side ${isMenuOpen ? "open" : ""}`} aria-label="Main">
        {PLACES.map((place) => (
          <NavLink key={place.name} to={place.to ? `/${space}/${place.to}` : `/${space}`} end={place.isEnd ?? false}>
            <Icon name={place.icon} /><span className="grow">{place.name}</span>
            {place.to === "tasks" && <Asking />}
          </NavLink>
        ))}
      </nav>
      <main id="content" tabIndex={-1}>{children}</main>
      <Search isOpen={isSearching} close={() => setSearching(false)} space={space} />
    </div>
  );
}

/** How many tasks wait for an answer. */
function Asking() {
  const call = request("GET", "/api/tasks", { query: { hasPendingInterruptions: true, active: true, take: 1 } });
  const tasks = useRead<Page<Task>>(call, { every: 10_000 });
  const count = tasks.data?.TotalResults ?? 0;
  return count > 0 ? <span className="count" title={`${count} waiting for an answer`}>{count}</span> : null;
}

function SpaceSwitch({ space }: { space: string }) {
  const navigate = useNavigate();
  const spaces = useRead<Space[]>(request("GET", "/api/spaces/all", { isSystem: true }));
  if (!spaces.data || spaces.data.length < 2) return null;
  return (
    <select className="input space" aria-label="Space" value={space} onChange={(event) => void navigate(`/${event.target.value}`)}>
      {spaces.data.map((each) => <option key={each.Id} value={each.Id}>{each.Name}</option>)}
    </select>
  );
}

function ThemeButton() {
  const [theme, goOn] = useTheme();
  return (
    <button type="button" className="button plain icon" onClick={goOn} title={`Theme: ${theme}`} aria-label={`Theme: ${theme}. Change it`}>
      <Icon name={THEME_ICONS[theme]} />
    </button>
  );
}

function Account() {
  const { user, signOut } = useSession();
  return (
    <div className="row account">
      <span className="quiet truncate" title={user.Username}>{user.DisplayName || user.Username}</span>
      <button type="button" className="button plain" onClick={() => void signOut()}>Sign out</button>
    </div>
  );
}
