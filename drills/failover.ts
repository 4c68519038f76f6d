import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';
import type { Environment } from './kit/environment';
import { lostConnectionNotRecognised } from './kit/mutants';
import type { PostgresPair } from './kit/postgres-pair';

/** Accepted after each failover before the next one. */
const ordersBetween = 20;

export const drill: Drill = {
  name: 'failover',
  promise:
    'When the primary dies and its synchronous standby is promoted, twice, no acknowledged order is lost.',
  rows: [90],
  needs: 'redis',
  sometimes: ['failovers', 'lost orders found'],
  mutants: [lostConnectionNotRecognised],

  run: async (environment) => {
    const parts = [() => failOverTwice(environment, 'postgres')];
    if (environment.mutant === undefined)
      parts.push(
        () => failOverTwice(environment, 'redis'),
        () => lossIsSeen(environment),
      );
    await Promise.all(parts.map((part) => part()));
  },
};

async function failOverTwice(environment: Environment, queue: 'postgres' | 'redis'): Promise<void> {
  const pair = await environment.postgresPair();
  await pair.waitForStandby();
  const shop = await environment.open({ queue, workers: 2, databaseUrl: pair.url });
  const sku = await shop.product(10_000);
  const pids = shop.pids();

  let open = true;
  const paymentMethod = ['pm_card_visa', 'pm_card_visa', 'pm_sandbox_slow_200', 'pm_card_chargeDeclined'];
  const buying = (async () => {
    while (open) await shop.buy(5, { sku, paymentMethod, atOnce: 5 });
  })();
  const moreOrders = async () => {
    const before = answered();
    await until('orders are accepted', async () => answered() >= before + ordersBetween);
  };
  const answered = () => shop.log.purchases.filter(({ answer }) => answer?.status === 202).length;

  await moreOrders();
  await failOver(environment, pair);
  const killedAt = performance.now();
  const before = answered();
  await until('an order is accepted', async () => answered() > before);
  environment.count(`ms from the promotion to an order (${queue})`, Math.round(performance.now() - killedAt));
  await moreOrders();
  await pair.rebuildStandby();
  await pair.waitForStandby();
  await moreOrders();
  await failOver(environment, pair);
  await moreOrders();
  open = false;
  await buying;

  assert.deepEqual(shop.pids(), pids, 'processes that ended because PostgreSQL did');
  await shop.audit();
}

async function failOver(environment: Environment, pair: PostgresPair): Promise<void> {
  await pair.primary.child.kill('SIGKILL');
  pair.address.cut();
  await pair.promote();
  environment.count('failovers', 1);
}

/** The same with an asynchronous standby that lacks the last orders: the audit must find that they are lost. */
async function lossIsSeen(environment: Environment): Promise<void> {
  const pair = await environment.postgresPair();
  const shop = await environment.open({ queue: 'postgres', databaseUrl: pair.url });
  const sku = await shop.product(100);
  await shop.buy(5, { sku });
  await pair.standbyHasAll();
  pair.link.cut();
  await pair.link.close();
  const lost = await shop.buy(5, { sku });
  await failOver(environment, pair);
  const { id } = lost[0]!.answer!.body;
  await assert.rejects(shop.audit(), (error: Error) => {
    assert.match(error.message, new RegExp(`order ${id}, which does not exist`));
    return true;
  });
  environment.count('lost orders found', lost.length);
}
