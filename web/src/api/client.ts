/** The one way to the server's REST API: paths checked against its OpenAPI document, session cookie, CSRF, errors. */

import type { paths } from "./schema";

export type Method = "GET" | "POST" | "PUT" | "DELETE";
export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;
type Lower<M extends Method> = Lowercase<M>;
/** Paths that know the method. A path that the server no longer has fails the build. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: [NonNullable<paths[P][Lower<M>]>] extends [never] ? never : P;
}[keyof paths];
type Names<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Params<P extends string> = [Names<P>] extends [never] ? { params?: undefined } : { params: Record<Names<P>, string> };

/** A request as data: it can be sent, and shown as a command. */
export interface ApiCall {
  readonly method: Method;
  readonly url: string;
  readonly body?: unknown;
}

/** What the server refused, with its reason. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly details: readonly string[] = [],
  ) {
    super(message);
  }
}

let space = "";
let installation = "";

export function enterSpace(id: string): void {
  space = id;
}

export function currentSpace(): string {
  return space;
}

export function rememberInstallation(id: string): void {
  installation = id;
}

/** The request for a path of the API, in the space of the page unless `isSystem`. */
export function request<M extends Method, P extends PathOf<M> & string>(
  method: M,
  path: P,
  options: Params<P> & { query?: Query; body?: unknown; isSystem?: boolean },
): ApiCall {
  const params: Record<string, string> = options.params ?? {};
  let filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  if (space && !options.isSystem) filled = filled.replace(/^\/api/, `/api/${space}`);
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value === undefined || value === "") continue;
    query.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = query.toString();
  return { method, url: text ? `${filled}?${text}` : filled, body: options.body };
}

/** Send it; the JSON of the answer. */
export async function send<T = unknown>(call: ApiCall, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", ...csrfHeader(call.method) };
  if (call.body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(call.url, {
    method: call.method,
    headers,
    body: call.body === undefined ? null : JSON.stringify(call.body),
    signal: signal ?? null,
  }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer. Is it running, and are you online?");
  });
  const text = await answer.text();
  const json: unknown = text ? parse(text) : null;
  if (!answer.ok) throw asError(answer.status, json);
  return json as T;
}

export function csrfHeader(method: Method): Record<string, string> {
  if (method === "GET") return {};
  const token = cookie(`Octopus-Csrf-Token_${installation}`);
  return token ? { "X-Octopus-Csrf-Token": token } : {};
}

export function asError(status: number, json: unknown): ApiError {
  const told = (json ?? {}) as { ErrorMessage?: string; Errors?: string[] | null };
  return new ApiError(status, told.ErrorMessage || `The server answered ${status}.`, told.Errors ?? []);
}

/** The same request as a command line. */
export function asCurl(call: ApiCall): string {
  const words = ["curl", "-H", quoted("X-Octopus-ApiKey: $OCTAVO_API_KEY", '"')];
  if (call.method !== "GET") words.push("-X", call.method);
  if (call.body !== undefined) words.push("-H", quoted("Content-Type: application/json", '"'), "-d", single(JSON.stringify(call.body)));
  words.push(single(location.origin + call.url));
  return words.join(" ");
}

function quoted(text: string, mark: string): string {
  return mark + text + mark;
}

function single(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { ErrorMessage: text.slice(0, 200) };
  }
}

function cookie(name: string): string {
  for (const part of document.cookie.split("; ")) {
    if (part.startsWith(`${name}=`)) return decodeURIComponent(part.slice(name.length + 1));
  }
  return "";
}
