import assert from 'node:assert/strict';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';
import { noNetUnderTheDoorbell, requestRingsItself } from './kit/mutants';

export const drill: Drill = {
  name: 'redis-stopped',
  promise:
    'With Redis gone orders are taken, charged and placed and reservations expire, and nobody waits for it.',
  rows: [37],
  needs: 'redis',
  sometimes: ['messages kept for later'],
  mutants: [requestRingsItself, noNetUnderTheDoorbell],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'redis' });
    const before = await businessAsUsual(shop);

    await shop.kill('redis');
    const without = await businessAsUsual(shop);
    const limitMs = Math.max(1_000, 3 * before.slowestMs);
    assert.ok(without.slowestMs < limitMs, `an order took ${without.slowestMs} ms to be taken`);
    const { body: ready } = await shop.client.get('/health/ready');
    assert.equal(ready.status, 'degraded');
    const kept = await shop.query('SELECT FROM outbox WHERE applied_at IS NULL');
    stage.count('messages kept for later', kept.length);

    await shop.service.restart('redis');
    await shop.audit();
  },
};
