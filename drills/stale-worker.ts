import assert from 'node:assert/strict';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { reach } from './kit/reach';

/** Slow enough that whoever takes over is still at it when the sleeper wakes up. */
const paymentMethod = 'pm_sandbox_slow_1200';
const env = { PAYMENT_TIMEOUT_MS: '1500', SAGA_LEASE_MS: '3100' };

export const drill: Drill = {
  name: 'stale-worker',
  promise: 'A worker that slept through its lease writes nothing over what another does meanwhile.',
  rows: [32],
  sometimes: ['stale writes refused'],
  mutants: [
    {
      name: 'token-not-checked',
      why: 'whoever comes back with an answer may write it down, whatever its token',
      guard: 'fencing-token-checked',
      change: (line) =>
        line.replace(
          '(order_id, fencing_token) IN (SELECT l.order_id, l.token',
          'order_id IN (SELECT l.order_id',
        ),
    },
    {
      name: 'token-not-grown',
      why: 'a claim leaves the token as it was, so that the sleeper’s is as good as the new one',
      guard: 'fencing-token-grows',
      change: (line) => line.replace(' + 1', ''),
      also: [
        {
          guard: 'lease-owner-follows-token',
          change: (line) => line.replace('n.token = n.token_before', 'false'),
        },
      ],
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'postgres', workers: 2, env });
    const sku = await shop.product(100);

    const asleep = await freezeOnLeases(shop, sku);
    const taken = await takenOver(shop, asleep);
    const [now] = await shop.query<{ at: Date }>('SELECT clock_timestamp() AS at');
    await shop.thaw('worker-1');
    await shop.converge();

    const written = await shop.query(
      `SELECT order_id, cause, fencing_token FROM saga_transitions WHERE worker LIKE $1 AND at > $2 AND order_id = ANY ($3)`,
      [byWorker1(shop), now!.at, taken],
    );
    assert.deepEqual(written, [], 'the sleeper wrote after it woke up');
    await shop.audit();
    stage.count('taken over', taken.length);
    stage.count('stale writes refused', await shop.sagaEvents('stale_write_refused'));
  },
};

const byWorker1 = (shop: DrilledShop) => `%:${shop.service.pidOf('worker-1')}`;

/** Stops worker-1 while it waits for the provider; the orders that it then has leases on. */
function freezeOnLeases(shop: DrilledShop, sku: string): Promise<string[]> {
  return reach('worker-1 sleeps on leases', async () => {
    await shop.buy(8, { sku, paymentMethod });
    await shop.freeze('worker-1');
    const leased = await shop.query<{ id: string }>(
      `SELECT order_id AS id FROM sagas WHERE lease_owner LIKE $1 AND lease_expires_at > clock_timestamp()`,
      [byWorker1(shop)],
    );
    if (leased.length === 0) await shop.thaw('worker-1');
    return leased.length > 0 && leased.map(({ id }) => id);
  });
}

/** Those of them that somebody else drives now, and is not done with. */
function takenOver(shop: DrilledShop, orders: string[]): Promise<string[]> {
  return reach('another worker drives what the sleeper had', async () => {
    const taken = await shop.query<{ id: string }>(
      `SELECT order_id AS id FROM sagas
        WHERE order_id = ANY ($1) AND lease_owner NOT LIKE $2 AND lease_expires_at > clock_timestamp()`,
      [orders, byWorker1(shop)],
    );
    return taken.length > 0 && taken.map(({ id }) => id);
  });
}
