import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { inParallel, tally } from '../test/support/shop';
import { type Drill, removed } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';

export const drill: Drill = {
  name: 'deadlocks',
  promise: 'Orders of the same products with lines in any order never deadlock.',
  rows: [52, 70],
  sometimes: ['refused for one short line'],
  mutants: [
    {
      name: 'lines-as-they-come',
      why: 'stock rows are locked in the order of the request’s lines',
      guard: 'stock-lock-order',
      change: removed,
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', apis: 2 });
    const skus = await inParallel(10, 5, (index) =>
      shop.product(index === 0 ? 20 : 10_000, { strategy: index % 2 ? 'row-lock' : 'conditional-update' }),
    );
    await lookForDeadlocksSooner(shop);
    const buy = async (index: number) => {
      const lines = environment.random.shuffled(skus).slice(0, environment.random.integer(2, 5));
      const by = shop.caller(index);
      const how = { by, key: randomUUID() };
      const order = () => shop.order({ lines: lines.map((sku) => ({ sku, quantity: 1 })) }, how);
      let answer = await order();
      // Connections are cut before each round; a request on one of those gets 503.
      while (answer.status === 503) answer = await order();
      return answer;
    };
    // Few rounds, because each cuts all connections; the first is short, because every mutant ends there.
    for (const orders of [30, 135, 135]) {
      const answers = await inParallel(orders, 15, buy);
      assert.equal(await deadlocksOf(shop), 0, 'deadlocks');
      const outcomes = tally(answers, ({ status, body }) => (status < 300 ? 'taken' : body.code));
      const { taken = 0, insufficient_stock: refused = 0, ...others } = outcomes;
      assert.deepEqual(others, {}, 'orders that were neither taken nor refused for a short line');
      environment.count('orders', taken);
      environment.count('refused for one short line', refused);
    }
    await shop.audit();
  },
};

/** PostgreSQL checks for deadlocks after a wait of one second; here sooner. */
async function lookForDeadlocksSooner(shop: DrilledShop): Promise<void> {
  const [{ name }] = (await shop.query('SELECT current_database() AS name')) as [{ name: string }];
  await shop.tamper(`ALTER DATABASE ${name} SET deadlock_timeout = '20ms'`);
  await shop.terminateBackends();
}

/** A session reports its deadlocks when it ends. */
async function deadlocksOf(shop: DrilledShop): Promise<number> {
  await shop.terminateBackends();
  const [seen] = await shop.query<{ deadlocks: number }>(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  );
  return seen!.deadlocks;
}
