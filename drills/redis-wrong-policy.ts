import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';
import { requestRingsItself } from './kit/mutants';

export const drill: Drill = {
  name: 'redis-wrong-policy',
  promise:
    'A Redis that may throw jobs away is told of, and one that is full loses nothing and stops nobody.',
  rows: [40],
  needs: 'redis',
  sometimes: ['messages kept for later'],
  mutants: [
    {
      name: 'policy-not-looked-at',
      why: 'nobody is told that Redis may throw jobs away',
      guard: 'eviction-policy-is-checked',
      change: (line) => line.replace(" === 'noeviction'", ''),
    },
    requestRingsItself,
  ],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'redis' });
    const readiness = async () => (await shop.client.get('/health/ready')).body;

    await shop.redis('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const told = await until('it is told', async () => {
      const { status, degraded } = await readiness();
      return status === 'degraded' && (degraded as { detail: string }[]);
    });
    assert.match(told[0]!.detail, /allkeys-lru/);
    await shop.redis('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await until('all is well', async () => (await readiness()).status === 'ok');

    // Full: every job that is added is refused.
    await shop.redis('CONFIG', 'SET', 'maxmemory', '1');
    await businessAsUsual(shop);
    const kept = await shop.query('SELECT FROM outbox WHERE applied_at IS NULL');
    stage.count('messages kept for later', kept.length);

    await shop.redis('CONFIG', 'SET', 'maxmemory', '0');
    await shop.audit();
  },
};
