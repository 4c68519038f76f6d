import assert from 'node:assert/strict';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { reach } from './kit/reach';

/** Slow enough that the successor is still at work when the sleeper wakes up. */
const paymentMethod = 'pm_sandbox_slow_1200';
const env = { PAYMENT_TIMEOUT_MS: '1500', SAGA_LEASE_MS: '3100' };

export const drill: Drill = {
  name: 'stale-worker',
  promise: 'A worker that slept through its lease cannot overwrite the work of its successor.',
  rows: [32],
  sometimes: ['stale writes refused'],
  mutants: [
    {
      name: 'token-not-checked',
      why: 'a worker may record a result with an old token',
      guard: 'fencing-token-checked',
      change: (line) =>
        line.replace(
          '(order_id, fencing_token) IN (SELECT l.order_id, l.token',
          'order_id IN (SELECT l.order_id',
        ),
    },
    {
      name: 'token-not-grown',
      why: 'a claim does not increment the token, so the old one stays valid',
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

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', workers: 2, env });
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
    environment.count('taken over', taken.length);
    environment.count('stale writes refused', await shop.sagaEvents('stale_write_refused'));
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

/** Those of them that another worker drives now and has not finished. */
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
