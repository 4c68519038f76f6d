import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { type WatchdogSettings, cell } from './watchdog';

/** The thread of the watchdog, see watchdog.ts. It shares only a few numbers with the main thread. */
const { memory, tickMs, stallMs, stopMs } = workerData as WatchdogSettings;

let beat = 0;
let silentTicks = 0;
let stoppingTicks = 0;

/**
 * Counts ticks, not time: when the process is suspended (a closed laptop, SIGSTOP), so is this thread, and one tick follows
 * however long that lasted.
 */
setInterval(() => {
  const now = Atomics.load(memory, cell.beat);
  silentTicks = now === beat ? silentTicks + 1 : 0;
  beat = now;
  // A debugger stops the main thread but not this one.
  if (Atomics.load(memory, cell.debugged) === 1) return;
  if (silentTicks * tickMs >= stallMs)
    end(`the event loop has stalled for ${stallMs} ms (EVENT_LOOP_STALL_MS)`);
  if (Atomics.load(memory, cell.stopping) === 1 && ++stoppingTicks * tickMs >= stopMs)
    end(`it was asked to stop ${stopMs} ms ago and has not (SHUTDOWN_GRACE_MS)`);
}, tickMs);

/** The logger and process.exit belong to the main thread. The supervisor restarts a process that a signal ended. */
function end(why: string): void {
  const line = { level: 60, time: Date.now(), pid: process.pid, context: 'watchdog' };
  const msg = `${why}; the process is killed so that its supervisor starts another. Its unfinished work is in the database.`;
  writeSync(2, `${JSON.stringify({ ...line, msg })}\n`);
  process.kill(process.pid, 'SIGKILL');
}
