import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { type ClientBase, types } from 'pg';
import type { DataSourceOptions, MigrationInterface } from 'typeorm';
import { type Config, ConfigError } from '../config/config';
import { sessionCheck, withSessionSettings } from './session';

// Every bigint here (money in minor units, tokens, versions) stays far below 2^53; a string would add up wrongly.
types.setTypeParser(types.builtins.INT8, Number);

/**
 * The connection of one process to one cell.
 *
 * Settings and timeouts are given per connection and not per statement, because a statement that forgot one would hold a hot row.
 * `synchronize` stays off for ever: the schema is what `migrations/` says.
 */
export function dataSourceOptions(config: Config, applicationName: string): DataSourceOptions {
  return {
    type: 'postgres',
    url: withSessionSettings(config),
    migrations: loadMigrations(),
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    poolSize: config.databasePoolMax,
    applicationName,
    // pg's own options. An idle connection's error must not end the process, so TypeORM is given a handler for it.
    poolErrorHandler: () => undefined,
    extra: {
      lock_timeout: config.databaseLockTimeoutMs,
      statement_timeout: config.databaseStatementTimeoutMs,
      // guard: idle-transaction-timeout
      idle_in_transaction_session_timeout: config.databaseIdleTransactionTimeoutMs,
      // A request that gets no connection in this time is told 503 and to come back, rather than queueing up.
      connectionTimeoutMillis: 3_000,
      keepAlive: true,
      verify: verifying(config),
    },
  };
}

/** A connection whose session lacks what is needed is never used. After the start, when nobody stands by, the log says so. */
function verifying(config: Config) {
  const check = sessionCheck(config);
  const logger = new Logger('database');
  let hasWorked = false;
  return (client: ClientBase, done: (error?: Error) => void): void => {
    check(client).then(
      () => {
        hasWorked = true;
        done();
      },
      (error: Error) => {
        if (hasWorked && error instanceof ConfigError) logger.error(error.message);
        done(error);
      },
    );
  };
}

/** `migrations/` stands beside `src/` in the source tree and inside `dist/` after a build. */
function loadMigrations(): (new () => MigrationInterface)[] {
  const folder = [join(__dirname, '../migrations'), join(__dirname, '../../migrations')].find(existsSync);
  if (!folder) throw new Error('Bug: the migrations folder is missing from this build.');
  return readdirSync(folder)
    .filter((file) => /^\d+-[\w-]+\.(js|ts)$/.test(file))
    .sort()
    .flatMap((file) =>
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- the list is read from a folder, so no import can name it
      Object.values(require(join(folder, file)) as Record<string, new () => MigrationInterface>),
    );
}
