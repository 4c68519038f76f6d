import { randomBytes } from 'node:crypto';
import { Client, DatabaseError } from 'pg';
import { testSchema, testServices } from './services';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** "Source database is being accessed by other users": another clone is being made of it at this moment. */
const objectInUse = '55006';

/** The mark of a throw-away database. Destructive actions refuse any other. */
export const throwawayMark = 'holdfast: made by a test, to be thrown away';

/** A separate database with all tables, empty, cloned from the migrated template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { server, templates } = testServices();
  const schema = testSchema();
  const template = templates[schema];
  if (template === undefined)
    throw new Error(
      `There is no template for schema ${schema}, only for ${Object.keys(templates).join(', ')}`,
    );
  return createDatabase(server, { template, schema });
}

/**
 * Database settings that others may need and that must not affect us. Suites with all tables in another schema run with
 * these.
 */
const hostile = {
  datestyle: 'SQL, DMY',
  intervalstyle: 'sql_standard',
  timezone: 'Asia/Kathmandu',
  array_nulls: 'off',
  bytea_output: 'escape',
  extra_float_digits: '-10',
  standard_conforming_strings: 'off',
  default_transaction_isolation: 'serializable',
};

/** The statements that apply them. */
export const hostileTo = (name: string, more: Record<string, string> = {}) =>
  Object.entries({ ...hostile, ...more })
    .map(([setting, value]) => `ALTER DATABASE ${name} SET ${setting} = '${value}';`)
    .join('\n');

/** An empty database on a given server, or a clone. */
export async function createDatabase(
  server: string,
  { template = 'template1', schema = 'public' } = {},
): Promise<TestDatabase> {
  const name = `holdfast_test_${randomBytes(8).toString('hex')}`;
  await onServer(server, async (client) => {
    await clone(client, { name, template });
    await client.query(`COMMENT ON DATABASE ${name} IS '${throwawayMark}'`);
    if (schema !== 'public') await client.query(hostileTo(name));
  });

  return {
    url: urlOf(server, { name, schema }),
    // FORCE: a test may have killed a process with open connections.
    drop: () =>
      onServer(
        server,
        async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
      ),
  };
}

/** Throws unless this database was made by a test. Call it before anything destructive. */
export async function refuseUnlessThrowaway(read: (sql: string) => Promise<unknown[]>): Promise<void> {
  const [database] = (await read(
    `SELECT datname AS name, shobj_description(oid, 'pg_database') AS mark FROM pg_database WHERE datname = current_database()`,
  )) as { name: string; mark: string | null }[];
  if (database?.mark !== throwawayMark)
    throw new Error(`The database ${database?.name} was not made by a test, so nothing is destroyed in it.`);
}

async function clone(client: Client, { name, template }: { name: string; template: string }): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      // FILE_COPY takes a quarter of the CPU time of the default, which writes the copy to the WAL.
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
      return;
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== objectInUse || attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function onServer(server: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function urlOf(server: string, { name, schema }: { name: string; schema: string }): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  if (schema !== 'public') url.search = `?options=${encodeURIComponent(`-c search_path=${schema}`)}`;
  return url.href;
}
