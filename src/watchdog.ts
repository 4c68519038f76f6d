import { url as debuggerUrl } from 'node:inspector';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** The shared memory of the main thread and the watchdog: an array with these cells. */
export const cell = {
  /** Incremented while the event loop runs. */
  beat: 0,
  /** 1 after the process was asked to stop. */
  stopping: 1,
  /** 1 while a debugger is attached, because a breakpoint stops the event loop. */
  debugged: 2,
} as const;

export interface WatchdogSettings {
  memory: Int32Array;
  /** How often the thread checks. */
  tickMs: number;
  /** How long the event loop may be blocked. */
  stallMs: number;
  /** How long the process may take to stop. */
  stopMs: number;
}

/** Often enough to see a stall in time, rarely enough to cost nothing. */
const tickMsMax = 1_000;
const ticksPerLimit = 4;

/**
 * Kills this process when its event loop is blocked, or when a stop takes too long.
 *
 * A blocked loop (endless code, or promises that never let a timer run) fires no timer and calls no signal handler, so even
 * SIGTERM has no effect. A thread has its own event loop: it logs one line and sends SIGKILL, and the supervisor starts
 * another process.
 *
 * Measured: 7 MiB of memory, and 2 ms of CPU time a second.
 *
 * Returns undefined when it is off (`stallMs` 0).
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
    // Without the flags of the process (such as a debugger) and its heap limits.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  });
  thread.unref();
  return { stopping: () => Atomics.store(memory, cell.stopping, 1) };
}
