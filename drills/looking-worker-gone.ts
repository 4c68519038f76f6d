import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { until } from '../test/support/until';
import { givesUpAfterMs } from './kit/buyers-shop';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';

export const drill: Drill = {
  name: 'looking-worker-gone',
  promise:
    'When the worker that looks for due work is suspended or killed, another one finds lost wake-ups within 2 s and expires reservations within 5 s.',
  rows: [85],
  sometimes: ['freezes', 'kills', 'lost wake-ups', 'reservations expired'],
  mutants: [
    {
      name: 'lease-without-end',
      why: 'no worker takes over the sweep lease of another',
      guard: 'sweep-lease-ends',
      change: (line) => line.replace(' AND expires_at > statement_timestamp()', ''),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({
      queue: 'postgres',
      workers: 2,
      // This API sends nothing itself: each of its messages is a lost wake-up, and there is no alarm.
      envOf: { 'api-1': { QUEUES: 'off' } },
    });
    const giveUpMs = environment.mutant ? 10_000 : givesUpAfterMs;
    const isOver = async (what: string) => {
      const sku = await shop.product(10);
      await shop.reserved(sku, 1, { ttlSeconds: 1 });
      environment.count('lost wake-ups', (await shop.buy(4, { sku })).length);
      const open = `SELECT FROM sagas s JOIN orders o ON o.id = s.order_id WHERE s.status <> 'completed'`;
      await until(`${what}: the orders end`, async () => (await shop.query(open)).length === 0, giveUpMs);
      const active = `SELECT FROM reservations WHERE status = 'active'`;
      await until(`${what}: it expires`, async () => (await shop.query(active)).length === 0, giveUpMs);
    };

    const suspended = await lookingWorker(shop);
    await shop.freeze(suspended);
    await isOver('suspended');
    await shop.kill(await lookingWorker(shop));
    await shop.thaw(suspended);
    await isOver('killed');

    const late = await shop.query(`
      SELECT o.id FROM orders o JOIN saga_transitions t ON t.order_id = o.id AND t.version = 2
       WHERE t.at > o.created_at + interval '2 seconds'`);
    assert.deepEqual(late, [], 'orders whose lost wake-up was found after more than 2 s');
    const lateEnds = await shop.query(`
      SELECT id FROM reservations WHERE status = 'expired' AND ended_at > expires_at + interval '5 seconds'`);
    assert.deepEqual(lateEnds, [], 'reservations that expired more than 5 s late');
    const expired = await shop.query(`SELECT FROM reservations WHERE status = 'expired'`);
    environment.count('reservations expired', expired.length);
    await shop.audit();
  },
};

/** By the lease, which names a worker as `<host>:<pid>`. */
function lookingWorker(shop: DrilledShop): Promise<string> {
  const nameOf = (holder: string) =>
    Object.entries(shop.pids()).find(([, pid]) => holder === `${hostname()}:${pid}`)?.[0];
  return until('a worker looks', async () => {
    const [lease] = await shop.query<{ holder: string }>(
      'SELECT holder FROM sweep_leases WHERE expires_at > clock_timestamp()',
    );
    return lease && nameOf(lease.holder);
  });
}
