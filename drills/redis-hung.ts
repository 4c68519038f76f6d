import assert from 'node:assert/strict';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';

export const drill: Drill = {
  name: 'redis-hung',
  promise: 'A Redis that accepts connections but never answers delays no order.',
  rows: [38],
  needs: 'redis',
  sometimes: ['messages kept for later'],
  mutants: [
    {
      name: 'request-waits-for-its-message',
      why: 'a request is answered only when its message was sent or has failed',
      guard: 'wake-up-is-not-awaited',
      change: (line) =>
        line.replace('this.relay.poke(own);', 'await this.relay.runOnce(own).catch(() => undefined);'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'redis' });
    const before = await businessAsUsual(shop);

    // Redis accepts every command and answers none, not even one that would unpause it.
    await shop.redis('CLIENT', 'PAUSE', '8000', 'ALL');
    const meanwhile = await businessAsUsual(shop);
    // The median: on a busy machine a single order may be slow for other reasons. A request that waits for Redis takes at
    // least the second after which a producer gives up.
    const limitMs = Math.min(900, Math.max(600, 3 * before.medianMs));
    assert.ok(meanwhile.medianMs < limitMs, `the median order took ${meanwhile.medianMs} ms to be accepted`);
    const kept = await shop.query('SELECT FROM outbox WHERE applied_at IS NULL');
    environment.count('messages kept for later', kept.length);

    await shop.audit();
  },
};
