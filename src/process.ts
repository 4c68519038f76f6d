import { setFlagsFromString } from 'node:v8';
import { ConfigError } from './config';
import { isConnectionLost } from './database/pg-errors';
import { log } from './http/log';

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
    console.error(explain(error as Error & { code?: string; port?: number }));
    process.exit(1);
  }
}

/** What closing takes beside the work in flight. */
const closingMs = 3_000;

/**
 * A process that was asked to stop ends, also when something in it hangs: what is left behind is in the database, and
 * is taken up by others.
 */
export function endInTime(graceMs: number): void {
  const giveUp = () => {
    log.warn(`not everything was closed within ${graceMs + closingMs} ms; it is left behind`);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => setTimeout(giveUp, graceMs + closingMs).unref());
}

function explain(error: Error & { code?: string; port?: number }): string {
  if (error instanceof ConfigError) return error.message;
  if (error.code === 'EADDRINUSE')
    return `Port ${error.port} is in use. Stop what listens there, or choose another: PORT=${(error.port ?? 3000) + 1}`;
  if (error.code === 'ECONNREFUSED')
    return `PostgreSQL cannot be reached (${error.message}). Check DATABASE_URL.`;
  return `It could not start: ${error.stack ?? error.message}`;
}
