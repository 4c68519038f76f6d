import { inParallel } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';
import { noSweeperForExpiry, sentIsTakenForApplied } from './kit/mutants';

export const drill: Drill = {
  name: 'redis-flushed',
  promise:
    'When Redis forgets every job, every event is applied all the same, and every reservation ends in its time.',
  rows: [9, 35],
  needs: 'redis',
  sometimes: ['messages sent again', 'reservations expired'],
  mutants: [sentIsTakenForApplied, noSweeperForExpiry],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'redis' });
    const sku = await shop.product(1_000);

    const flushing = inParallel(8, 1, async () => {
      await stage.pause(50, 300);
      await shop.redis('FLUSHALL');
      stage.count('flushes', 1);
    });
    // Once more at once after the last reservation: some alarms must be lost, however long the orders take.
    const reserving = inParallel(200, 20, () => shop.reserved(sku, 1, { ttlSeconds: 3 })).finally(() =>
      shop.redis('FLUSHALL'),
    );
    const paymentMethod = ['pm_card_visa', 'pm_sandbox_slow_300', 'pm_card_chargeDeclined'];
    const buying = shop.buy(60, { sku, paymentMethod });
    const [reservations] = await Promise.all([reserving, buying, flushing]);
    await shop.redis('FLUSHALL');

    await until(
      'all reservations are back on sale',
      async () => (await shop.query(`SELECT FROM reservations WHERE status = 'active'`)).length === 0,
    );
    stage.count('reservations expired', reservations.length);
    await shop.audit();
    const again = await shop.query('SELECT FROM outbox WHERE relay_epoch > 1');
    stage.count('messages sent again', again.length);
  },
};
