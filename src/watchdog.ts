import { url as debuggerUrl } from 'node:inspector';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type WatchdogSettings, cell } from './watchdog-memory';

/** Often enough that a stall is seen in time, seldom enough to cost nothing. */
const tickMsMax = 1_000;
const ticksPerLimit = 4;

/**
 * Ends this process from outside its event loop, when that stands still or when a stop takes too long.
 *
 * A loop that blocks (endless code, or promises that never let a timer run) cannot do it itself: no timer fires, and no
 * handler of a signal is called, so that even SIGTERM goes unheard. A thread has its own event loop. It is ended by
 * SIGKILL, after one line in the log, and its supervisor sees that it did not end well.
 *
 * Measured: 7 MiB of memory, and 2 ms of CPU time a second.
 *
 * Undefined when it is switched off (`stallMs` 0).
 */
export function startWatchdog({
  stallMs,
  stopMs,
}: Pick<WatchdogSettings, 'stallMs' | 'stopMs'>): { stopping: () => void } | undefined {
  // guard: watchdog
  if (stallMs === 0) return undefined;
  const tickMs = Math.min(tickMsMax, Math.ceil(stallMs / ticksPerLimit));
  const memory = new Int32Array(
    new SharedArrayBuffer(Object.keys(cell).length * Int32Array.BYTES_PER_ELEMENT),
  );
  const beat = () => {
    Atomics.add(memory, cell.beat, 1);
    Atomics.store(memory, cell.debugged, debuggerUrl() === undefined ? 0 : 1);
  };
  beat();
  setInterval(beat, tickMs / 2).unref();
  const workerData: WatchdogSettings = { memory, tickMs, stallMs, stopMs };
  const thread = new Worker(join(__dirname, 'watchdog-thread.js'), {
    name: 'watchdog',
    workerData,
    // It inherits neither the flags of the process (a debugger, say) nor its heap.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  });
  thread.unref();
  return { stopping: () => Atomics.store(memory, cell.stopping, 1) };
}
