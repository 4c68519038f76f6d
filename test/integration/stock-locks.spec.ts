import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source';
import { Database } from '../../src/database/database';
import { migrate } from '../../src/database/migrate';
import { takeGrouped } from '../../src/inventory/stock/stock-levels.repository';
import { lockLevels } from '../../src/inventory/stock/stock-locks.repository';
import { strategies } from '../../src/inventory/allocation/strategies/strategies';
import {
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  noticeDeadlocksSoon,
  shop,
  untilBlocked,
  World,
} from '../support/fixtures';
import { type Random, seeded } from '../support/seeded';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

/** Many reservations of the same few SKUs, with lines in random order, some released at once. */
async function shopAtRandom(random: Random, skus: string[], baskets: number): Promise<string[]> {
  const outcomes = await inParallel(
    12,
    Array.from({ length: baskets }, () => async () => {
      const lines = random.shuffled(skus).slice(0, random.integer(2, 5));
      const id = await world.reserve(lines.map((sku) => ({ sku, quantity: 1 })));
      if (random.next() < 0.3) await world.reservations.release(id, shop);
      if (random.next() < 0.1) await world.reservations.expireDue();
    }),
  );
  return codesOf(outcomes).filter((code) => code !== 'ok' && code !== 'insufficient_stock');
}

/** Strategies that wait for rows. The others (`serializable`, `lease`) retry or give up instead. */
const waiting = [...strategies.values()].filter(({ around }) => !around);

async function productsOfAllStrategies(names: string[]): Promise<void> {
  for (const [nth, sku] of names.entries()) {
    await world.product({ sku, onHand: 1_000, strategy: waiting[nth % waiting.length]!.name });
  }
}

/** A world on a database with a linguistic collation instead of C. */
async function createWorldInDictionaryOrder(): Promise<World> {
  const name = `${new URL(world.config.databaseUrl).pathname.slice(1)}_icu`;
  await world.rows(
    `CREATE DATABASE ${name} TEMPLATE template0 LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`,
  );
  const url = new URL(world.config.databaseUrl);
  url.pathname = `/${name}`;
  const config = { ...world.config, databaseUrl: url.href };
  await migrate(config);
  await noticeDeadlocksSoon(url.href);
  const dataSource = await new DataSource(dataSourceOptions(config, 'holdfast-test')).initialize();
  const outer = world;
  return new World(config, dataSource, new Database(dataSource), async () => {
    await outer.rows(`DROP DATABASE ${name} WITH (FORCE)`);
  });
}

describe('reservations of the same products', () => {
  it(
    'never deadlock, whatever the order of their lines',
    seeded(async (random) => {
      const skus = ['A', 'B', 'C', 'D', 'E', 'F'];
      await productsOfAllStrategies(skus);
      const before = await world.deadlocks();

      expect(await shopAtRandom(random, skus, 250)).toEqual([]);

      expect((await world.deadlocks()) - before).toBe(0);
    }),
  );

  // The order depends on the database's collation; the process must sort as PostgreSQL locks.
  it(
    'never deadlock on a database that sorts SKUs in dictionary order',
    seeded(async (random) => {
      const ordinary = world;
      world = await createWorldInDictionaryOrder();
      try {
        const sorted = await world.row<{ first: string }>(
          `SELECT min(name) AS first FROM (VALUES ('B'), ('a')) v (name)`,
        );
        expect(sorted.first).toBe('a');
        const skus = ['a-1', 'B', 'c_1', 'A1', 'b2', 'C'];
        await productsOfAllStrategies(skus);
        const before = await world.deadlocks();

        expect(await shopAtRandom(random, skus, 100)).toEqual([]);

        expect((await world.deadlocks()) - before).toBe(0);
      } finally {
        await world.close();
        world = ordinary;
      }
    }),
  );

  it('are counted as deadlocks when two of them lock in opposite orders', async () => {
    await productsOfAllStrategies(['K', 'L']);
    const before = await world.deadlocks();
    const [one, other] = [await world.session(), await world.session()];
    const lock = (session: typeof one, sku: string) =>
      session.query('SELECT FROM stock_levels WHERE sku = $1 FOR UPDATE', [sku]);

    await one.query('BEGIN');
    await other.query('BEGIN');
    await lock(one, 'K');
    await lock(other, 'L');
    const lockLast = async (session: typeof one, sku: string) => {
      try {
        return await lock(session, sku);
      } finally {
        await session.query('ROLLBACK');
      }
    };
    const outcomes = await Promise.allSettled([lockLast(one, 'L'), lockLast(other, 'K')]);
    await Promise.all([one.end(), other.end()]);

    expect(
      outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : [])),
    ).toEqual(['40P01']);
    expect((await world.deadlocks()) - before).toBe(1);
  });

  it('lock stock rows in ascending order, whatever the order of their lines', async () => {
    await productsOfAllStrategies(['R', 'S', 'T']);
    const holder = await world.session();
    await holder.query('BEGIN');
    await holder.query(`SELECT FROM stock_levels WHERE sku = 'S' FOR UPDATE`);

    const waiting = world.db.transaction('command', (tx) =>
      lockLevels(
        tx,
        ['T', 'S', 'R'].map((sku) => ({ sku, pool: 'main' })),
      ),
    );
    await untilBlocked(world);

    // The waiter has locked R, waits for S, and has not reached T.
    const free = await world.rows<{ sku: string }>(
      `SELECT sku FROM stock_levels WHERE sku IN ('R', 'S', 'T') ORDER BY sku FOR UPDATE SKIP LOCKED`,
    );
    expect(free.map(({ sku }) => sku)).toEqual(['T']);
    await holder.query('ROLLBACK');
    expect((await waiting).map(({ sku }) => sku)).toEqual(['R', 'S', 'T']);
  });
});

describe('checkouts in a group', () => {
  const demand = (sku: string, quantity: number) => ({ sku, pool: 'main', quantity });
  type Answer = Awaited<ReturnType<typeof takeGrouped>>[number];
  const answer = (grants: Answer) =>
    typeof grants === 'string' ? grants : grants.map((grant) => (grant.taken ? 'taken' : grant.available));

  it('are served in the order of their arrival', async () => {
    const sku = await world.product({ onHand: 5 });

    await rolledBack(async (tx) => {
      const answers = await takeGrouped(
        tx,
        [3, 3, 1, 2, 1].map((quantity) => [demand(sku, quantity)]),
      );
      expect(answers.map(answer)).toEqual([['taken'], [2], ['taken'], [1], ['taken']]);
    });
  });

  it('leave stock to later ones when they are short', async () => {
    const [a, b] = await world.productsOf(2, { onHand: 4 });

    await rolledBack(async (tx) => {
      const answers = await takeGrouped(tx, [
        [demand(a!, 4), demand(b!, 5)],
        [demand(a!, 4), demand(b!, 4)],
        [demand(a!, 1)],
      ]);
      expect(answers.map(answer)).toEqual([['taken', 4], ['taken', 'taken'], [0]]);

      const levels = await tx.rows<{ reserved: number }>(
        `SELECT reserved FROM stock_levels WHERE sku = ANY ($1) ORDER BY sku`,
        [[a, b]],
      );
      expect(levels.map(({ reserved }) => reserved)).toEqual([4, 4]);
    });
  });

  it('get increasing fencing tokens in the order of their arrival', async () => {
    const sku = await world.product({ onHand: 5 });

    await rolledBack(async (tx) => {
      const first = await takeGrouped(
        tx,
        [1, 9, 1, 1].map((quantity) => [demand(sku, quantity)]),
      );
      const second = await takeGrouped(tx, [[demand(sku, 1)]]);
      const tokens = [...first, ...second].flat().flatMap((grant) => {
        if (typeof grant === 'string') throw new Error('no request may be refused for a limit');
        return grant.taken ? grant.parts.map(({ fencingToken }) => fencingToken) : [];
      });
      expect(tokens).toEqual([1, 2, 3, 4]);
    });
  });

  it('are refused without an error if a SKU has no stock row', async () => {
    const sku = await world.product({ onHand: 1 });

    await rolledBack(async (tx) => {
      const answers = await takeGrouped(tx, [
        [demand('NOBODY-KNOWS-IT', 1), demand(sku, 1)],
        [demand(sku, 1)],
      ]);
      expect(answers.map(answer)).toEqual([[0, 'taken'], ['taken']]);
    });
  });

  async function rolledBack(work: (tx: Parameters<typeof takeGrouped>[0]) => Promise<void>): Promise<void> {
    const onPurpose = new Error('rolled back on purpose');
    await expect(
      world.db.transaction('command', async (tx) => {
        await work(tx);
        throw onPurpose;
      }),
    ).rejects.toBe(onPurpose);
  }
});
