import { setFlagsFromString } from 'node:v8';
import { type Config, ConfigError } from './config/config';
import { explainListenError } from './config/listen-errors';
import { isConnectionLost } from './database/pg-errors';
import { explainRefusedSettings } from './database/session';
import { reachDatabase } from './database/start-errors';
import { log } from './logger';
import { startWatchdog } from './watchdog';

/**
 * How far the heap may grow over the live data before the next collection. V8's default is 300 on a machine with much
 * memory: five hundred concurrent buyers grew a heap of 70 MiB live data to 400 MiB.
 */
const heapGrowingPercent = 150;

/**
 * Starts a process. A wrong setting ends it with one line, and a used port names its variable. A lost connection later does
 * not end it: unfinished work is in the database and is resumed.
 */
export async function runProcess(start: () => Promise<void>): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`);
  process.on('unhandledRejection', (reason) => log.error({ err: reason }, 'unhandled rejection'));
  // Drivers open their own connections, and one that is cut at the wrong moment has no error handler yet. Any other
  // uncaught error is a bug: then the process cannot be trusted, and its supervisor starts another.
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

/** What closing takes in addition to the work in flight. */
const closingMs = 3_000;

/**
 * Makes a process that was asked to stop end even if something hangs: unfinished work is in the database, and other
 * processes resume it. A timer ends it while the event loop runs, and a thread when that is blocked.
 */
export function endInTime({ shutdownGraceMs, eventLoopStallMs }: Config): void {
  const limitMs = shutdownGraceMs + closingMs;
  const watchdog = startWatchdog({ stallMs: eventLoopStallMs, stopMs: limitMs + closingMs });
  const giveUp = () => {
    log.warn(`not everything was closed within ${limitMs} ms; exiting anyway`);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      watchdog?.stopping();
      setTimeout(giveUp, limitMs).unref();
    });
}

/** Call it before TypeORM connects, which logs every failed try with its stack. */
export async function untilDatabaseAnswers(config: Config): Promise<void> {
  await reachDatabase(config, (why) => log.warn(`waiting for PostgreSQL. ${why}`));
}

function explain(error: Error): string {
  if (error instanceof ConfigError) return error.message;
  return explainListenError(error, process.env) ?? `It could not start: ${error.stack ?? error.message}`;
}
