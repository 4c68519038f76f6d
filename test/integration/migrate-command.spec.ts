import { Client } from 'pg';
import { loadConfig } from '../../src/config/config';
import { migrate } from '../../src/database/migrate';
import { type TestDatabase, createDatabase } from '../support/database';
import { testServices } from '../support/services';

let database: TestDatabase;
beforeEach(async () => (database = await createDatabase(testServices().server)));
afterEach(() => database.drop());

async function query<R>(sql: string): Promise<R[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as R[];
  } finally {
    await client.end();
  }
}

describe('two deploys that migrate at the same time', () => {
  it('apply each migration once, also where PostgreSQL soon ends idle transactions', async () => {
    // Shorter than the migrations take, during which the transaction with the lock is idle.
    await query(
      `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET idle_in_transaction_session_timeout = '20ms'`,
    );
    // With Redis, whose address nothing here uses, BullMQ's own migrations are left out: they ask for no timeouts.
    const config = loadConfig({ DATABASE_URL: database.url, REDIS_URL: 'redis://127.0.0.1:1' }, 'command');

    const applied = await Promise.all([migrate(config), migrate(config)]);

    const [none, all] = applied.toSorted((one, other) => one.length - other.length);
    expect(none).toEqual([]);
    expect(await query(`SELECT name FROM migrations ORDER BY id`)).toEqual(all!.map((name) => ({ name })));
  });
});
