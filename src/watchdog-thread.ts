import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { type WatchdogSettings, cell } from './watchdog-memory';

/** The thread of the watchdog: see watchdog.ts. It shares nothing with the main thread but a few numbers. */
const { memory, tickMs, stallMs, stopMs } = workerData as WatchdogSettings;

let beat = 0;
let silentTicks = 0;
let stoppingTicks = 0;

/**
 * Ticks are counted, not time: a process that was suspended (a closed laptop, SIGSTOP) suspends this thread as well, and
 * one tick follows however long it slept.
 */
setInterval(() => {
  const now = Atomics.load(memory, cell.beat);
  silentTicks = now === beat ? silentTicks + 1 : 0;
  beat = now;
  // The debugger holds the main thread, and not this one.
  if (Atomics.load(memory, cell.debugged) === 1) return;
  if (silentTicks * tickMs >= stallMs)
    end(`the event loop has stalled for ${stallMs} ms (EVENT_LOOP_STALL_MS)`);
  if (Atomics.load(memory, cell.stopping) === 1 && ++stoppingTicks * tickMs >= stopMs)
    end(`it was asked to stop ${stopMs} ms ago and has not (SHUTDOWN_GRACE_MS)`);
}, tickMs);

/** The logger belongs to the main thread, and so does process.exit. A supervisor starts what a signal has ended again. */
function end(why: string): void {
  const line = { level: 60, time: Date.now(), pid: process.pid, context: 'watchdog' };
  const msg = `${why}; the process is ended for its supervisor to start another. What it was at is in the database.`;
  writeSync(2, `${JSON.stringify({ ...line, msg })}\n`);
  process.kill(process.pid, 'SIGKILL');
}
