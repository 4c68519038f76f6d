import assert from 'node:assert/strict';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';

export const drill: Drill = {
  name: 'redis-hung',
  promise: 'A Redis that takes connections and answers nothing makes nobody wait.',
  rows: [38],
  needs: 'redis',
  sometimes: ['messages kept for later'],
  mutants: [
    {
      name: 'request-waits-for-its-message',
      why: 'a request is answered when its message is sent, or when sending it has failed',
      guard: 'wake-up-is-not-awaited',
      change: (line) =>
        line.replace(/this\.relay\.poke\(\);/, 'await this.relay.runOnce().catch(() => undefined);'),
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'redis' });
    const before = await businessAsUsual(shop);

    // Every command is taken and none is answered, those of the service and of whoever would unpause it.
    await shop.redis('CLIENT', 'PAUSE', '8000', 'ALL');
    const meanwhile = await businessAsUsual(shop);
    // The median: on a busy machine a single order may be slow for other reasons.
    const limitMs = Math.max(600, 3 * before.medianMs);
    assert.ok(meanwhile.medianMs < limitMs, `the median order took ${meanwhile.medianMs} ms to be taken`);
    const kept = await shop.query('SELECT FROM outbox WHERE applied_at IS NULL');
    stage.count('messages kept for later', kept.length);

    await shop.audit();
  },
};
