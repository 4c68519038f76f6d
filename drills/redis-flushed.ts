import { inParallel } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';
import { noSweeperForExpiry, sentCountsAsApplied } from './kit/mutants';

export const drill: Drill = {
  name: 'redis-flushed',
  promise: 'When Redis loses every job, every event is still applied and every reservation still expires.',
  rows: [9, 35],
  needs: 'redis',
  sometimes: ['messages sent again', 'reservations expired'],
  mutants: [sentCountsAsApplied, noSweeperForExpiry],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'redis' });
    const sku = await shop.product(1_000);

    const flushing = inParallel(8, 1, async () => {
      await environment.pause(50, 300);
      await shop.redis('FLUSHALL');
      environment.count('flushes', 1);
    });
    const reserving = inParallel(200, 20, () => shop.reserved(sku, 1, { ttlSeconds: 600 }));
    const paymentMethod = ['pm_card_visa', 'pm_sandbox_slow_300', 'pm_card_chargeDeclined'];
    const buying = shop.buy(60, { sku, paymentMethod });
    const [reservations] = await Promise.all([reserving, buying, flushing]);

    await shop.freeze('worker-1');
    await shop.sendEvents(sku);
    await shop.redis('FLUSHALL');
    await shop.thaw('worker-1');

    // An alarm is sent with its reservation's message. Once all are applied, none is sent again, so this loses every alarm.
    await shop.converge();
    await shop.redis('FLUSHALL');
    await shop.tamper(
      `UPDATE reservations SET expires_at = clock_timestamp() + interval '1 second' WHERE status = 'active'`,
    );
    await until(
      'all reservations are back on sale',
      async () => (await shop.query(`SELECT FROM reservations WHERE status = 'active'`)).length === 0,
    );
    environment.count('reservations expired', reservations.length);
    await shop.audit();
    const again = await shop.query('SELECT FROM outbox WHERE relay_epoch > 1');
    environment.count('messages sent again', again.length);
  },
};
