/** The frame of a page: its title, what can be done, tabs. */

import { useEffect, type ReactNode } from "react";
import { NavLink } from "react-router";

export function Page({ title, above, actions, children, isWide = false }: { title: string; above?: ReactNode; actions?: ReactNode; children: ReactNode; isWide?: boolean }) {
  useEffect(() => {
    document.title = `${title} · Octavo`;
  }, [title]);
  return (
    <div className={`page ${isWide ? "wide" : ""}`}>
      <header className="page-head">
        <div className="grow">
          {above && <div className="above small quiet">{above}</div>}
          <h1>{title}</h1>
        </div>
        {actions && <div className="row wrap">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Tabs({ label, tabs }: { label: string; tabs: readonly { to: string; name: string; isEnd?: boolean }[] }) {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map((tab) => <NavLink key={tab.to} to={tab.to} end={tab.isEnd ?? false}>{tab.name}</NavLink>)}
    </nav>
  );
}

export function Card({ title, actions, children, isPadded = false }: { title?: string; actions?: ReactNode; children: ReactNode; isPadded?: boolean }) {
  return (
    <section className={`card ${isPadded && !title ? "padded" : ""}`}>
      {title && <header><h2>{title}</h2>{actions}</header>}
      {title && isPadded ? <div className="card-body">{children}</div> : children}
    </section>
  );
}

export function Table({ label, heads, children }: { label: string; heads: readonly string[]; children: ReactNode }) {
  return (
    <div className="scroller" tabIndex={0} role="region" aria-label={label}>
      <table className="table">
        <thead><tr>{heads.map((head, place) => <th key={head || place} scope="col">{head || <span className="hidden-label">Actions</span>}</th>)}</tr></thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
