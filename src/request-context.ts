import { AsyncLocalStorage } from 'node:async_hooks';

/** Whose work this is: one request's, or that of all the requests that share a batch. Every log line gets it as fields. */
export type RequestContext = { requestId: string } | { requestIds: string[] };

const storage = new AsyncLocalStorage<RequestContext>();

/** Undefined outside of requests: timers, workers, commands. */
export const requestContext = (): RequestContext | undefined => storage.getStore();

/** Runs `work`, and everything that it starts, as this request's. */
export function inRequest<T>(requestId: string, work: () => T): T {
  return storage.run({ requestId }, work);
}

/** Runs what several requests share. Without any it belongs to nobody. */
export function inSharedRequests<T>(contexts: (RequestContext | undefined)[], work: () => T): T {
  const requestIds = contexts.flatMap((context) => {
    if (!context) return [];
    return 'requestId' in context ? [context.requestId] : context.requestIds;
  });
  const [requestId, ...others] = requestIds;
  if (requestId === undefined) return storage.exit(work);
  return storage.run(others.length > 0 ? { requestIds } : { requestId }, work);
}

/** Starts what outlives the request that happened to be the first to need it, such as a loop for everybody. */
export function outsideRequests<T>(work: () => T): T {
  return storage.exit(work);
}
