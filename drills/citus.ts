import assert from 'node:assert/strict';
import { strategyNames } from '../src/inventory/allocation/strategies/strategies';
import type { Purchase } from './kit/client-log';
import type { CitusCluster } from './kit/citus-cluster';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import type { Environment } from './kit/environment';

/** Rates are of this many orders, after as many that only warm up. */
const ordersMeasured = 150;
const buyersAtOnce = 48;

export const drill: Drill = {
  name: 'citus',
  promise:
    'Two cells in the schemas of a Citus cluster sell with every strategy, and moving one to another node loses nothing.',
  rows: [88],
  mutants: [],
  noMutant: 'what Citus refuses is kept out by the rules for SQL, each with planted violations',
  needs: 'citus',

  run: async (environment) => {
    const plain = await environment.postgres();
    const floor = await environment.open({ queue: 'redis', databaseUrl: plain.url, servers: [plain.child] });
    await report(environment, 'plain', floor);
    await floor.audit();
    await floor.terminate('worker-1');

    const cluster = await environment.citusCluster(['eu1:1', 'eu2:2']);
    const where = cluster.isCitus ? ['where its rows are', 'at the other node'] : ['eu1', 'eu2'];
    const [eu1, eu2] = [
      await openCell(environment, cluster, { cell: 'eu1', number: 1, away: false }),
      await openCell(environment, cluster, { cell: 'eu2', number: 2, away: true }),
    ];
    for (const shop of [eu1, eu2]) await sellsWithEveryStrategy(shop);
    await report(environment, `entered ${where[0]}`, eu1);
    await report(environment, `entered ${where[1]}`, eu2);
    await moved(environment, cluster, eu1);
    await eu1.audit();
    await eu2.audit();
  },
};

/** `away`: its processes enter the cluster at the node that does not keep the cell. */
async function openCell(
  environment: Environment,
  cluster: CitusCluster,
  { cell, number, away }: { cell: string; number: number; away: boolean },
): Promise<DrilledShop> {
  const node = await cluster.nodeOf(cell);
  const databaseUrl = cluster.urlOf(cell, away ? 1 - node : node);
  return environment.open({ queue: 'redis', databaseUrl, env: { CELL: `${cell}:${number}` } });
}

async function sellsWithEveryStrategy(shop: DrilledShop): Promise<void> {
  for (const strategy of strategyNames) {
    const sku = await shop.product(8, { strategy });
    const ends = await shop.buyToTheEnd(10, { sku, paymentMethod: 'pm_card_visa' });
    assert.deepEqual(ends, { placed: 8, insufficient_stock: 2 }, `orders under ${strategy}`);
  }
}

/** How many orders a second are accepted and placed: a ratio to the other rates of this run, and nothing else. */
async function report(environment: Environment, where: string, shop: DrilledShop): Promise<void> {
  const sku = await shop.product(4 * ordersMeasured, { strategy: 'grouped' });
  const rateOf = async (waitSeconds?: number) => {
    await shop.buy(ordersMeasured, { sku, atOnce: buyersAtOnce, waitSeconds });
    const from = performance.now();
    await shop.buy(ordersMeasured, { sku, atOnce: buyersAtOnce, waitSeconds });
    return Math.round((1_000 * ordersMeasured) / (performance.now() - from));
  };
  environment.count(`placed a second, ${where}`, await rateOf(20));
  environment.count(`accepted a second, ${where}`, await rateOf());
}

/** Buyers go on while the cell is moved, until it is at the other node. */
async function moved(environment: Environment, cluster: CitusCluster, shop: DrilledShop): Promise<void> {
  if (!cluster.isCitus) return;
  const from = await cluster.nodeOf('eu1');
  const sku = await shop.product(100_000);
  const bought: Purchase[] = [];
  let isMoving = true;
  const began = performance.now();
  const move = cluster.move('eu1').finally(() => (isMoving = false));
  while (isMoving) bought.push(...(await shop.buy(20, { sku })));
  await move;
  assert.equal(await cluster.nodeOf('eu1'), 1 - from, 'the node that keeps the cell');
  environment.count('seconds of the move', Math.round((performance.now() - began) / 1_000));
  environment.count('orders during the move', bought.length);
  environment.count('slowest of them, ms', Math.round(Math.max(...bought.map(({ slowestMs }) => slowestMs))));
  environment.count('of them unanswered once', bought.filter(({ unheard }) => unheard > 0).length);
}
