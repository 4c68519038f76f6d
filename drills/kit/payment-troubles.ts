import { randomUUID } from 'node:crypto';
import { HttpClient } from '../../test/support/http-client';
import { until } from '../../test/support/until';
import type { DrilledShop } from './drilled-shop';
import type { Environment } from './environment';
import { requestEnd, untilBuyerActs, untilSettled } from './tour';

const saved = ['authorize', 'capture', 'void', 'refund'].flatMap((kind) => [
  `pm_sandbox_saved_500_${kind}`,
  `pm_sandbox_saved_500_undone_${kind}`,
]);
const refunds = [
  'pm_sandbox_refund_pending_1000',
  'pm_sandbox_refund_fails_1000',
  ...saved.filter((method) => method.endsWith('refund')),
];
const methods = [
  ...saved,
  ...refunds,
  'pm_card_visa',
  'pm_card_chargeDeclined',
  'pm_sandbox_processing_1500',
  'pm_sandbox_requires_action',
  'pm_sandbox_partial_authorization',
  'pm_sandbox_authorization_expires_700',
  'pm_sandbox_rate_limited_bare_2',
  'pm_sandbox_lock_timeout_1',
  'pm_sandbox_disputed_800',
];

/** Buyers whose payments go as at the real provider, and what the provider, banks and operators do with them by themselves. */
export async function troublesUntil(
  { environment, shop }: { environment: Environment; shop: DrilledShop },
  endsAt: number,
): Promise<void> {
  const sku = await shop.product(100_000);
  const unplayed = environment.random.shuffled([...methods]);
  while (Date.now() < endsAt) {
    const paymentMethod = unplayed.pop() ?? environment.random.pick(methods);
    const onDecline = { holdSeconds: 60, attemptsMax: 3 };
    const [purchase] = await shop.buy(1, { sku, paymentMethod, onDecline });
    const id = [...purchase!.orderIds][0]!;
    if (paymentMethod === 'pm_card_chargeDeclined') await payAgain(shop, id);
    else if (paymentMethod.endsWith('_void')) {
      purchase!.cancelled = true;
      await requestEnd(shop, id, 'cancel');
    } else if (paymentMethod === 'pm_sandbox_requires_action') await authenticate(environment, shop, id);
    else if (refunds.includes(paymentMethod)) {
      if ((await untilSettled(shop, id)).status !== 'placed') continue;
      purchase!.cancelled = true;
      await requestEnd(shop, id, 'refund');
    } else if (paymentMethod === 'pm_card_visa') {
      if ((await untilSettled(shop, id)).status === 'placed') await actOutside(environment, shop, id);
    }
  }
}

/** A provider that is down is not asked again: it does not know what was done. */
async function tell(shop: DrilledShop, path: string, body: object): Promise<void> {
  await new HttpClient(shop.service.sandboxUrl).post(path, body).catch(() => undefined);
}

/** With two cards at once. One is refused, and so are both when the hold is over. */
async function payAgain(shop: DrilledShop, id: string): Promise<void> {
  await untilBuyerActs(shop, id);
  const body = { payment: { method: 'pm_card_visa' } };
  await Promise.all(
    [randomUUID(), randomUUID()].map((key) =>
      shop.insist('another card', (by) =>
        by.post(`/v1/orders/${id}/payments`, body, { headers: { 'idempotency-key': key } }),
      ),
    ),
  );
}

/** The buyer answers the bank, if the payment waits for it. */
export async function authenticate(environment: Environment, shop: DrilledShop, id: string): Promise<void> {
  const { payment } = await shop.orderNow(id).catch(() => ({ payment: {} }));
  if (!payment?.reference) return;
  const outcome = environment.random.pick(['success', 'failure'] as const);
  await tell(shop, `/sandbox/payment_intents/${payment.reference}/authenticate`, { outcome });
}

async function actOutside(environment: Environment, shop: DrilledShop, id: string): Promise<void> {
  const { payment } = await shop.orderNow(id).catch(() => ({ payment: {} }));
  if (!payment?.reference) return;
  const about = { payment_intent: payment.reference };
  const [path, body] = environment.random.pick([
    ['/sandbox/refunds', { ...about, amount: 500 }],
    ['/sandbox/refunds', about],
    ['/sandbox/disputes', about],
    ['/sandbox/disputes', { ...about, outcome: 'won', afterMs: 300 }],
    ['/sandbox/disputes', { ...about, outcome: 'lost', afterMs: 300 }],
  ] as const);
  await tell(shop, path, body);
}

/**
 * An operator makes failed refunds again that stopped their sagas. Those that failed later stay cases, which the audit expects.
 * Resolves
 * when the provider has nothing more to do or to tell.
 */
export async function settleTroubles(shop: DrilledShop): Promise<void> {
  const provider = new HttpClient(shop.service.sandboxUrl);
  await until('the provider has told everything', async () => {
    await shop.converge();
    const stuck = await shop.all('/v1/admin/orders?sagaStatus=stuck');
    const stopped = stuck.filter(({ payment }) => payment.status === 'refund_failed');
    for (const { id } of stopped)
      await shop.admin.post(`/v1/admin/orders/${id}/saga/retry`, { reason: 'made again' });
    if (stopped.length > 0) return false;
    const { webhooks, due } = (await provider.get('/sandbox/stats')).body;
    return webhooks.pending === 0 && due === 0;
  });
  await shop.converge();
}
