import assert from 'node:assert/strict';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';
import { noSweeperForSagas, requestSendsItsMessage } from './kit/mutants';

export const drill: Drill = {
  name: 'redis-stopped',
  promise:
    'With Redis down, orders are accepted, charged and placed, reservations expire, and no request waits for Redis.',
  rows: [37],
  needs: 'redis',
  sometimes: ['messages kept for later'],
  mutants: [requestSendsItsMessage, noSweeperForSagas],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'redis' });
    const before = await businessAsUsual(shop);

    await shop.kill('redis');
    const without = await businessAsUsual(shop);
    const limitMs = Math.max(1_000, 3 * before.slowestMs);
    assert.ok(without.slowestMs < limitMs, `an order took ${without.slowestMs} ms to be accepted`);
    const { body: ready } = await shop.client.get('/health/ready');
    assert.equal(ready.status, 'degraded');
    const kept = await shop.query('SELECT FROM outbox WHERE applied_at IS NULL');
    environment.count('messages kept for later', kept.length);

    await shop.service.restart('redis');
    await shop.audit();
  },
};
