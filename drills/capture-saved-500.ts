import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import type { Purchase } from './kit/client-log';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import type { Environment } from './kit/environment';
import { reach } from './kit/reach';

const env = { PAYMENT_SEARCH_DELAY_MS: '1500' };

/** Nothing names a payment whose authorization was answered with an error, so it must be found. */
const withoutWebhooks = { webhookDelayMs: 600_000 };

const saved = (kind: string) => [`pm_sandbox_saved_500_${kind}`, `pm_sandbox_saved_500_undone_${kind}`];

export const drill: Drill = {
  name: 'capture-saved-500',
  promise:
    'Whatever a provider did before it saved an error under a key, the order ends right, is charged once and refunded once.',
  rows: [73],
  sometimes: ['saved errors', 'operations under a new key', 'voids', 'refunds'],
  mutants: [
    {
      name: 'saved-error-not-recognised',
      why: 'a saved error counts as a failure that the next call may cure',
      guard: 'saved-error-is-recognised',
      change: (line) => line.replace("'saved_error'", "'provider_error'"),
    },
    {
      name: 'new-key-after-silence',
      why: 'an operation that got no response is sent under a new key',
      guard: 'silence-brings-no-new-key',
      change: (line) => line.replace(/ && \(.*\)/, ''),
    },
    {
      name: 'nothing-is-looked-at',
      why: 'nobody looks at the payment before or after a doubtful call',
      guard: 'a-look-decides',
      change: (line) => `if (authorization && !isSearch) return { status: 'not-done', detail: '' };\n${line}`,
    },
    {
      name: 'one-search-suffices',
      why: 'an authorization is made again after one search that found nothing',
      guard: 'two-searches-before-a-new-key',
      change: (line) => line.replace('2', '1'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', env });
    const sku = await shop.product(100);
    await shop.faults({ ...withoutWebhooks, searchLagMs: 600_000 });
    const placed = await shop.buy(15, {
      sku,
      atOnce: 15,
      paymentMethod: [...saved('authorize'), ...saved('capture'), 'pm_sandbox_error_then_ok_1'],
    });
    await searchedInVain(shop);
    await shop.faults({ ...withoutWebhooks, searchLagMs: 0 });
    const refunded = await shop.buy(6, { sku, paymentMethod: saved('refund'), waitSeconds: 20 });
    await cancel(shop, refunded, 'refund');
    await shop.faults({ ...withoutWebhooks, searchLagMs: 0, errorRate: 1 });
    const cancelled = await shop.buy(6, { sku, paymentMethod: saved('void') });
    await cancelInDoubt(shop, cancelled);
    await shop.faults({ ...withoutWebhooks, searchLagMs: 0 });

    await shop.converge();
    await count(environment, shop);
    await endsRight(shop, placed, 'placed');
    await endsRight(shop, refunded, 'refunded');
    await endsRight(shop, cancelled, 'rejected');
    assert.deepEqual(await underNewKeys(shop), [
      'authorize pm_sandbox_saved_500_undone_authorize',
      'capture pm_sandbox_saved_500_undone_capture',
      'refund pm_sandbox_saved_500_undone_refund',
      'void pm_sandbox_saved_500_undone_void',
    ]);
    await shop.audit();
  },
};

/** The first search came too early: the second finds what the first did not. */
async function searchedInVain(shop: DrilledShop): Promise<void> {
  await until('an authorization was searched in vain', async () => {
    await shop.hurry();
    const found = await shop.query(
      `SELECT FROM payment_operations JOIN orders o ON o.id = order_id
        WHERE looks > 0 AND o.payment_method = 'pm_sandbox_saved_500_authorize'`,
    );
    return found.length > 0;
  });
}

async function cancel(shop: DrilledShop, purchases: Purchase[], by: 'cancel' | 'refund'): Promise<void> {
  for (const [index, purchase] of purchases.entries()) {
    purchase.cancelled = true;
    const [id] = purchase.orderIds;
    const { status, text } = await shop.requestCancellation(id!, by, { waitSeconds: 0 });
    assert.ok(status < 300, `${by} ${index}: ${status} ${text}`);
  }
}

/** An order that is cancelled while its authorization is in doubt asks for it again, and voids it. */
async function cancelInDoubt(shop: DrilledShop, purchases: Purchase[]): Promise<void> {
  await reach('their authorizations are in doubt', async () => {
    const orders = await shop.ordersOf(purchases);
    return orders.every(({ payment }) => payment.status === 'unknown');
  });
  await cancel(shop, purchases, 'cancel');
}

async function endsRight(shop: DrilledShop, purchases: Purchase[], status: string): Promise<void> {
  const orders = await shop.ordersOf(purchases);
  assert.deepEqual(
    orders.map((order, nth) => [purchases[nth]!.paymentMethod, order.status]),
    purchases.map(({ paymentMethod }) => [paymentMethod, status]),
  );
}

/** A new key needs a saved error, and a look after it that shows that nothing was done. */
async function underNewKeys(shop: DrilledShop): Promise<string[]> {
  const rows = await shop.query<{ what: string }>(
    `SELECT DISTINCT p.kind || ' ' || o.payment_method AS what
       FROM payment_operations p JOIN orders o ON o.id = p.order_id WHERE p.number > 1 ORDER BY what`,
  );
  return rows.map(({ what }) => what);
}

async function count(environment: Environment, shop: DrilledShop): Promise<void> {
  const [counts] = await shop.query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM saga_transitions WHERE code = 'saved_error') AS "saved errors",
            (SELECT count(*)::int FROM payment_operations WHERE number > 1) AS "operations under a new key",
            (SELECT count(*)::int FROM payment_operations WHERE kind = 'void' AND status = 'approved') AS voids,
            (SELECT count(*)::int FROM payment_operations WHERE kind = 'refund' AND status = 'approved') AS refunds`,
  );
  for (const [what, times] of Object.entries(counts!)) environment.count(what, times);
}
