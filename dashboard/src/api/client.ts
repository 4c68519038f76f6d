import { noResponse, readProblem } from './problem';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface CallOptions {
  body?: unknown;
  /** Idempotency-Key: one per opened dialog, so that a second press changes nothing. */
  key?: string;
  /** The ETag of the version that was edited. */
  ifMatch?: string;
  signal?: AbortSignal;
}

export interface ApiResponse<T> {
  value: T;
  etag: string | null;
  status: number;
}

/** Longer than any request of the service takes. */
const TIMEOUT_MS = 20_000;

const sessionEnded = new Set<() => void>();

/** Calls the listener when a request is refused because the session has ended. */
export function onSessionEnded(listener: () => void): () => void {
  sessionEnded.add(listener);
  return () => sessionEnded.delete(listener);
}

export function reportSessionEnded(): void {
  for (const listener of sessionEnded) listener();
}

/**
 * One request to `/v1/admin/{path}`, or to `path` itself when it starts with a slash, with the session cookie. Error
 * responses are thrown as a `Problem`.
 */
export async function request<T>(
  method: Method,
  path: string,
  { body, key, ifMatch, signal }: CallOptions = {},
): Promise<ApiResponse<T>> {
  const headers: Record<string, string> = { accept: 'application/json' };
  // CSRF protection: another site's page cannot send this header.
  if (method !== 'GET') headers['x-holdfast'] = '1';
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (key !== undefined) headers['idempotency-key'] = key;
  if (ifMatch !== undefined) headers['if-match'] = ifMatch;
  const response = await fetch(path.startsWith('/') ? path : `/v1/admin/${path}`, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    credentials: 'same-origin',
    cache: 'no-store',
    signal: signal ?? AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: unknown) => {
    throw signal?.aborted ? error : noResponse();
  });
  if (!response.ok) {
    if (response.status === 401 && path !== 'session') reportSessionEnded();
    throw await readProblem(response);
  }
  const value: unknown =
    response.status === 204 ? undefined : await response.json().catch(() => Promise.reject(noResponse()));
  return { value: value as T, etag: response.headers.get('etag'), status: response.status };
}

export async function send<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  return (await request<T>(method, path, options)).value;
}

/**
 * A new idempotency key. `crypto.randomUUID` is missing when the page is not served over HTTPS, for example in a private
 * network, so this uses `getRandomValues`, which is always available.
 */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `dash-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
