import { setFlagsFromString } from 'node:v8';
import { register } from 'prom-client';
import { AuthModule } from './auth/auth.module';
import { type Config, ConfigError, type ProcessRole, loadConfig } from './config/config';
import { ConfigModule } from './config/config.module';
import { explainListenError } from './config/listen-errors';
import { DatabaseModule } from './database/database.module';
import { isConnectionLost } from './database/pg-errors';
import { explainRefusedSettings } from './database/session';
import { reachDatabase } from './database/start-errors';
import { armFailpoints } from './failpoints';
import { InventoryModule } from './inventory/inventory.module';
import { log } from './logger';
import { OutboxModule } from './outbox/outbox.module';
import { PeriodicModule } from './periodic/periodic.module';
import { refusePooledQueue } from './queue/pooled-queue';
import { QueueModule } from './queue/queue.module';
import { startWatchdog } from './watchdog';

/**
 * How far the heap may grow over the live data before the next collection. V8's default is 300 on a machine with much
 * memory: five hundred concurrent buyers grew a heap of 70 MiB live data to 400 MiB.
 */
const heapGrowingPercent = 150;

/** What API and worker both consist of. */
export const sharedModules = (config: Config) => [
  ConfigModule.with(config),
  DatabaseModule,
  AuthModule,
  PeriodicModule,
  QueueModule,
  OutboxModule,
  InventoryModule,
];

/**
 * Starts a process once its database answers. A wrong setting ends it with one line, and a used port names its variable. A
 * lost connection later does not end it: unfinished work is in the database and is resumed.
 */
export async function runProcess(role: ProcessRole, start: (config: Config) => Promise<void>): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`);
  process.on('unhandledRejection', (reason) => log.error({ err: reason }, 'unhandled rejection'));
  // Drivers open their own connections, and one that is cut at the wrong moment has no error handler yet. Any other
  // uncaught error is a bug: then the process cannot be trusted, and its supervisor starts another.
  process.on('uncaughtException', (error) => {
    log.error({ err: error }, 'uncaught exception');
    if (!isConnectionLost(error)) process.exit(1);
  });
  try {
    const config = loadConfig(process.env, role);
    log.level = config.logLevel;
    register.setDefaultLabels({ cell: String(config.cell.number) });
    armFailpoints(config.failpoint);
    endInTime(config);
    // Before TypeORM connects, which logs every failed try with its stack.
    await reachDatabase(config, (why) => log.warn(`waiting for PostgreSQL. ${why}`));
    await refusePooledQueue(config);
    await start(config);
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
function endInTime({ shutdownGraceMs, eventLoopStallMs }: Config): void {
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

function explain(error: Error): string {
  if (error instanceof ConfigError) return error.message;
  return explainListenError(error, process.env) ?? `It could not start: ${error.stack ?? error.message}`;
}
