import assert from 'node:assert/strict';
import { newId, publicId } from '../src/ids';
import { HttpClient } from '../test/support/http-client';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Purchase } from './kit/client-log';
import { commandOf } from './kit/command';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import type { Environment } from './kit/environment';

const hourMs = 3_600_000;

export const drill: Drill = {
  name: 'disputes-and-outside-refunds',
  promise:
    'Without a single webhook, reconciliation finds each dispute, refund by others, failed refund and forgotten authorization once, and voids only authorizations of this installation.',
  rows: [82],
  sometimes: ['differences found', 'authorizations voided', 'authorizations of others left alone'],
  mutants: [
    {
      name: 'refund-by-others-not-recorded',
      why: 'a refund that was made in the dashboard is no difference',
      guard: 'refund-by-others-is-recorded',
      change: () => 'return [];',
    },
    {
      name: 'dispute-not-recorded',
      why: 'a dispute is no difference',
      guard: 'dispute-is-recorded',
      change: (line) => line.replace('[opened]', '[]'),
    },
    {
      name: 'authorizations-of-others-voided',
      why: 'an authorization that another installation made for an order of the same id is voided',
      guard: 'only-our-authorizations-are-voided',
      change: (line) => line.replace(/=.*;/, '= true;'),
      also: [
        {
          guard: 'payments-of-others-are-left-alone',
          change: (line) => line.replace('installation !== null', 'false'),
        },
      ],
    },
  ],

  run: async (environment) => {
    const env = { SANDBOX_SEARCH_LAG_MS: '0' };
    const shop = await environment.open({ queue: 'postgres', env });
    await shop.faults({ webhookDelayMs: 600_000 });
    const sku = await shop.product(100);
    const buy = (count: number, paymentMethod = 'pm_card_visa') =>
      shop.buy(count, { sku, paymentMethod, waitSeconds: 20 });
    const [disputed, given, failed] = [
      await buy(3),
      await buy(2),
      await buy(2, 'pm_sandbox_refund_fails_300'),
    ];
    const [untouched, rejected] = [await buy(3), await buy(2, 'pm_card_chargeDeclined')];
    for (const purchase of failed) await refund(shop, purchase);
    await happenAtProvider(shop, { disputed, given });
    const { ours, others } = await forgottenAuthorizations(shop, rejected);
    await until('all of it has happened', async () => {
      const rows = [...(await shop.ledger()).values()] as Record<string, any>[];
      return rows.filter(({ refundsFailed }) => refundsFailed > 0).length === failed.length;
    });

    const found = await reconcile(environment, shop);
    assert.deepEqual(found, {
      exitCode: 1,
      kinds: {
        dispute_opened: 3,
        dispute_lost: 1,
        dispute_won: 1,
        refund_failed: 2,
        refunded_outside: 2,
        stray_authorization: 1,
      },
    });
    environment.count('differences found', 10);
    assert.deepEqual(await reconcile(environment, shop), { exitCode: 0, kinds: {} });
    assert.equal(await stateOf(shop, ours), 'canceled');
    environment.count('authorizations voided', 1);
    assert.equal(await stateOf(shop, others), 'requires_capture');
    environment.count('authorizations of others left alone', 1);
    await atProvider(shop).post(`/v1/payment_intents/${others}/cancel`, undefined);

    const orders = await shop.ordersOf([...disputed, ...given, ...untouched, ...failed]);
    assert.deepEqual(
      tally(orders, ({ status, payment }) => `${status}, ${payment.status}`),
      {
        'placed, captured': 6,
        'placed, partially_refunded': 1,
        'placed, refunded': 1,
        'refunded, refund_failed': 2,
      },
    );
    assert.equal(await shop.available(sku), 100 - 8);
    await shop.audit();
  },
};

async function refund(shop: DrilledShop, purchase: Purchase): Promise<void> {
  purchase.cancelled = true;
  const answer = await shop.requestCancellation([...purchase.orderIds][0]!, 'refund', { waitSeconds: 20 });
  assert.equal(answer.body.status, 'refunded', answer.text);
}

const atProvider = (shop: DrilledShop) => new HttpClient(shop.service.sandboxUrl, 'sk_test_holdfast_sandbox');

async function happenAtProvider(
  shop: DrilledShop,
  { disputed, given }: { disputed: Purchase[]; given: Purchase[] },
): Promise<void> {
  const intentsOf = async (purchases: Purchase[]) =>
    (await shop.ordersOf(purchases)).map(({ payment }) => payment.reference as string);
  const tell = async (path: string, body: object) => {
    const { status, text } = await atProvider(shop).post(path, body);
    assert.equal(status, 200, text);
  };
  const [open, won, lost] = await intentsOf(disputed);
  await tell('/sandbox/disputes', { payment_intent: open });
  await tell('/sandbox/disputes', { payment_intent: won, outcome: 'won' });
  await tell('/sandbox/disputes', { payment_intent: lost, outcome: 'lost' });
  const [whole, part] = await intentsOf(given);
  await tell('/sandbox/refunds', { payment_intent: whole });
  await tell('/sandbox/refunds', { payment_intent: part, amount: 500 });
}

/** One of this installation, one of another that has an order of the same id, as a copy of the database would. */
async function forgottenAuthorizations(
  shop: DrilledShop,
  purchases: Purchase[],
): Promise<{ ours: string; others: string }> {
  const [installation] = await shop.query<{ id: string }>('SELECT id FROM installation');
  const names = [installation!.id, newId()].map((id) => publicId('ins', id));
  const [ours, others] = await Promise.all(
    purchases.map(async ({ orderIds }, nth) => {
      const [orderId] = orderIds;
      const answer = await fetch(`${shop.service.sandboxUrl}/v1/payment_intents`, {
        method: 'POST',
        headers: { authorization: 'Bearer sk_test_holdfast_sandbox' },
        body: new URLSearchParams({
          amount: '1999',
          currency: 'eur',
          payment_method: 'pm_card_visa',
          'allowed_payment_method_types[0]': 'card',
          capture_method: 'manual',
          confirm: 'true',
          'metadata[orderId]': orderId!,
          'metadata[kind]': 'authorize',
          'metadata[number]': '2',
          'metadata[installation]': names[nth]!,
        }),
      });
      const { id } = (await answer.json()) as { id: string };
      return id;
    }),
  );
  return { ours: ours!, others: others! };
}

const stateOf = async (shop: DrilledShop, intent: string): Promise<string> =>
  (await atProvider(shop).get(`/v1/payment_intents/${intent}`)).body.status;

/** `npm run reconcile`, as an operator runs it: how it ends and what it prints. */
async function reconcile(environment: Environment, shop: DrilledShop) {
  const period = [-hourMs, hourMs].map((ms) => new Date(Date.now() + ms).toISOString());
  const { exitCode, output } = await commandOf(environment, shop, 'reconciliation/reconcile-command.js', [
    '--from',
    period[0]!,
    '--to',
    period[1]!,
  ]);
  const kinds = [...output.matchAll(/^(\w+) +ord_/gm)].map(([, kind]) => kind!);
  assert.ok(exitCode < 2, output);
  return { exitCode, kinds: tally(kinds, (kind) => kind) };
}
