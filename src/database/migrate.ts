import { runMigrations as runQueueMigrations } from 'bullmq';
import { Client } from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import { queueSchemaOf } from '../config/cell';
import { ConfigError, loadConfig, type Config } from '../config/config';
import { dataSourceOptions } from './data-source';
import { withSessionSettings } from './session';
import { explainFailure, missingGrant } from './start-errors';

/** Keeps two deploys from migrating at the same time. The number is arbitrary: it spells HOLD. */
const migrationLock = 0x484f4c44;

/**
 * Migrates the database of DATABASE_URL to this build's schema: creates the schema that its search_path names, applies
 * missing migrations, and BullMQ's own when the queues are in PostgreSQL. Safe to run again.
 */
export async function migrate(config: Config): Promise<string[]> {
  const guard = await locked(config);
  try {
    await plainly(config, createSchema);
    const applied = await applyMigrations(config);
    if (!config.redis) await migrateQueues(config);
    return applied;
  } catch (error) {
    const grant = await plainly(config, (client) => missingGrant(client, error));
    throw grant ? new ConfigError(grant) : error;
  } finally {
    await guard.end();
  }
}

/**
 * The lock belongs to a transaction, because behind a pooler the next statement of a session may run in another one. The
 * transaction stays open and idle until the migrations are done, so it must not be ended for that.
 */
async function locked(config: Config): Promise<Client> {
  const guard = new Client({ connectionString: withSessionSettings(config) });
  await guard.connect();
  try {
    // In one message, so that the transaction is never idle without its setting. Another deploy may take as long as its
    // migrations, so there is no limit to the wait either.
    await guard.query(
      `BEGIN;
       SET LOCAL idle_in_transaction_session_timeout = 0;
       SET LOCAL statement_timeout = 0;
       SET LOCAL lock_timeout = 0;
       SELECT pg_advisory_xact_lock(${migrationLock})`,
    );
    return guard;
  } catch (error) {
    await guard.end();
    throw error;
  }
}

/** On a separate connection. */
async function plainly<T>(config: Config, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: withSessionSettings(config) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function createSchema(client: Client): Promise<void> {
  const { rows } = await client.query<{ search_path: string }>('SHOW search_path');
  const first = rows[0]!.search_path
    .split(',')
    .map((name) => name.trim().replaceAll('"', ''))
    .find((name) => name !== '$user');
  if (first && first !== 'public')
    await client.query(`CREATE SCHEMA IF NOT EXISTS "${first.replaceAll('"', '""')}"`);
}

/** A pooler drops the timeouts that a connection asks for, so each migration sets them for its transaction. */
function limit(migration: MigrationInterface, config: Config): void {
  const up = migration.up.bind(migration);
  migration.up = async (runner) => {
    await runner.query(`SET LOCAL lock_timeout = ${config.databaseLockTimeoutMs}`);
    await runner.query(`SET LOCAL statement_timeout = ${config.databaseStatementTimeoutMs}`);
    await up(runner);
  };
}

async function applyMigrations(config: Config): Promise<string[]> {
  // A migration that waits for a lock makes later statements wait too. Better that it fails and runs again.
  const patient = {
    ...config,
    databaseLockTimeoutMs: 5_000,
    databaseStatementTimeoutMs: 600_000,
    databasePoolMax: 2,
  };
  const dataSource = await new DataSource(dataSourceOptions(patient, 'holdfast-migrate')).initialize();
  dataSource.migrations.forEach((migration) => limit(migration, patient));
  try {
    return (await dataSource.runMigrations()).map((migration) => migration.name);
  } finally {
    await dataSource.destroy();
  }
}

const migrateQueues = (config: Config): Promise<number> =>
  plainly({ ...config, databaseUrl: config.queueDatabaseUrl ?? config.databaseUrl }, (client) =>
    runQueueMigrations(client, queueSchemaOf(config.cell)),
  );

async function main(): Promise<void> {
  try {
    const applied = await migrate(loadConfig(process.env, 'command'));
    console.log(applied.length > 0 ? `migrated: ${applied.join(', ')}` : 'migrated: nothing to do');
  } catch (error) {
    console.error(explainFailure('The database could not be migrated', error));
    process.exitCode = 1;
  }
}

if (require.main === module) void main();
