/** What a page shows while it loads, when there is nothing, and when something went wrong. */

import type { ReactNode } from "react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ApiError } from "../api/client";
import { Icon } from "./icons";

export function Loading() {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      <i /><i /><i /><i />
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <p className="state-title">{title}</p>
      {children}
    </div>
  );
}

export function Failed({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div className="state" role="alert">
      <span className="tone-bad"><Icon name="warning" size={24} /></span>
      <p className="state-title">{error.status === 403 ? "You may not see this" : error.status === 404 ? "This is not here" : "This could not be loaded"}</p>
      <p>{error.message}</p>
      {retry && <button type="button" className="button" onClick={retry}>Try again</button>}
    </div>
  );
}

export function Problem({ error }: { error: Error | null }) {
  if (!error) return null;
  return (
    <div className="banner tone-bad" role="alert">
      <Icon name="warning" />
      <div className="body">{error.message}</div>
    </div>
  );
}

/** The answer of a query, or what stands in its place. An old answer stays in view while a new one fails. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T, ApiError>; children: (answer: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return <Loading />;
}
