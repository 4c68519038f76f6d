import type { Drill } from './kit/drill';
import { sentCountsAsApplied } from './kit/mutants';

export const drill: Drill = {
  name: 'redis-restarted-old',
  promise: 'A Redis that restarts from an old snapshot loses no event and repeats none.',
  rows: [36],
  needs: 'redis',
  sometimes: ['messages sent again'],
  mutants: [sentCountsAsApplied],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'redis', workers: 2 });
    const sku = await shop.product(200);
    const paymentMethod = ['pm_card_visa', 'pm_sandbox_slow_200', 'pm_card_chargeDeclined'];

    const yesterday = shop.buy(20, { sku, paymentMethod });
    await shop.redis('SAVE');
    await yesterday;
    // No worker takes jobs, so the new jobs are in Redis and can be lost.
    await Promise.all(['worker-1', 'worker-2'].map((worker) => shop.freeze(worker)));
    await shop.buy(20, { sku, paymentMethod });
    await shop.sendEvents(sku);
    // To an old snapshot, as after a failover to a lagging replica.
    await shop.kill('redis');
    await shop.service.restart('redis');
    await Promise.all(['worker-1', 'worker-2'].map((worker) => shop.thaw(worker)));

    await shop.audit();
    const again = await shop.query('SELECT FROM outbox WHERE relay_epoch > 1');
    environment.count('messages sent again', again.length);
  },
};
