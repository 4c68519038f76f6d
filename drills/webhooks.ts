import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';

export const drill: Drill = {
  name: 'webhooks',
  promise:
    'Webhooks that arrive twenty times, out of order, before the response, late or never change no outcome.',
  rows: [20, 21, 22, 24],
  sometimes: ['sagas woken', 'webhooks without a waiting saga'],
  mutants: [
    {
      name: 'copies-stored-again',
      why: 'a webhook that arrives twenty times is stored twenty times',
      guard: 'webhook-stored-once',
      change: (line) => line.replace('$1::text', '$1::text || random()::text'),
    },
    {
      name: 'unknown-until-a-webhook',
      why: 'an unknown result is fetched only after a webhook',
      guard: 'unknown-is-asked-again',
      change: (line) => line.replace(/\[.*\]/, '[3_600_000]'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', apis: 2 });
    const sku = await shop.product(100);
    const paymentMethod = [
      'pm_sandbox_duplicate_webhooks_20',
      'pm_sandbox_reordered_webhooks',
      'pm_sandbox_slow_answer_1500',
      'pm_sandbox_late_commit_1200',
      'pm_sandbox_no_webhook',
    ];
    assert.deepEqual(await shop.buyToTheEnd(20, { sku, paymentMethod, atOnce: 20 }), { placed: 20 });

    // No process accepts webhooks, and the response was lost too.
    await shop.freeze('api-1');
    const unheard = 'pm_sandbox_timeout_after_commit';
    const by = shop.caller(1);
    const bodies = Array.from({ length: 4 }, () => ({
      paymentMethod: unheard,
      lines: [{ sku, quantity: 1 }],
    }));
    await Promise.all(bodies.map((body) => shop.order(body, { by })));
    await shop.converge();
    await shop.thaw('api-1');

    const arrived = `SELECT verdict FROM provider_events WHERE verdict IS NOT NULL`;
    await until('the late ones have arrived', async () => (await shop.query(arrived)).length >= 2 * 20);
    const verdicts = tally(await shop.query<{ verdict: string }>(arrived), ({ verdict }) => verdict);
    environment.count('sagas woken', verdicts['saga woken'] ?? 0);
    environment.count('webhooks without a waiting saga', verdicts['nothing waited for it'] ?? 0);
    const twice = await shop.query(
      `SELECT raw_body FROM provider_events GROUP BY raw_body HAVING count(*) > 1`,
    );
    assert.deepEqual(twice, [], 'webhooks that were stored more than once');
    await shop.audit();
  },
};
