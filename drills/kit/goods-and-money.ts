import { randomUUID } from 'node:crypto';
import type { Answer } from '../../test/support/http-client';
import { until } from '../../test/support/until';
import { givesUpAfterMs } from './buyers-shop';
import type { DrilledShop } from './drilled-shop';
import type { Environment } from './environment';
import { authenticate } from './payment-troubles';
import { untilBuyerActs, untilSettled } from './tour';

/**
 * Buyers who authenticate, give up, or pay with a second card, in all capture modes; and shops that then ship, capture, take
 * back and refund in parts, often two things at once. Whatever is refused must be refused with a reason: the audit at the
 * end compares goods, money and the provider's ledger.
 */
export async function goodsAndMoneyUntil(
  { environment, shop }: { environment: Environment; shop: DrilledShop },
  endsAt: number,
): Promise<void> {
  const sku = await shop.product(100_000);
  while (Date.now() < endsAt) {
    const order = await bought(environment, shop, sku);
    if (order?.status !== 'placed') continue;
    environment.count('orders after which goods and money move', 1);
    for (let acts = environment.random.integer(1, 4); acts > 0; acts--) {
      const atOnce = environment.random.integer(1, 2);
      await Promise.all(
        Array.from({ length: atOnce }, () => send(shop, order.id, environment.random.pick(afterSale)(sku))),
      );
    }
  }
}

/** An order in its present state once its saga rests; undefined when no order was made. */
async function bought(environment: Environment, shop: DrilledShop, sku: string): Promise<any> {
  const { random } = environment;
  const method = random.pick(['pm_card_visa', 'pm_sandbox_requires_action', 'pm_card_chargeDeclined']);
  const body = {
    customerId: `cus_${randomUUID()}`,
    payment: { method },
    capture: random.pick(['automatic', 'immediate', 'on_shipment']),
    ...(random.pick([true, false]) && { onDecline: { holdSeconds: 5, attemptsMax: 3 } }),
    lines: [{ sku, quantity: 3 }],
  };
  const answer = await ask(shop, 'orders', body);
  const id: string | undefined = answer.body.id ?? answer.body.order?.id;
  if (id === undefined) return undefined;
  environment.count('orders', 1);
  if (method !== 'pm_card_visa') await untilBuyerActs(shop, id);
  // A third of those who must authenticate leave.
  if (method === 'pm_sandbox_requires_action' && random.pick([true, true, false]))
    await authenticate(environment, shop, id);
  if ('onDecline' in body && method === 'pm_card_chargeDeclined') {
    const again = await ask(shop, `orders/${id}/payments`, { payment: { method: 'pm_card_visa' } });
    if (again.status < 300) environment.count('second cards', 1);
  }
  return untilSettled(shop, id);
}

/** What a shop may do after the sale, and when it is too late for it, what it tries all the same. */
const afterSale: readonly ((sku: string) => [path: string, body: object])[] = [
  (sku) => ['shipments', { lines: [{ sku, quantity: 1 }] }],
  () => ['shipments', {}],
  () => ['capture', { amount: 2_500 }],
  () => ['capture', {}],
  () => ['refunds', { amount: 700, reason: 'a scratch' }],
  (sku) => ['refunds', { lines: [{ sku, quantity: 1, restock: 'sellable' }], reason: 'came back' }],
  () => ['refunds', { reason: 'all of it' }],
  () => ['cancel', {}],
];

const send = (shop: DrilledShop, id: string, [path, body]: [string, object]): Promise<Answer> =>
  ask(shop, `orders/${id}/${path}`, body);

/** Any clear answer will do, also a refusal; only a bug of the drill or the service is none. */
async function ask(shop: DrilledShop, path: string, body: object): Promise<Answer> {
  const headers = { 'idempotency-key': randomUUID() };
  const answer = await shop.insist(path, (by) => by.post(`/v1/${path}`, body, { headers }));
  if (answer.status === 400 || answer.status === 404 || answer.status === 422)
    throw new Error(`POST /v1/${path} ${JSON.stringify(body)}: ${answer.status} ${answer.text}`);
  return answer;
}

/** Resolves when no refund and no capture after the sale is under way. An operator has those asked again that gave up. */
export async function untilTasksEnd(shop: DrilledShop): Promise<void> {
  const ended = async () => {
    const [left] = await shop.tamper<{ count: number }>(`
      WITH hurried AS (
        UPDATE payment_tasks
           SET next_run_at = clock_timestamp(), attempt = least(attempt, 1),
               status = CASE WHEN next_run_at IS NULL THEN status ELSE 'due' END
         WHERE status IN ('due', 'stuck') AND next_run_at > clock_timestamp()
           AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
      )
      SELECT count(*)::int AS count FROM payment_tasks WHERE status = 'due'`);
    return left!.count === 0;
  };
  await until('captures and refunds after the sale have ended', ended, givesUpAfterMs);
}
