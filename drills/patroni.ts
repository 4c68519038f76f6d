import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';
import type { Environment } from './kit/environment';
import type { DrilledShop } from './kit/drilled-shop';
import { createMigrated } from './kit/postgres-server';
import type { PatroniCluster } from './kit/patroni-cluster';

export const drill: Drill = {
  name: 'patroni',
  promise:
    'On a Patroni cluster behind HAProxy, set up by the files of deploy/ha, a killed primary, a switchover and a suspended primary lose no acknowledged order, and a switchover fails no request.',
  rows: [90, 91],
  mutants: [],
  noMutant:
    'what keeps the promise is the configuration; the drills failover and primary-frozen have the mutants',
  needs: 'patroni',
  sometimes: ['failovers', 'switchovers'],
  limitSeconds: 600,

  run: async (environment) => {
    const cluster = await environment.patroniCluster();
    const states = await cluster.syncStates();
    assert.ok(
      states.some((state) => state === 'sync' || state === 'quorum'),
      `no standby is synchronous, so nothing would be proved: ${states.join(', ')}`,
    );
    const databaseUrl = await createMigrated(cluster.server, environment.dist);
    const shop = await environment.open({ queue: 'postgres', workers: 2, databaseUrl });
    // Longer than a request waits for the database, so that each has the service's own answer.
    shop.answerWithinMs = 20_000;
    const sku = await shop.product(100_000);
    const pids = shop.pids();

    const sale = new Sale(shop, sku);
    await sale.goesOn();
    await killed(environment, cluster, sale);
    await switchedOver(environment, cluster, sale);
    // Before 3.0.3 a primary that wakes takes its lock back, which loses orders.
    if (cluster.version >= 4) await frozen(environment, cluster, sale);
    await sale.end();

    assert.deepEqual(shop.pids(), pids, 'processes that ended because PostgreSQL did');
    await shop.audit();
  },
};

/** Buyers and readers that go on until the end, and the longest time in which no buyer had an answer to an order. */
class Sale {
  private open = true;
  private failedReads = 0;
  private lastAt = performance.now();
  private longestMs = 0;
  private readonly buyers: Promise<void>[];

  constructor(
    private readonly shop: DrilledShop,
    private readonly sku: string,
  ) {
    this.buyers = [...Array.from({ length: 5 }, () => this.buy()), this.read()];
  }

  private async read(): Promise<void> {
    while (this.open) {
      const { status } = await this.shop.client.get(`/v1/stock?sku=${this.sku}`);
      if (status !== 200) this.failedReads += 1;
    }
  }

  private async buy(): Promise<void> {
    while (this.open) {
      await this.shop.buy(1, { sku: this.sku });
      this.longestMs = Math.max(this.longestMs, performance.now() - this.lastAt);
      this.lastAt = performance.now();
    }
  }

  async goesOn(): Promise<void> {
    const accepted = () => this.shop.log.purchases.filter(({ answer }) => answer?.status === 202).length;
    const before = accepted();
    await until('orders are accepted', async () => accepted() >= before + 20);
  }

  /** Reports what buyers and readers saw of a change of the primary. Returns how many requests failed. */
  async through(environment: Environment, what: string, change: () => Promise<void>): Promise<number> {
    const unheard = () => this.shop.log.purchases.reduce((sum, purchase) => sum + purchase.unheard, 0);
    const before = unheard();
    this.failedReads = 0;
    this.longestMs = 0;
    await change();
    await this.goesOn();
    environment.count(`ms without an order, ${what}`, Math.round(this.longestMs));
    const failed = unheard() - before;
    environment.count(`failed orders, ${what}`, failed);
    return failed + this.failedReads;
  }

  async end(): Promise<void> {
    this.open = false;
    await Promise.all(this.buyers);
  }
}

async function killed(environment: Environment, cluster: PatroniCluster, sale: Sale): Promise<void> {
  const node = await cluster.primary();
  await sale.through(environment, 'kill', async () => {
    await cluster.kill(node);
    await isReplaced(cluster, node.name);
  });
  environment.count('failovers', 1);
  await cluster.revive(node);
}

async function switchedOver(environment: Environment, cluster: PatroniCluster, sale: Sale): Promise<void> {
  const { name } = await cluster.primary();
  const failed = await sale.through(environment, 'switchover', async () => {
    await cluster.switchover();
    await isReplaced(cluster, name);
  });
  assert.equal(failed, 0, 'requests that failed at the switchover');
  environment.count('switchovers', 1);
  await cluster.isWhole();
}

/** Its connections stay open; HAProxy closes them. When it wakes, it must follow. */
async function frozen(environment: Environment, cluster: PatroniCluster, sale: Sale): Promise<void> {
  const node = await cluster.primary();
  const wake = cluster.freeze(node);
  environment.onClose(async () => wake());
  await sale.through(environment, 'freeze', () => isReplaced(cluster, node.name));
  environment.count('failovers', 1);
  wake();
  await cluster.isWhole();
  assert.notEqual((await cluster.primary()).name, node.name, 'the primary after the old one woke up');
  await sale.goesOn();
}

async function isReplaced(cluster: PatroniCluster, name: string): Promise<void> {
  await until('another node is the primary', async () => (await cluster.primary()).name !== name);
}
