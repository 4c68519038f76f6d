import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import { type Drill, removed } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { dyingAt } from './kit/places';

export const drill: Drill = {
  name: 'webhooks',
  promise:
    'Webhooks that arrive twenty times, out of order, before the response, late or never change no outcome; one that was stored by an API that then died is acted on.',
  rows: [20, 21, 22, 24],
  sometimes: ['sagas woken', 'webhooks without a waiting saga', 'webhooks stored by an API that died'],
  mutants: [
    {
      name: 'copies-stored-again',
      why: 'a webhook that arrives twenty times is stored twenty times',
      guard: 'webhook-stored-once',
      change: (line) => line.replace('n.id', 'n.id || random()::text'),
    },
    {
      name: 'unknown-until-a-webhook',
      why: 'an unknown result is fetched only after a webhook',
      guard: 'unknown-is-asked-again',
      change: (line) => line.replace(/\[.*\]/, '[3_600_000]'),
    },
    {
      name: 'stored-and-forgotten',
      why: 'no worker looks for webhooks that were stored and not acted on',
      guard: 'sweeper-processes-webhooks',
      change: removed,
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
      `SELECT provider_reference, type FROM provider_events GROUP BY provider_reference, type HAVING count(*) > 1`,
    );
    assert.deepEqual(twice, [], 'webhooks that were stored more than once');
    await heardBeforeItDied(shop, sku);
    environment.count('webhooks stored by an API that died', 1);
    await shop.audit();
  },
};

/** Only the webhook can wake the saga, and the API that stores it dies before it answers. */
async function heardBeforeItDied(shop: DrilledShop, sku: string): Promise<void> {
  const [purchase] = await shop.buy(1, { sku, paymentMethod: 'pm_sandbox_processing_8000' });
  const [id] = [...purchase!.orderIds];
  const reference = await until('its charge is in processing', async () => {
    const { payment } = await shop.orderNow(id!);
    return payment.status === 'processing' && (payment.reference as string);
  });
  const order = `(SELECT order_id FROM payment_operations WHERE provider_reference = $1 AND kind = 'authorize')`;
  const found = async (what: string) => (await shop.query(what, [reference])).length > 0;
  await until('its first webhook was processed', () =>
    found('SELECT FROM provider_events WHERE provider_reference = $1 AND processed_at IS NOT NULL'),
  );
  await until('its saga waits for an hour', async () => {
    const put = await shop.tamper(
      `UPDATE sagas SET next_run_at = clock_timestamp() + interval '1 hour'
        WHERE order_id = ${order} AND next_run_at > clock_timestamp() AND lease_expires_at IS NULL RETURNING order_id`,
      [reference],
    );
    return put.length > 0;
  });

  await shop.service.restart('api-1', dyingAt({ process: 'api-1', point: 'webhook.stored' }));
  await shop.service.ended('api-1');
  await until('the order is placed while the API is down', () =>
    found(`SELECT FROM orders WHERE id = ${order} AND status = 'placed'`),
  );
  await shop.service.restart('api-1', dyingAt());
}
