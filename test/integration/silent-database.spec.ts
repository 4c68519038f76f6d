import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source';
import { Database, type Tx } from '../../src/database/database';
import { Readiness } from '../../src/health/readiness';
import type { PeriodicTasks } from '../../src/periodic/periodic-tasks';
import type { Queues } from '../../src/queue/queues';
import { createWorld, type World } from '../support/fixtures';
import { LossyProxy } from '../support/lossy-proxy';
import { until } from '../support/until';

/** A server that stops answering and closes no connection: it is suspended, or its machine is gone. */

const timeouts = { databaseLockTimeoutMs: 100, databaseStatementTimeoutMs: 300 };
const connections = 3;

let world: World;
let proxy: LossyProxy;
let dataSource: DataSource;
let db: Database;
let pool: Pool;
beforeAll(async () => (world = await createWorld()));
afterAll(() => world.close());
beforeEach(async () => {
  proxy = await LossyProxy.before(world.config.databaseUrl);
  proxy.silently = true;
  const config = {
    ...world.config,
    databaseUrl: proxy.url,
    ...timeouts,
    databasePoolMax: connections,
  };
  dataSource = await new DataSource(dataSourceOptions(config, 'test')).initialize();
  db = new Database(dataSource);
  pool = (dataSource.driver as unknown as { master: Pool }).master;
  const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()));
  for (const client of clients) client.release();
});
afterEach(async () => {
  await proxy.close();
  await dataSource.destroy();
});

const versionOf = async (sku: string) => (await world.products.get(sku)).version;
const addOne = (tx: Tx, sku: string) =>
  tx.affected(`UPDATE products SET version = version + 1 WHERE sku = $1::text`, [sku]);

describe('a statement without an answer', () => {
  it('ends with 503, and no connection of that time is used again', async () => {
    proxy.freeze();
    await expect(db.rows('SELECT 1')).rejects.toMatchObject({ code: 'unavailable' });
    await until('the pool is empty', async () => pool.totalCount === 0);
    expect(await db.rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('makes its transaction run again on a new connection', async () => {
    const sku = await world.product();
    const before = await versionOf(sku);
    let runs = 0;
    const added = await db.transaction('command', async (tx) => {
      runs += 1;
      if (runs === 1) proxy.freeze();
      return addOne(tx, sku);
    });
    expect([added, runs, await versionOf(sku)]).toEqual([1, 2, before + 1]);
  });
});

describe('GET /health/ready', () => {
  it('answers 503 while the database is silent, with one look at a time', async () => {
    const asked = jest.spyOn(db, 'rows');
    const queues = { trouble: async () => undefined, backend: 'postgres' } as unknown as Queues;
    const tasks = { failing: () => [] } as unknown as PeriodicTasks;
    const readiness = new Readiness(db, queues, tasks, { ...world.config, ...timeouts });
    expect(await readiness.check()).toEqual([]);

    proxy.freeze();
    asked.mockClear();
    const late = { message: expect.stringMatching(/did not answer within/) };
    await Promise.all([1, 2, 3].map(() => expect(readiness.check()).rejects.toMatchObject(late)));
    expect(asked).toHaveBeenCalledTimes(1);
    await until('it is ready', async () => (await readiness.check()).length === 0);
  });
});

describe('a COMMIT without an answer', () => {
  it('is unknown, and the second run writes even if it only reads back', async () => {
    const sku = await world.product();
    const before = await versionOf(sku);
    let runs = 0;
    const seen = await db.transaction(
      'command',
      async (tx) => {
        runs += 1;
        const [row] = await tx.rows<{ version: number; xid: string | null }>(
          `SELECT version, pg_current_xact_id_if_assigned()::text AS xid FROM products WHERE sku = $1::text`,
          [sku],
        );
        if (row!.version > before) return row!.xid;
        await addOne(tx, sku);
        proxy.lose = 'answer to COMMIT';
        return 'first run';
      },
      { rerunWhenCommitIsUnknown: true },
    );
    expect(seen).toMatch(/^\d+$/);
    expect([runs, await versionOf(sku)]).toEqual([2, before + 1]);
  });

  it('causes 503 where a second run could repeat the first', async () => {
    const sku = await world.product();
    const before = await versionOf(sku);
    proxy.lose = 'answer to COMMIT';
    await expect(db.transaction('command', (tx) => addOne(tx, sku))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/may or may not/),
    });
    expect(await versionOf(sku)).toBe(before + 1);
  });

  it('is not reported as unchanged when the second run meets the locks of the first', async () => {
    const sku = await world.product();
    const other = await world.session();
    let runs = 0;
    const refused = db.transaction(
      'command',
      async (tx) => {
        runs += 1;
        if (runs === 2) {
          await other.query('BEGIN');
          await other.query('SELECT 1 FROM products WHERE sku = $1::text FOR UPDATE', [sku]);
        }
        await addOne(tx, sku);
        proxy.lose = 'answer to COMMIT';
      },
      { rerunWhenCommitIsUnknown: true },
    );
    await expect(refused).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.not.stringMatching(/nothing was/i),
    });
    expect(runs).toBe(2);
    await other.query('ROLLBACK');
  });
});
