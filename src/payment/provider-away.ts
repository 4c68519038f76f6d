import { setTimeout as pause } from 'node:timers/promises';

/** The provider did not answer, failed or asked for a pause: whatever is read next will fail too. */
export class ProviderAway extends Error {
  constructor(
    override readonly cause: Error,
    readonly retryAfterMs: number | undefined,
  ) {
    super(`The payment provider cannot be read now: ${cause.message}`);
  }
}

/** Together about half a minute: a limit of requests a second is over by then, an outage is not waited for. */
const pausesMax = 8;
const firstPauseMs = 1_000;
const pauseMsMax = 5_000;
/** A longer pause that the provider asks for is cut, because the caller's lease is extended between pauses. */
const askedPauseMsMax = 30_000;

/**
 * For long reads, which would otherwise begin again after one refused page: reads again after a pause while the provider is
 * away. Yields undefined before each pause, so that the caller can extend its lease or stop, and the value at last.
 */
export async function* readPatiently<T>(read: () => Promise<T>): AsyncGenerator<T | undefined> {
  for (let pauses = 0; ; pauses++) {
    try {
      yield await read();
      return;
    } catch (error) {
      if (!(error instanceof ProviderAway) || pauses === pausesMax) throw error;
      yield undefined;
      const usualMs = Math.min(firstPauseMs * 2 ** pauses, pauseMsMax);
      await pause(Math.min(error.retryAfterMs ?? usualMs, askedPauseMsMax));
    }
  }
}
