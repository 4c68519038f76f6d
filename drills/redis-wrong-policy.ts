import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';
import { requestSendsItsMessage } from './kit/mutants';

export const drill: Drill = {
  name: 'redis-wrong-policy',
  promise: 'A Redis that may evict jobs is reported, and a full one loses nothing and blocks nothing.',
  rows: [40],
  needs: 'redis',
  sometimes: ['messages kept for later'],
  mutants: [
    {
      name: 'policy-not-checked',
      why: 'nothing reports that Redis may evict jobs',
      guard: 'eviction-policy-is-checked',
      change: (line) => line.replace("one !== 'noeviction'", 'false'),
    },
    requestSendsItsMessage,
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'redis' });
    const readiness = async () => (await shop.client.get('/health/ready')).body;

    await shop.redis('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const reported = await until('it is reported', async () => {
      const { status, degraded } = await readiness();
      return status === 'degraded' && (degraded as { detail: string }[]);
    });
    assert.match(reported[0]!.detail, /allkeys-lru/);
    await shop.redis('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await until('all is well', async () => (await readiness()).status === 'ok');

    // Full: every new job is refused.
    await shop.redis('CONFIG', 'SET', 'maxmemory', '1');
    await businessAsUsual(shop);
    const kept = await shop.query('SELECT FROM outbox WHERE applied_at IS NULL');
    environment.count('messages kept for later', kept.length);

    await shop.redis('CONFIG', 'SET', 'maxmemory', '0');
    await shop.audit();
  },
};
