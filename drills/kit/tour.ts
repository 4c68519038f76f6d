import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Answer, HttpClient } from '../../test/support/http-client';
import { until } from '../../test/support/until';
import { type BuyOptions, givesUpAfterMs } from './buyers-shop';
import type { Purchase } from './client-log';
import type { DrilledShop } from './drilled-shop';

/** How long a tour lets sagas wait for their scheduled attempt. */
const putsOffMs = 10_000;

/** Short leases and timeouts, so that a crash costs a second and not a minute. */
export const hasty = {
  PAYMENT_TIMEOUT_MS: '450',
  SAGA_LEASE_MS: '1000',
  SWEEP_MS: '100',
  RELAY_RESEND_MS: '1000',
  PAYMENT_ACTION_SECONDS: '5',
};

/**
 * Some of everything, by clients that repeat unanswered requests: orders of every capture mode that are placed, declined,
 * cancelled in flight, refunded, voided, or compensated by an operator; buyers who authenticate, or pay with another card;
 * reservations that are confirmed, released, extended, changed, or expire.
 */
export async function tour(shop: DrilledShop): Promise<void> {
  const sku = await product(shop);
  await Promise.all([
    shop.buy(3, {
      sku,
      paymentMethod: ['pm_card_visa', 'pm_sandbox_slow_200', 'pm_sandbox_timeout_after_commit'],
    }),
    shop.buy(2, { sku, paymentMethod: ['pm_card_chargeDeclined', 'pm_sandbox_capture_declined'] }),
    shop.buy(2, {
      sku,
      capture: 'immediate',
      paymentMethod: ['pm_sandbox_timeout_after_commit', 'pm_card_chargeDeclined'],
    }),
    shop.buy(1, { sku, capture: 'on_shipment', paymentMethod: 'pm_sandbox_slow_200' }),
    cancelled(shop, 'cancel', { sku, paymentMethod: 'pm_sandbox_slow_300' }),
    cancelled(shop, 'cancel', { sku, paymentMethod: 'pm_sandbox_slow_300', capture: 'immediate' }),
    cancelled(shop, 'refund', { sku }),
    cancelled(shop, 'cancel', { sku, capture: 'on_shipment', isPlaced: true }),
    authenticated(shop, sku),
    paidAgain(shop, sku),
    compensated(shop, sku),
    reservations(shop, sku),
    afterTheSale(shop, sku),
  ]);
}

async function product(shop: DrilledShop): Promise<string> {
  const sku = `SKU-${randomUUID().slice(0, 8)}`;
  const body = { name: sku, unitPrice: { amount: 1999, currency: 'EUR' }, onHand: 100 };
  const put = await shop.insist('a product', (by) => by.put(`/v1/admin/products/${sku}`, body), {
    as: shop.admin,
  });
  // 428: it exists, because an earlier attempt succeeded without an answer.
  assert.ok([201, 428].includes(put.status), put.text);
  shop.log.stock.set(sku, 100);
  return sku;
}

async function cancelled(
  shop: DrilledShop,
  how: 'cancel' | 'refund',
  { isPlaced = how === 'refund', ...options }: BuyOptions & { isPlaced?: boolean },
): Promise<void> {
  const [purchase] = await shop.buy(1, options);
  const id = orderOf(purchase!);
  if (isPlaced && (await untilSettled(shop, id)).status !== 'placed') return;
  purchase!.cancelled = true;
  await requestEnd(shop, id, how);
}

/** Asks until the request is answered. */
export async function requestEnd(shop: DrilledShop, id: string, how: 'cancel' | 'refund'): Promise<void> {
  await act(shop, `orders/${id}/${how}`);
}

const orderOf = ({ orderIds }: Purchase): string => [...orderIds][0]!;

/**
 * The order once its saga has ended or is stuck. Many faults can change its end: during a long outage of the provider
 * an order may lose its stock or become stuck. Scheduled attempts are made due, or the tour would wait for minutes.
 */
export async function untilSettled(shop: DrilledShop, id: string): Promise<any> {
  let hurriedAt = performance.now();
  return until(
    `order ${id} is settled`,
    async () => {
      const order = await shop.orderNow(id);
      if (['completed', 'compensated', 'stuck'].includes(order.saga.status)) return order;
      if (performance.now() - hurriedAt > putsOffMs) {
        await shop.hurry();
        hurriedAt = performance.now();
      }
      throw new Error(`it is ${order.status}, its saga ${JSON.stringify(order.saga)}`);
    },
    givesUpAfterMs,
  );
}

/** A buyer who authenticates the payment. */
async function authenticated(shop: DrilledShop, sku: string): Promise<void> {
  const [purchase] = await shop.buy(1, { sku, paymentMethod: 'pm_sandbox_requires_action' });
  const order = await untilBuyerActs(shop, orderOf(purchase!));
  if (order.payment.status !== 'requires_action') return;
  const path = `/sandbox/payment_intents/${order.payment.reference}/authenticate`;
  // Too late when the time for it is over.
  await new HttpClient(shop.service.sandboxUrl).post(path, { outcome: 'success' }).catch(() => undefined);
}

/** A buyer whose first card is declined. */
async function paidAgain(shop: DrilledShop, sku: string): Promise<void> {
  const [purchase] = await shop.buy(1, {
    sku,
    paymentMethod: 'pm_card_chargeDeclined',
    onDecline: { holdSeconds: 300, attemptsMax: 2 },
  });
  const order = await untilBuyerActs(shop, orderOf(purchase!));
  if (order.payment.retryUntil !== null)
    await act(shop, `orders/${order.id}/payments`, { payment: { method: 'pm_card_visa' } });
}

/** The order once its buyer must act, or its saga has ended or is stuck. */
export function untilBuyerActs(shop: DrilledShop, id: string): Promise<any> {
  return until(
    `the buyer of ${id} can act`,
    async () => {
      const order = await shop.orderNow(id);
      const { status, retryUntil } = order.payment;
      const isOver = ['completed', 'compensated', 'stuck'].includes(order.saga.status);
      return (isOver || status === 'requires_action' || retryUntil !== null) && order;
    },
    givesUpAfterMs,
  );
}

/** An operator compensates an order that is stuck. */
async function compensated(shop: DrilledShop, sku: string): Promise<void> {
  const [purchase] = await shop.buy(1, { sku, paymentMethod: 'pm_sandbox_amount_mismatch' });
  const id = orderOf(purchase!);
  if ((await untilSettled(shop, id)).saga.status !== 'stuck') return;
  const key = randomUUID();
  const undo = async () => {
    const headers = { 'idempotency-key': key };
    const path = `/v1/admin/orders/${id}/saga/compensate`;
    return (await shop.admin.post(path, { reason: 'another amount' }, { headers })).status === 200;
  };
  await until('it is undone', undo, givesUpAfterMs);
}

async function reservations(shop: DrilledShop, sku: string): Promise<void> {
  const [{ id: confirmed }, { id: released }] = [await shop.reserved(sku), await shop.reserved(sku)];
  await shop.reserved(sku, 1, { ttlSeconds: 1 });
  await act(shop, `reservations/${confirmed}/extend`, { ttlSeconds: 90 });
  await changed(shop, confirmed, [{ sku, quantity: 2 }]);
  await act(shop, `reservations/${confirmed}/confirm`);
  await act(shop, `reservations/${released}/release`);
  await shop.announceReleases([released]);
}

/** Goods leave and come back, and parts of the money go back. */
async function afterTheSale(shop: DrilledShop, sku: string): Promise<void> {
  const [held] = await shop.buy(1, { sku, quantity: 2, capture: 'on_shipment' });
  const [paid] = await shop.buy(1, { sku, quantity: 3 });
  const { id } = await shop.reserved(sku, 2);
  await act(shop, `reservations/${id}/confirm`);
  await act(shop, `reservations/${id}/ship`);
  await act(shop, `reservations/${id}/return`, { lines: [{ sku, quantity: 1 }], restock: 'sellable' });
  if ((await untilSettled(shop, orderOf(held!))).status === 'placed')
    await act(shop, `orders/${orderOf(held!)}/shipments`);
  if ((await untilSettled(shop, orderOf(paid!))).status !== 'placed') return;
  await act(shop, `orders/${orderOf(paid!)}/shipments`, { lines: [{ sku, quantity: 1 }] });
  await act(shop, `orders/${orderOf(paid!)}/refunds`, { lines: [{ sku, quantity: 1 }], reason: 'too many' });
}

async function changed(shop: DrilledShop, id: string, lines: object[]): Promise<void> {
  const headers = { 'idempotency-key': randomUUID() };
  const path = `/v1/reservations/${id}`;
  const done = await shop.insist('a change', (by) => by.patch(path, { lines }, { headers }));
  assert.ok(done.status === 200, `${path}: ${done.status} ${done.text}`);
}

async function act(shop: DrilledShop, path: string, body: object = {}): Promise<Answer> {
  const headers = { 'idempotency-key': randomUUID() };
  const done = await shop.insist(path, (by) => by.post(`/v1/${path}`, body, { headers }));
  assert.ok(done.status < 300, `${path}: ${done.status} ${done.text}`);
  return done;
}
