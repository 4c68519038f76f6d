import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import { type Drill, removed } from './kit/drill';
import type { Environment } from './kit/environment';
import { suspend } from './kit/postgres-pair';

/** Few connections, so that suspended ones would be all; timeouts far below a buyer's patience of five seconds. */
const env = {
  DATABASE_POOL_MAX: '4',
  DATABASE_LOCK_TIMEOUT_MS: '300',
  DATABASE_STATEMENT_TIMEOUT_MS: '600',
};

export const drill: Drill = {
  name: 'primary-frozen',
  promise:
    'A suspended primary whose connections stay open is left within the timeouts, and an order whose commit waits for a suspended standby is made once.',
  rows: [91],
  sometimes: ['failovers', 'commits without an answer'],
  mutants: [
    {
      name: 'waits-forever',
      why: 'a statement without an answer is waited for forever',
      guard: 'query-timeout',
      change: removed,
    },
    {
      name: 'silence-is-an-error',
      why: 'a statement without an answer counts as an ordinary error',
      guard: 'silence-is-loss',
      change: removed,
    },
  ],

  run: async (environment) => {
    const part = environment.mutant && noticedBy[environment.mutant];
    await Promise.all((part ? [part] : [primaryFrozen, standbyFrozen]).map((run) => run(environment)));
  },
};

const noticedBy: Record<string, (environment: Environment) => Promise<void>> = {
  'waits-forever': primaryFrozen,
  'silence-is-an-error': standbyFrozen,
};

async function primaryFrozen(environment: Environment): Promise<void> {
  const pair = await environment.postgresPair();
  await pair.waitForStandby();
  const shop = await environment.open({ queue: 'postgres', databaseUrl: pair.url, env });
  const sku = await shop.product(10_000);
  await shop.buy(10, { sku });
  const pids = shop.pids();

  let open = true;
  const buying = (async () => {
    while (open) await shop.buy(10, { sku });
  })();
  const accepted = () => shop.log.purchases.filter(({ answer }) => answer?.status === 202).length;
  const before = accepted();
  await until('orders are being accepted', async () => accepted() > before);
  const wake = suspend(pair.primary);
  environment.onClose(async () => wake());
  await pair.promote();
  environment.count('failovers', 1);
  const promotedAt = performance.now();
  const atPromotion = accepted();
  await until('an order is accepted', async () => accepted() > atPromotion);
  environment.count('ms from the promotion to an order', Math.round(performance.now() - promotedAt));
  await until('orders are accepted again', async () => accepted() > atPromotion + 20);
  open = false;
  await buying;

  assert.deepEqual(shop.pids(), pids, 'processes that ended because PostgreSQL was suspended');
  await shop.audit();
}

async function standbyFrozen(environment: Environment): Promise<void> {
  const pair = await environment.postgresPair();
  await pair.waitForStandby();
  const shop = await environment.open({ queue: 'postgres', databaseUrl: pair.url, env });
  const sku = await shop.product(100);
  await shop.buy(5, { sku });

  const wake = suspend(pair.standby);
  environment.onClose(async () => wake());
  const before = shop.log.purchases.length;
  const buying = shop.buy(5, { sku });
  const waiting = () => shop.log.purchases.slice(before);
  await until('each buyer was put off twice', async () => {
    return waiting().length === 5 && waiting().every(({ unheard }) => unheard >= 2);
  });
  assert.deepEqual(
    waiting().filter(({ answer, orderIds }) => answer !== undefined || orderIds.size > 0),
    [],
    'orders that were acknowledged while the standby lacked them',
  );
  wake();
  const bought = await buying;
  environment.count('commits without an answer', bought.length);
  assert.deepEqual(
    bought.map(({ answer }) => answer?.status),
    bought.map(() => 202),
  );
  await shop.audit();
}
