import type { Drill } from './kit/drill';
import { sentIsTakenForApplied } from './kit/mutants';

export const drill: Drill = {
  name: 'redis-restarted-old',
  promise:
    'A Redis that comes back with yesterday’s jobs and without today’s loses no event and repeats none.',
  rows: [36],
  needs: 'redis',
  sometimes: ['messages sent again'],
  mutants: [sentIsTakenForApplied],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'redis', workers: 2 });
    const sku = await shop.product(200);
    const paymentMethod = ['pm_card_visa', 'pm_sandbox_slow_200', 'pm_card_chargeDeclined'];

    const yesterday = shop.buy(20, { sku, paymentMethod });
    await shop.redis('SAVE');
    await yesterday;
    // Nobody takes jobs any more, so that what is sent today is there to be lost.
    await Promise.all(['worker-1', 'worker-2'].map((worker) => shop.freeze(worker)));
    await shop.buy(20, { sku, paymentMethod });
    // To a snapshot of the past, as a failover to a replica that lags would.
    await shop.kill('redis');
    await shop.service.restart('redis');
    await Promise.all(['worker-1', 'worker-2'].map((worker) => shop.thaw(worker)));

    await shop.audit();
    const again = await shop.query('SELECT FROM outbox WHERE relay_epoch > 1');
    stage.count('messages sent again', again.length);
  },
};
