import { runMigrations as runQueueMigrations } from 'bullmq';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
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
  const guard = new Client({ connectionString: withSessionSettings(config) });
  await guard.connect();
  try {
    await guard.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    await createSchema(guard);
    const applied = await applyMigrations(config);
    if (!config.redisUrl) await runQueueMigrations(guard, queueSchemaOf(config.cell));
    return applied;
  } catch (error) {
    const grant = await missingGrant(guard, error);
    throw grant ? new ConfigError(grant) : error;
  } finally {
    await guard.end();
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

async function applyMigrations(config: Config): Promise<string[]> {
  // A migration that waits for a lock makes later statements wait too. Better that it fails and runs again.
  const patient = {
    ...config,
    databaseLockTimeoutMs: 5_000,
    databaseStatementTimeoutMs: 600_000,
    databasePoolMax: 2,
  };
  const dataSource = await new DataSource(dataSourceOptions(patient, 'holdfast-migrate')).initialize();
  try {
    return (await dataSource.runMigrations()).map((migration) => migration.name);
  } finally {
    await dataSource.destroy();
  }
}

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
