import { TcpProxy } from '../test/support/tcp-proxy';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';
import { reach } from './kit/reach';

export const drill: Drill = {
  name: 'redis-reconnect',
  promise: 'Twenty connection resets while a worker waits for jobs do not block the worker.',
  rows: [41],
  needs: 'redis',
  sometimes: ['connections reset'],
  mutants: [
    {
      name: 'never-reconnects',
      why: 'a worker does not reconnect after a reset',
      guard: 'worker-reconnects',
      change: (line) => `${line} retryStrategy: () => null,`,
    },
  ],

  run: async (environment) => {
    const redis = await environment.redis();
    await redis.child.start();
    const proxy = await TcpProxy.before(redis.url);
    environment.onClose(() => proxy.close());
    const shop = await environment.open({ queue: 'redis', redisUrl: proxy.url, servers: [redis.child] });
    const sku = await shop.product(100);

    for (let cut = 1; cut <= 20; cut++) {
      if (cut % 4 === 0) await shop.buy(2, { sku });
      const reset = await reach('a connection is open', async () => proxy.cut() || undefined, 5_000);
      environment.count('connections reset', reset);
    }

    // Only a consumer applies an event; no sweeper does it for a blocked worker.
    await shop.buy(5, { sku });
    await shop.sendEvents(sku);
    await until(
      'every message is applied',
      async () => (await shop.query('SELECT FROM outbox WHERE applied_at IS NULL')).length === 0,
      15_000,
    );
    await shop.audit();
  },
};
