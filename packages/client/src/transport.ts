import { setTimeout as pause } from 'node:timers/promises';
import { HoldfastProblem, OutcomeUnknown, type ProblemBody, problemFrom } from './errors.js';

export interface Settings {
  /** Address of the service, such as `https://checkout.example.com`. */
  url: string;
  /** Key of the shop. It never goes to a browser. */
  apiKey: string;
  /** How long a call may take, with all its tries and waits. 60 000 unless given. */
  deadlineMs?: number;
  /** How long one try may take, beside what it asks the service to wait. 10 000 unless given. */
  tryMs?: number;
  /** How long the service may wait for an order's end before it answers, up to 30. 10 unless given. */
  waitSeconds?: number;
  /** False: each request is sent once, and its first answer counts. */
  retries?: boolean;
}

export interface CallOptions {
  /** The key of this intent. Store it before you call, and it holds over a restart of the shop; otherwise one is made. */
  idempotencyKey?: string;
  deadlineMs?: number;
  signal?: AbortSignal;
}

export interface Request extends CallOptions {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  /** Ask the service to answer only when there is something new, at most this long. */
  waitSeconds?: number;
}

export interface Answer<Body> {
  status: number;
  body: Body;
}

/** Spread over half of its length, so that many shops do not come back at once after an outage. */
const backoffMs = (tries: number) => Math.min(100 * 2 ** tries, 5_000) * (0.5 + Math.random() / 2);

/** No answer: the connection broke, or the time of the try was over. */
class Unanswered extends Error {}

/** Sends requests, the same one again while its outcome is not known or waiting alone may change it. */
export class Transport {
  constructor(private readonly settings: Settings) {}

  /** The moment at which a call that begins now must have ended, by `performance.now()`. */
  deadline({ deadlineMs = this.settings.deadlineMs ?? 60_000 }: CallOptions = {}): number {
    return performance.now() + deadlineMs;
  }

  /** Most cards are decided within a second. */
  get waitSeconds(): number {
    return this.settings.waitSeconds ?? 10;
  }

  async send<Body>(request: Request, deadline = this.deadline(request)): Promise<Answer<Body>> {
    let isUnknown = false;
    for (let tries = 1; ; tries++) {
      const outcome = await this.tryOnce<Body>(request, deadline);
      if (!(outcome instanceof Error)) return outcome;
      // Of a 5xx nothing is known: it may be a proxy's.
      isUnknown ||= !(outcome instanceof HoldfastProblem) || outcome.status >= 500;
      const delayMs = this.settings.retries === false ? undefined : delayOf(outcome, tries);
      const isOver = delayMs === undefined || performance.now() + delayMs >= deadline;
      if (!isOver) await pause(delayMs, undefined, { signal: request.signal });
      else if (isUnknown && (delayMs !== undefined || !(outcome instanceof HoldfastProblem)))
        throw new OutcomeUnknown(
          `${request.method} ${request.path} got no clear answer: ${outcome.message} It may have been done. Send it again with the same key.`,
          request.idempotencyKey,
          undefined,
          outcome,
        );
      else throw outcome;
    }
  }

  /** An answer of success, or a value that says why there is none. */
  private async tryOnce<Body>(request: Request, deadline: number): Promise<Answer<Body> | Error> {
    const leftMs = deadline - performance.now();
    const waitSeconds = Math.max(0, Math.min(request.waitSeconds ?? 0, Math.floor(leftMs / 1_000)));
    const tryMs = Math.min((this.settings.tryMs ?? 10_000) + waitSeconds * 1_000, Math.max(leftMs, 1));
    const { signal } = request;
    signal?.throwIfAborted();
    // Neither AbortSignal.any nor AbortSignal.timeout: the one is lost to garbage collection in early releases of Node 20,
    // the other lets a process end in the middle of its call.
    const trial = new AbortController();
    const stop = () => trial.abort();
    const timer = setTimeout(stop, tryMs);
    signal?.addEventListener('abort', stop);
    try {
      const response = await fetch(this.addressOf(request), {
        method: request.method,
        headers: this.headersOf(request, waitSeconds),
        body: request.body === undefined ? undefined : JSON.stringify(request.body),
        // A POST that is redirected may arrive as a GET.
        redirect: 'manual',
        signal: trial.signal,
      });
      return await read<Body>(response);
    } catch (error) {
      signal?.throwIfAborted();
      const why = trial.signal.aborted ? `no answer within ${Math.round(tryMs)} ms.` : reasonOf(error);
      return new Unanswered(why, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }

  private addressOf({ path, query = {} }: Request): URL {
    const url = new URL(this.settings.url.replace(/\/$/, '') + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return url;
  }

  private headersOf({ idempotencyKey, body }: Request, waitSeconds: number): Record<string, string> {
    return {
      authorization: `Bearer ${this.settings.apiKey}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      ...(waitSeconds > 0 && { prefer: `wait=${waitSeconds}` }),
    };
  }
}

async function read<Body>(response: Response): Promise<Answer<Body> | HoldfastProblem> {
  const text = await response.text();
  if (response.ok)
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Body };
  return problemFrom(problemOf(response, text), retryAfterOf(response));
}

function problemOf({ status, headers, url }: Response, text: string): ProblemBody {
  if (headers.get('content-type')?.startsWith('application/problem+json'))
    return JSON.parse(text) as ProblemBody;
  return {
    type: 'about:blank',
    title: 'Not an answer of Holdfast',
    status,
    code: 'unexpected_answer',
    detail: `${url} answered ${status} without saying why. Check the address, and the proxies before it.`,
    instance: new URL(url).pathname,
    requestId: headers.get('x-request-id') ?? '',
    retryable: status >= 500 || status === 429 || status === 408,
  };
}

/** In seconds, or as a date. */
function retryAfterOf({ headers }: Response): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1_000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/**
 * How long to wait before the next try; undefined: no other try. A refusal that may change by something else than time, such
 * as stock that comes back, says `retryable` without `Retry-After`: that is for the shop to decide.
 */
function delayOf(outcome: Error, tries: number): number | undefined {
  if (!(outcome instanceof HoldfastProblem)) return backoffMs(tries);
  const { status, retryable, retryAfterSeconds } = outcome;
  if (!retryable) return undefined;
  if (retryAfterSeconds !== undefined) return retryAfterSeconds * 1_000 + backoffMs(0);
  return status >= 500 || status === 429 || status === 408 ? backoffMs(tries) : undefined;
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return `${cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : message}.`;
}
