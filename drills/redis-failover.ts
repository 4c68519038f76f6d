import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';
import type { Environment } from './kit/environment';
import type { RedisWithFailover } from './kit/redis-cluster';

export const drill: Drill = {
  name: 'redis-failover',
  promise:
    'When the server that has a queue’s jobs dies, in a Redis Cluster or under Sentinels, orders go on, and jobs are done again after the failover.',
  rows: [92],
  needs: 'redis',
  sometimes: ['failovers'],
  mutants: [
    {
      name: 'cluster-as-one-server',
      why: 'only the first node of a Cluster is connected to, and the Sentinel itself',
      guard: 'cluster-is-one',
      change: (line) =>
        `const [first] = address.nodes ?? address.sentinels ?? [];\nif (first) return new ioredis_1.default({ ...options, ...login, ...first });\n${line}`,
    },
  ],

  run: async (environment) => {
    await Promise.all([
      environment.redisCluster().then((redis) => killed(environment, redis)),
      environment.redisSentinel().then((redis) => killed(environment, redis)),
    ]);
  },
};

async function killed(environment: Environment, redis: RedisWithFailover): Promise<void> {
  const shop = await environment.open({ queue: 'redis', redisUrl: redis.url, servers: redis.servers });
  await until('the queues are healthy', async () => {
    const { body } = await shop.client.get('/health/ready');
    if (body.status !== 'ok') throw new Error(JSON.stringify(body));
    return true;
  });
  await businessAsUsual(shop);
  const sku = await shop.product(100);
  await jobsAreDone(shop, sku);

  const killing = redis.killMasterOf('events');
  await businessAsUsual(shop);
  await killing;
  environment.count('failovers', 1);
  await jobsAreDone(shop, sku);
  const { body: ready } = await shop.client.get('/health/ready');
  assert.equal(ready.status, 'ok', JSON.stringify(ready));
  await shop.audit();
}

/** Only a consumer applies these messages, no sweeper. */
async function jobsAreDone(shop: Awaited<ReturnType<Environment['open']>>, sku: string): Promise<void> {
  await until('messages are sent', async () => {
    await shop.sendEvents(sku);
    return true;
  });
  await until(
    'every message is applied',
    async () => (await shop.query('SELECT FROM outbox WHERE applied_at IS NULL')).length === 0,
  );
}
