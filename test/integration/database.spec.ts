import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source';
import { loadConfig } from '../../src/config/config';
import { Database, type Tx, openDatabase } from '../../src/database/database';
import { LostRace } from '../../src/database/pg-errors';
import { outcomeOf, createWorld, expectInvariants, operator, shop, until, World } from '../support/fixtures';
import { LossyProxy } from '../support/lossy-proxy';

let world: World;
beforeAll(
  async () =>
    (world = await createWorld({ DATABASE_LOCK_TIMEOUT_MS: '100', DATABASE_STATEMENT_TIMEOUT_MS: '300' })),
);
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const poolOf = ({ dataSource }: World) => (dataSource.driver as unknown as { master: Pool }).master;

/** Resolves for each of `parties` callers when all of them have called. */
function meetingOf(parties: number): () => Promise<void> {
  let come = 0;
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (open = resolve));
  return async () => {
    if (++come >= parties) open();
    await all;
  };
}

const addOne = (tx: Tx, sku: string) =>
  tx.affected(`UPDATE products SET version = version + 1 WHERE sku = $1::text`, [sku]);

/** The connections of a pool when their server is no longer the primary. */
async function makeReadOnly(pool: Pool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()));
  for (const client of clients) {
    await client.query('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');
    client.release();
  }
}

describe('a pool with read-only connections after a failover', () => {
  let failedOver: World;
  beforeAll(async () => (failedOver = await createWorld({ DATABASE_POOL_MAX: '3' })));
  afterAll(() => failedOver.close());

  it('replaces them at the first write', async () => {
    const sku = await failedOver.product();
    await makeReadOnly(poolOf(failedOver));
    expect(await failedOver.db.transaction('command', (tx) => addOne(tx, sku))).toBe(1);
  });

  it('replaces them when readOnlyBecause is called', async () => {
    await makeReadOnly(poolOf(failedOver));
    expect(await failedOver.db.readOnlyBecause()).toBe(undefined);
    expect(poolOf(failedOver).totalCount).toBe(1);
  });

  it('answers 503 without a new connection for each write while new ones are read-only too', async () => {
    const sku = await failedOver.product();
    let opened = 0;
    const pool = poolOf(failedOver);
    const readOnly = (client: { query: (sql: string) => unknown }) => {
      opened += 1;
      void client.query('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');
    };
    pool.on('connect', readOnly);
    await makeReadOnly(pool);
    opened = 0;
    const write = () => failedOver.db.transaction('command', (tx) => addOne(tx, sku));
    await expect(write()).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 });
    expect(await failedOver.db.readOnlyBecause()).toBe('setting');
    await expect(write()).rejects.toMatchObject({ message: expect.stringMatching(/read-only/) });
    const before = opened;
    for (let nth = 0; nth < 20; nth++) await expect(write()).rejects.toMatchObject({ code: 'unavailable' });
    expect(opened - before).toBeLessThan(15);
    pool.off('connect', readOnly);
    expect(await failedOver.db.readOnlyBecause()).toBe(undefined);
  });
});

const versionOf = async (sku: string) => (await world.products.get(sku)).version;

describe('a statement', () => {
  it.each([
    ['is prepared once for its connection', 'on', true],
    ['has no name with DATABASE_PREPARED_STATEMENTS=off', 'off', false],
  ])('%s', async (_what, DATABASE_PREPARED_STATEMENTS, isPrepared) => {
    const { db, close } = await openDatabase(
      loadConfig({ DATABASE_URL: world.config.databaseUrl, DATABASE_PREPARED_STATEMENTS }),
      'holdfast-test',
    );
    const statements = `SELECT statement FROM pg_prepared_statements`;
    const named = await db.transaction('intake', async (tx) => {
      expect(await tx.affected(`SELECT 1`)).toBe(1);
      return tx.rows<{ statement: string }>(statements);
    });
    await close();
    expect(named.map(({ statement }) => statement)).toEqual(
      isPrepared ? expect.arrayContaining(['SELECT 1', statements]) : [],
    );
  });
});

describe('a transaction that loses a race', () => {
  it('runs again from the start after a deadlock', async () => {
    const [a, b] = await world.productsOf(2);
    const bothHoldOne = meetingOf(2);
    let runs = 0;
    const lockInOrder = (first: string, second: string) =>
      world.db.transaction('command', async (tx) => {
        runs++;
        await addOne(tx, first);
        await bothHoldOne();
        await addOne(tx, second);
      });

    await Promise.all([lockInOrder(a!, b!), lockInOrder(b!, a!)]);

    expect(runs).toBe(3);
    expect([await versionOf(a!), await versionOf(b!)]).toEqual([3, 3]);
  });

  it('runs again from the start after a serialization failure', async () => {
    const sku = await world.product();
    const bothHaveRead = meetingOf(2);
    let runs = 0;
    const readThenWrite = () =>
      world.db.transaction('command', async (tx) => {
        runs++;
        await tx.rows('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
        await tx.rows('SELECT version FROM products WHERE sku = $1::text', [sku]);
        await bothHaveRead();
        await addOne(tx, sku);
      });

    await Promise.all([readThenWrite(), readThenWrite()]);

    expect(runs).toBe(3);
    expect(await versionOf(sku)).toBe(3);
  });

  it('gives up after a few tries with a retryable error', async () => {
    let runs = 0;
    const work = world.db.transaction('command', async () => {
      runs++;
      throw new LostRace('somebody is always quicker');
    });

    await expect(work).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    expect(runs).toBe(5);
  });

  it('does not run again after an error thrown by its own code', async () => {
    let runs = 0;
    const work = world.db.transaction('command', async (tx) => {
      runs++;
      await tx.rows('SELECT 1 / 0');
    });

    await expect(work).rejects.toMatchObject({ code: '22012' });
    expect(runs).toBe(1);
  });
});

describe('a busy database', () => {
  it('causes a retryable 503 when a row stays locked for too long', async () => {
    const sku = await world.product();
    const holder = await world.session();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM stock_levels WHERE sku = $1 FOR UPDATE', [sku]);

    const error = await world.reserve([{ sku, quantity: 1 }]).catch((reason: unknown) => reason);
    await holder.query('ROLLBACK');

    expect(error).toMatchObject({ code: 'unavailable', status: 503, retryable: true, retryAfterSeconds: 1 });
    expect(await world.level(sku)).toMatchObject({ reserved: 0 });
    expect(await outcomeOf(world.reserve([{ sku, quantity: 1 }]))).toBe('ok');
  });

  it('causes 503 when a statement takes too long', async () => {
    const endless = `SELECT count(*) FROM generate_series(1, 1000000000)`;
    expect(await outcomeOf(world.db.transaction('command', (tx) => tx.rows(endless)))).toBe('unavailable');
    expect(await outcomeOf(world.db.rows(endless))).toBe('unavailable');
  });

  it('causes 503 when no connection comes free, and works again when one does', async () => {
    const small = await createWorld({ DATABASE_POOL_MAX: '2' });
    try {
      let free: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (free = resolve));
      const bothOpen = meetingOf(3);
      const holders = [1, 2].map(() =>
        small.db.transaction('command', async () => {
          await Promise.race([bothOpen(), held]);
          await held;
        }),
      );
      await until(async () => poolOf(small).totalCount === 2 && poolOf(small).idleCount === 0);
      // Not before both are open: on a busy machine opening one takes longer.
      poolOf(small).options.connectionTimeoutMillis = 50;

      expect(await outcomeOf(small.db.transaction('command', (tx) => tx.rows('SELECT 1')))).toBe(
        'unavailable',
      );
      expect(await outcomeOf(small.db.rows('SELECT 1'))).toBe('unavailable');

      free();
      await Promise.all(holders);
      expect(await outcomeOf(small.db.transaction('command', (tx) => tx.rows('SELECT 1')))).toBe('ok');
      expect(poolOf(small).totalCount).toBeLessThanOrEqual(2);
    } finally {
      await small.close();
    }
  });
});

describe('a killed connection', () => {
  it('makes its transaction run again from the start and commit once', async () => {
    const sku = await world.product();
    const killer = await world.session();
    let runs = 0;

    await world.db.transaction('command', async (tx) => {
      await addOne(tx, sku);
      if (++runs > 1) return;
      const [{ pid } = { pid: 0 }] = await tx.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await killer.query('SELECT pg_terminate_backend($1)', [pid]);
      await addOne(tx, sku);
    });

    expect(runs).toBe(2);
    expect(await versionOf(sku)).toBe(2);
  });

  it('leaves no dead connection in the pool', async () => {
    const killer = await world.session();
    await Promise.all(Array.from({ length: 8 }, () => world.db.rows('SELECT 1')));
    await killer.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    await until(async () => poolOf(world).totalCount === 0);

    const answers = Array.from({ length: 8 }, () =>
      outcomeOf(world.db.transaction('command', (tx) => tx.rows('SELECT 1'))),
    );
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 8 }, () => 'ok'));
  });

  it('commits every one of many concurrent transactions', async () => {
    const skus = await world.productsOf(8);
    const killer = await world.session();
    const allOpen = meetingOf(9);
    const work = skus.map((sku) =>
      world.db.transaction('command', async (tx) => {
        await addOne(tx, sku);
        await allOpen();
        await addOne(tx, sku);
      }),
    );
    await until(async () => {
      const { open } = await world.row<{ open: number }>(
        `SELECT count(*)::int AS open FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`,
      );
      return open === 8;
    });
    await killer.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`,
    );
    await allOpen();

    await Promise.all(work);

    expect(await Promise.all(skus.map(versionOf))).toEqual(skus.map(() => 3));
  });
});

describe('a transaction whose COMMIT gets no response', () => {
  it.each([
    ['a key', 'runs again and is done once', 'adjust-once'],
    ['no key', 'causes 503 and is not done twice', undefined],
  ])('with %s it %s', async (_with, _outcome, key) => {
    const proxy = await LossyProxy.before(world.config.databaseUrl);
    const config = { ...world.config, databaseUrl: proxy.url };
    const dataSource = await new DataSource(dataSourceOptions(config, 'holdfast-test')).initialize();
    const behindProxy = new World(config, dataSource, new Database(dataSource), () => proxy.close());
    try {
      const sku = await world.product({ onHand: 10 });

      proxy.lose = 'answer to COMMIT';
      const answer = await outcomeOf(
        behindProxy.products.adjust(sku, { delta: 5, reason: 'delivery' }, key, operator),
      );

      expect(answer).toBe(key ? 'ok' : 'unavailable');
      expect(await world.level(sku)).toMatchObject({ onHand: 15 });
    } finally {
      await behindProxy.close();
    }
  });

  it('causes 503 when a second run could repeat the first', async () => {
    const proxy = await LossyProxy.before(world.config.databaseUrl);
    const config = { ...world.config, databaseUrl: proxy.url };
    const dataSource = await new DataSource(dataSourceOptions(config, 'holdfast-test')).initialize();
    const behindProxy = new World(config, dataSource, new Database(dataSource), () => proxy.close());
    try {
      const id = await world.reserve([{ sku: await world.product(), quantity: 1 }]);

      proxy.lose = 'answer to COMMIT';
      expect(await outcomeOf(behindProxy.reservations.extend(id, 900, shop))).toBe('unavailable');

      expect((await world.reservation(id)).extensionsUsed).toBe(1);
    } finally {
      await behindProxy.close();
    }
  });
});
