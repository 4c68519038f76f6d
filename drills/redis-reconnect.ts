import { TcpProxy } from '../test/support/tcp-proxy';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';
import { reach } from './kit/reach';

export const drill: Drill = {
  name: 'redis-reconnect',
  promise:
    'Connections to Redis that are reset twenty times in the middle of waiting for jobs wedge no worker.',
  rows: [41],
  needs: 'redis',
  sometimes: ['connections reset'],
  mutants: [
    {
      name: 'never-reconnects',
      why: 'a worker whose connection was reset stays without one',
      guard: 'worker-reconnects',
      change: (line) => `${line} retryStrategy: () => null,`,
    },
  ],

  run: async (stage) => {
    const redis = await stage.redis();
    await redis.child.start();
    const proxy = await TcpProxy.before(redis.url);
    stage.onClose(() => proxy.close());
    const shop = await stage.open({ queue: 'redis', redisUrl: proxy.url, servers: [redis.child] });
    const sku = await shop.product(100);

    for (let cut = 1; cut <= 20; cut++) {
      if (cut % 4 === 0) await shop.buy(2, { sku });
      const reset = await reach('somebody is connected', async () => proxy.cut() || undefined, 5_000);
      stage.count('connections reset', reset);
    }

    // An event is applied by a consumer alone; no sweeper does it for a worker that is wedged.
    await shop.buy(5, { sku });
    await until(
      'every message is applied',
      async () => (await shop.query('SELECT FROM outbox WHERE applied_at IS NULL')).length === 0,
      15_000,
    );
    await shop.audit();
  },
};
