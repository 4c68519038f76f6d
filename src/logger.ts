import { AsyncLocalStorage } from 'node:async_hooks';
import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';

/** The request, or the requests of a batch, that the running code works for. Every log line gets it as fields. */
export type RequestContext = { requestId: string } | { requestIds: string[] };

const storage = new AsyncLocalStorage<RequestContext>();

/** Undefined outside requests: in timers, workers and commands. */
export const requestContext = (): RequestContext | undefined => storage.getStore();

/** Runs `work`, and everything that it starts, for this request. */
export function inRequest<T>(requestId: string, work: () => T): T {
  return storage.run({ requestId }, work);
}

/** Runs work that several requests share, or that none does. */
export function inSharedRequests<T>(contexts: (RequestContext | undefined)[], work: () => T): T {
  const requestIds = contexts.flatMap((context) => {
    if (!context) return [];
    return 'requestId' in context ? [context.requestId] : context.requestIds;
  });
  const [requestId, ...others] = requestIds;
  if (requestId === undefined) return storage.exit(work);
  return storage.run(others.length > 0 ? { requestIds } : { requestId }, work);
}

/** Runs work that outlives the request that starts it, such as a loop that all requests use. */
export function outsideRequests<T>(work: () => T): T {
  return storage.exit(work);
}

/** One JSON line per event, with the id of its request. Keys and signatures are redacted. */
export const log = pino({
  base: { pid: process.pid },
  mixin: () => ({ ...requestContext() }),
  redact: ['req.headers.authorization', 'req.headers["idempotency-key"]', 'req.headers["stripe-signature"]'],
});

/** Nest's logger. What Nest logs about its own start is for debugging only. */
export class NestLog implements LoggerService {
  log(message: unknown, context?: string) {
    log.debug({ context }, String(message));
  }
  debug(message: unknown, context?: string) {
    log.debug({ context }, String(message));
  }
  verbose(message: unknown, context?: string) {
    log.trace({ context }, String(message));
  }
  warn(message: unknown, context?: string) {
    log.warn({ context }, String(message));
  }
  error(message: unknown, ...more: unknown[]) {
    const context = more.at(-1);
    if (message instanceof Error) log.error({ context, err: message }, message.message);
    else log.error({ context, detail: more.length > 1 ? more[0] : undefined }, String(message));
  }
}
