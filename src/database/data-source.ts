import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { type ClientBase, types } from 'pg';
import { type DataSourceOptions, DefaultNamingStrategy, type MigrationInterface, type Table } from 'typeorm';
import { type Config, ConfigError } from '../config/config';
import { cellCheck } from './cell-check';
import { readNewestEvent } from './newest-event';
import { checkSession, withSessionSettings } from './session';

// Every bigint (money in minor units, tokens, versions) stays far below 2^53, and strings would add up wrongly.
types.setTypeParser(types.builtins.INT8, Number);

/** What `Database` reads. */
export interface PoolExtras {
  preparedStatements: boolean;
  statement_timeout: number;
}

/** How much later than PostgreSQL's own timeout we give up on a statement: enough for its error to arrive on a slow day. */
const answerMs = 1_000;

/** A machine that is gone is noticed some ten seconds after this much silence. The kernel's default is two hours. */
const keepAliveMs = 10_000;

/**
 * TypeORM's options. Timeouts are set per connection, because a statement that forgot one would hold a hot row.
 * `synchronize` stays off: the schema is what `migrations/` makes.
 */
export function dataSourceOptions(config: Config, applicationName: string): DataSourceOptions {
  return {
    type: 'postgres',
    url: withSessionSettings(config),
    migrations: loadMigrations(),
    entities: loadEntities(),
    namingStrategy: new SnakeCaseNames(),
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    poolSize: config.databasePoolMax,
    applicationName,
    // Without a handler, an error of an idle connection would end the process.
    poolErrorHandler: () => undefined,
    extra: {
      lock_timeout: config.databaseLockTimeoutMs,
      statement_timeout: config.databaseStatementTimeoutMs,
      // guard: idle-transaction-timeout
      idle_in_transaction_session_timeout: config.databaseIdleTransactionTimeoutMs,
      // A request that gets no connection within this time gets 503 with Retry-After.
      connectionTimeoutMillis: 3_000,
      // guard: query-timeout
      query_timeout: config.databaseStatementTimeoutMs + answerMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveMs,
      // Differs between processes, so that they do not all connect again in the same second.
      maxLifetimeSeconds: config.databaseConnectionSecondsMax * (0.8 + 0.2 * Math.random()),
      verify: verifying(config),
      // For the migration that gives a new database its cell.
      cellNumber: config.cell.number,
      preparedStatements: config.databasePreparedStatements,
    } satisfies PoolExtras & Record<string, unknown>,
  };
}

/**
 * Rejects connections to another cell, and those whose session lacks what is needed. After the
 * start it logs why, as no one reads the error then.
 */
function verifying(config: Config) {
  const checkCell = cellCheck(config);
  const logger = new Logger('database');
  let hasWorked = false;
  return (client: ClientBase, done: (error?: Error) => void): void => {
    const checked = checkSession(client)
      .then(() => checkCell(client))
      .then(() => readNewestEvent(client));
    checked.then(
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

/** `migrations/` is beside `src/` in the source tree and inside `dist/` after a build. */
function loadMigrations(): (new () => MigrationInterface)[] {
  const folder = [join(__dirname, '../migrations'), join(__dirname, '../../migrations')].find(existsSync);
  if (!folder) throw new Error('Bug: the migrations folder is missing from this build.');
  return loadClasses(folder, /^\d+-[\w-]+\.(js|ts)$/) as (new () => MigrationInterface)[];
}

/** Each folder keeps the entities of its tables in its own `.entity` files. */
const loadEntities = () => loadClasses(join(__dirname, '..'), /\.entity\.(js|ts)$/);

function loadClasses(folder: string, name: RegExp): (new () => unknown)[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file))
    .sort()
    .flatMap((file) =>
      // oxlint-disable-next-line typescript/no-require-imports -- the list is read from a folder, so no import can name it
      Object.values(require(join(folder, file)) as Record<string, new () => unknown>),
    );
}

/** `unitAmount` is the column `unit_amount`. Constraints have the names that PostgreSQL gives them. */
class SnakeCaseNames extends DefaultNamingStrategy {
  override columnName(property: string, custom: string | undefined): string {
    return custom ?? property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }

  override primaryKeyName(table: Table | string): string {
    return `${tableName(table)}_pkey`;
  }

  override uniqueConstraintName(table: Table | string, columns: string[]): string {
    return `${tableName(table)}_${columns.join('_')}_key`;
  }

  override foreignKeyName(table: Table | string, columns: string[]): string {
    return `${tableName(table)}_${columns.join('_')}_fkey`;
  }
}

const tableName = (table: Table | string) =>
  (typeof table === 'string' ? table : table.name).split('.').pop()!;
