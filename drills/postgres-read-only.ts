import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';

export const drill: Drill = {
  name: 'postgres-read-only',
  promise:
    'While PostgreSQL is a standby, the service is not ready and refuses writes with 503; after the promotion it continues without a restart.',
  rows: [45],
  sometimes: ['refused writes'],
  mutants: [
    {
      name: 'ready-although-read-only',
      why: 'readiness ignores that the database is read-only, so the load balancer keeps sending requests',
      guard: 'read-only-is-not-ready',
      change: () => 'if (false)',
    },
    {
      name: 'refused-as-a-bug',
      why: 'a write to a read-only database is answered with 500',
      guard: 'read-only-is-connection-loss',
      change: (line) => line.replace("state === '25006' || ", ''),
      also: [{ guard: 'read-only-is-known', change: () => 'return false;' }],
    },
  ],

  run: async (environment) => {
    const postgres = await environment.postgres();
    const shop = await environment.open({
      queue: 'postgres',
      databaseUrl: postgres.url,
      servers: [postgres.child],
      // The first write waits this long for a database that takes writes.
      env: { DATABASE_LOCK_TIMEOUT_MS: '1000', DATABASE_STATEMENT_TIMEOUT_MS: '2000' },
    });
    await businessAsUsual(shop);
    const sku = await shop.product(10);
    const pids = shop.pids();
    const ready = () => shop.client.get('/health/ready');

    await postgres.child.stop();
    postgres.demote();
    await postgres.child.start();
    await until('reads are answered', async () => (await shop.client.get(`/v1/stock/${sku}`)).status === 200);
    for (let nth = 0; nth < 10; nth++) {
      const { status, body } = await ready();
      assert.deepEqual([status, body.code], [503, 'unavailable'], 'a standby takes no orders');
      assert.match(body.detail, /standby/);
      const write = await shop.order({ lines: [{ sku, quantity: 1 }] });
      assert.deepEqual([write.status, write.body.code], [503, 'unavailable']);
      assert.ok(write.headers.get('retry-after'), 'no Retry-After');
      environment.count('refused writes', 1);
    }

    await shop.query('SELECT pg_promote()');
    await until('it is ready', async () => (await ready()).status === 200);
    await businessAsUsual(shop);
    assert.deepEqual(shop.pids(), pids, 'processes that ended because PostgreSQL took no writes');
    await shop.audit();
  },
};
