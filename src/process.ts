import { setFlagsFromString } from 'node:v8';
import { type Config, ConfigError } from './config/config';
import { explainListenError } from './config/listen-errors';
import { isConnectionLost } from './database/pg-errors';
import { explainRefusedSettings } from './database/session';
import { reachDatabase } from './database/start-errors';
import { log } from './logger';
import { startWatchdog } from './watchdog';

/**
 * How far the heap may grow beyond what was alive after the last collection, before the next one. V8's own measure is
 * 300 on a machine with much memory: five hundred buyers at once made 400 MiB of a heap in which 70 MiB were alive.
 */
const heapGrowingPercent = 150;

/**
 * Starts a process and keeps it honest: a wrong setting ends it with one line, a used port names its variable, and
 * nothing that breaks later ends it, for what is unfinished is in the database and is taken up again.
 */
export async function runProcess(start: () => Promise<void>): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`);
  process.on('unhandledRejection', (reason) => log.error({ err: reason }, 'unhandled rejection'));
  // Drivers open connections of their own, and one that is cut in the wrong moment has nobody listening yet. Anything
  // else that nobody caught is a bug of ours: then this process is not to be trusted, and its supervisor starts another.
  process.on('uncaughtException', (error) => {
    log.error({ err: error }, 'uncaught exception');
    if (!isConnectionLost(error)) process.exit(1);
  });
  try {
    await start();
  } catch (error) {
    console.error(explain(explainRefusedSettings(error) as Error));
    process.exit(1);
  }
}

/** What closing takes beside the work in flight. */
const closingMs = 3_000;

/**
 * A process that was asked to stop ends, also when something in it hangs: what is left behind is in the database, and
 * is taken up by others. A timer sees to it while the event loop turns, and a thread when it does not.
 */
export function endInTime({ shutdownGraceMs, eventLoopStallMs }: Config): void {
  const limitMs = shutdownGraceMs + closingMs;
  const watchdog = startWatchdog({ stallMs: eventLoopStallMs, stopMs: limitMs + closingMs });
  const giveUp = () => {
    log.warn(`not everything was closed within ${limitMs} ms; it is left behind`);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      watchdog?.stopping();
      setTimeout(giveUp, limitMs).unref();
    });
}

/** Before anything that logs every failed try with its stack. */
export async function untilDatabaseAnswers(config: Config): Promise<void> {
  await reachDatabase(config, (why) => log.warn(`waiting for PostgreSQL. ${why}`));
}

function explain(error: Error): string {
  if (error instanceof ConfigError) return error.message;
  return explainListenError(error, process.env) ?? `It could not start: ${error.stack ?? error.message}`;
}
