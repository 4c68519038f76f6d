import { randomBytes } from 'node:crypto';
import { Client, DatabaseError } from 'pg';
import { testSchema, testServices } from './services';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** "Source database is being accessed by other users": another clone is being made of it at this moment. */
const objectInUse = '55006';

/** A database of one's own with every table in place and nothing in them, cloned from the migrated template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { server, templates } = testServices();
  const schema = testSchema();
  const template = templates[schema];
  if (template === undefined)
    throw new Error(
      `There is no template for schema ${schema}, only for ${Object.keys(templates).join(', ')}`,
    );
  const name = `holdfast_test_${randomBytes(8).toString('hex')}`;

  await onServer(server, (client) => clone(client, { name, template }));

  return {
    url: urlOf(server, { name, schema }),
    // FORCE: a test may be about a process that was killed with its connections open.
    drop: () =>
      onServer(
        server,
        async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
      ),
  };
}

async function clone(client: Client, { name, template }: { name: string; template: string }): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
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
