import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';

export const drill: Drill = {
  name: 'postgres-immediate',
  promise: 'Acknowledged orders survive crashes of PostgreSQL, and no process of ours exits.',
  rows: [42],
  sometimes: ['crashes'],
  mutants: [
    {
      name: 'acknowledged-before-durable',
      why: 'a commit is acknowledged before its WAL is written, so a crash loses acknowledged orders',
      guard: 'durable-commit',
      change: (line) => line.replace('asked: undefined', "asked: 'off'").replace(/found !== 'off'/, 'found'),
    },
  ],

  run: async (environment) => {
    const postgres = await environment.postgres();
    const shop = await environment.open({
      queue: 'postgres',
      apis: 2,
      workers: 2,
      databaseUrl: postgres.url,
      servers: [postgres.child],
    });
    const sku = await shop.product(10_000);
    const pids = shop.pids();

    let open = true;
    const paymentMethod = ['pm_card_visa', 'pm_card_visa', 'pm_sandbox_slow_200', 'pm_card_chargeDeclined'];
    const buying = (async () => {
      while (open) await shop.buy(20, { sku, paymentMethod, atOnce: 20 });
    })();
    for (let crash = 1; crash <= 5; crash++) {
      await environment.pause(500, 1_500);
      await shop.service.kill('postgres', 'SIGQUIT');
      environment.count('crashes', 1);
      await until('PostgreSQL is back', () => postgres.child.start());
    }
    open = false;
    await buying;

    assert.deepEqual(shop.pids(), pids, 'processes that ended because PostgreSQL did');
    await shop.audit();
  },
};
