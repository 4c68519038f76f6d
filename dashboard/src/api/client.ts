import { noAnswer, problemOf } from './problem';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface CallOptions {
  body?: unknown;
  /** Idempotency-Key: one per opened dialog, so that a second press changes nothing twice. */
  key?: string;
  /** The version that was looked at when the change was made. */
  ifMatch?: string;
  signal?: AbortSignal;
}

export interface Answer<T> {
  value: T;
  etag: string | null;
  status: number;
}

/** Longer than anything the service does while somebody waits. */
const ANSWER_WITHIN_MS = 20_000;

const sessionEnded = new Set<() => void>();

/** Told whenever a call is refused because the session is over. */
export function onSessionEnded(listener: () => void): () => void {
  sessionEnded.add(listener);
  return () => sessionEnded.delete(listener);
}

export function tellSessionEnded(): void {
  for (const listener of sessionEnded) listener();
}

/** One call to `/v1/admin/…`, or to another path that begins with a slash, by the session's cookie. What is refused is thrown as a `Problem`. */
export async function answerOf<T>(
  method: Method,
  path: string,
  { body, key, ifMatch, signal }: CallOptions = {},
): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: 'application/json' };
  // What a foreign page cannot add to a call, so that none acts in this person's name.
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
    signal: signal ?? AbortSignal.timeout(ANSWER_WITHIN_MS),
  }).catch((error: unknown) => {
    throw signal?.aborted ? error : noAnswer();
  });
  if (!response.ok) {
    if (response.status === 401 && path !== 'session') tellSessionEnded();
    throw await problemOf(response);
  }
  const value: unknown =
    response.status === 204 ? undefined : await response.json().catch(() => Promise.reject(noAnswer()));
  return { value: value as T, etag: response.headers.get('etag'), status: response.status };
}

export async function send<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  return (await answerOf<T>(method, path, options)).value;
}

/**
 * An idempotency key. `crypto.randomUUID` is missing where the page is not served over HTTPS, as inside a private
 * network, so the randomness is drawn by the call that is always there.
 */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `dash-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
