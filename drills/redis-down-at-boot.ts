import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import { businessAsUsual } from './kit/business-as-usual';
import { type Drill, removed } from './kit/drill';

export const drill: Drill = {
  name: 'redis-down-at-boot',
  promise:
    'A service that starts before its Redis accepts orders at once, and sends the waiting messages when Redis is up.',
  rows: [39],
  needs: 'redis',
  sometimes: ['messages kept for later'],
  mutants: [
    {
      name: 'opened-once',
      why: 'a queue that could not be opened at start is never opened later',
      guard: 'failed-queue-is-reopened',
      change: removed,
    },
  ],

  run: async (environment) => {
    const redis = await environment.redis();
    const shop = await environment.open({ queue: 'redis', redisUrl: redis.url, servers: [redis.child] });
    const readiness = async () => (await shop.client.get('/health/ready')).body.status as string;
    assert.equal(await readiness(), 'degraded');

    await businessAsUsual(shop);
    const kept = await shop.query('SELECT FROM outbox WHERE applied_at IS NULL');
    environment.count('messages kept for later', kept.length);

    await redis.child.start();
    await until('nothing is degraded', async () => (await readiness()) === 'ok');
    // Sweepers find orders without jobs, so only this shows that the API sends them again.
    await shop.freeze('worker-1');
    await shop.buy(3, { sku: await shop.product(10) });
    await until('a job waits', async () => (await shop.redis('LLEN', '{hf:0:checkout}:checkout:wait')) !== 0);
    await shop.thaw('worker-1');
    await businessAsUsual(shop);
    await shop.audit();
  },
};
