import assert from 'node:assert/strict';
import { inParallel } from '../test/support/shop';
import type { Drill } from './kit/drill';
import { reach } from './kit/reach';

export const drill: Drill = {
  name: 'two-relays',
  promise: 'With several relays, any of which may die, the messages of one order are sent in their order.',
  rows: [8, 60],
  needs: 'redis',
  sometimes: ['kills', 'messages sent again'],
  mutants: [
    {
      name: 'messages-out-of-order',
      why: 'a message does not wait for the one before it',
      guard: 'messages-in-order',
      change: () => 'AND false',
    },
  ],

  run: async (environment) => {
    const dying = { FAILPOINT: 'relay.sent:kill9@1' };
    const shop = await environment.open({
      queue: 'redis',
      apis: 2,
      workers: 2,
      envOf: { 'worker-1': dying },
    });
    const sku = await shop.product(200);

    // With Redis down nothing is sent, so each order and reservation collects several messages.
    await shop.kill('redis');
    const buying = shop.buyToTheEnd(20, { sku, paymentMethod: ['pm_card_visa', 'pm_card_chargeDeclined'] });
    await inParallel(20, 5, async () => {
      const { id } = await shop.reserved(sku);
      for (const ttlSeconds of [700, 800])
        await shop.client.post(`/v1/reservations/${id}/extend`, { ttlSeconds });
      await shop.client.post(`/v1/reservations/${id}/release`, {});
    });
    await buying;

    // Half of the messages are due now, for one relay, which dies between sending and marking; the others are frozen
    // until then. The other half is for all relays at once.
    const others = ['api-1', 'api-2', 'worker-2'];
    await shop.tamper(
      `UPDATE outbox SET next_relay_at = clock_timestamp() + (hashtext(aggregate_id::text) & 1) * interval '1 hour'
        WHERE relayed_at IS NULL AND applied_at IS NULL`,
    );
    await Promise.all(others.map((name) => shop.freeze(name)));
    await shop.service.restart('redis');
    await reach('a relay dies', async () => shop.service.pidOf('worker-1') === undefined);
    await Promise.all(others.map((name) => shop.thaw(name)));
    await shop.tamper(
      `UPDATE outbox SET next_relay_at = clock_timestamp()
        WHERE next_relay_at BETWEEN clock_timestamp() + interval '10 minutes' AND clock_timestamp() + interval '2 hours'`,
    );
    environment.count('kills', 1);
    await shop.service.restart('worker-1', { FAILPOINT: undefined });

    await shop.audit();
    const outOfOrder = await shop.query(`
      SELECT later.aggregate_id, earlier.type AS earlier, later.type AS later
        FROM outbox earlier JOIN outbox later USING (aggregate_id)
       WHERE earlier.sequence < later.sequence AND earlier.relayed_at >= later.relayed_at`);
    assert.deepEqual(outOfOrder, [], 'messages that left no later than the one before them was sent');
    const again = await shop.query('SELECT FROM outbox WHERE relay_epoch > 1');
    environment.count('messages sent again', again.length);
  },
};
