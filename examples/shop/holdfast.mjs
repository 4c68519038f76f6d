import { setTimeout as pause } from 'node:timers/promises';

/** What a shop says to Holdfast, and what it makes of the answers. */

const { HOLDFAST_URL = 'http://127.0.0.1:3000', HOLDFAST_KEY = 'hf_dev_client' } = process.env;
const triesMax = 5;

/**
 * One call, repeated with the same key until there is an answer. A lost answer, a 429 and a 5xx say nothing about the order:
 * the key makes it safe to ask again. Null: no answer in all tries, so the outcome is unknown.
 */
export async function send(method, path, { key, body } = {}) {
  for (let tries = 1; tries <= triesMax; tries++) {
    try {
      const response = await fetch(HOLDFAST_URL + path, {
        method,
        headers: {
          authorization: `Bearer ${HOLDFAST_KEY}`,
          ...(body && { 'content-type': 'application/json' }),
          // Most cards are decided within a second; then the answer is the end.
          ...(key && { 'idempotency-key': key, prefer: 'wait=10' }),
        },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(15_000),
      });
      if (response.status < 500 && response.status !== 429)
        return { status: response.status, body: await response.json() };
      await pause(1_000 * Number(response.headers.get('retry-after') ?? tries));
    } catch {
      await pause(200 * tries);
    }
  }
  return null;
}

/** `checkoutId` is the key: made once for a basket, and the same however often the buyer presses the button. */
export function placeOrder({ checkoutId, customerId, lines, total, method, returnUrl }) {
  return send('POST', '/v1/orders', {
    key: checkoutId,
    body: {
      customerId,
      lines,
      expectedTotal: total,
      payment: { method, returnUrl },
      // After a decline the stock is kept two minutes for another card; three cards in all.
      onDecline: { holdSeconds: 120, attemptsMax: 3 },
      metadata: { checkout: checkoutId },
    },
  });
}

/** The number of the card is part of the key: a double click pays once, and another card is another request. */
export function payAgain({ checkoutId, orderId, attempt, method, returnUrl }) {
  return send('POST', `/v1/orders/${orderId}/payments`, {
    key: `${checkoutId}:card:${attempt}`,
    body: { payment: { method, returnUrl } },
  });
}

/** What the page shows next. Every answer leads to one of these. */
export function nextStep(answer) {
  if (answer === null) return { step: 'unknown' };
  const { status, body } = answer;
  if (status === 200 || status === 201 || status === 202) return stepOf(body);
  switch (body.code) {
    case 'payment_declined':
      return stepOf(body.order);
    case 'insufficient_stock':
      return { step: 'sold_out', shortfalls: body.shortfalls };
    case 'total_changed':
      return { step: 'price_changed', total: body.total };
    case 'not_on_sale':
      return { step: 'not_on_sale', startsInSeconds: body.startsInSeconds };
    case 'units_per_customer_exceeded':
      return { step: 'enough', unitsMax: body.unitsPerCustomerMax };
    case 'reservation_expired':
    case 'order_cancelled':
    case 'order_abandoned':
      return { step: 'ended', orderId: body.order?.id };
    case 'payment_attempts_spent':
    case 'order_not_pending':
    case 'payment_in_progress':
      // The order has gone on meanwhile, perhaps to a good end: the page reads it.
      return { step: 'wait' };
    default:
      // Our own mistake, or a limit of the shop: the buyer cannot cure it, so tell a developer.
      return { step: 'failed', code: body.code, detail: body.detail };
  }
}

function stepOf({ id: orderId, status, total, payment }) {
  if (status === 'placed') return { step: 'thanks', orderId, total };
  if (status !== 'pending') return { step: 'ended', orderId, declineCode: payment.declineCode };
  if (payment.status === 'requires_action') return { step: 'authenticate', orderId };
  if (payment.retryUntil !== null)
    return {
      step: 'another_card',
      orderId,
      attempt: payment.attempts + 1,
      declineCode: payment.declineCode,
      seconds: payment.retryInSeconds,
    };
  return { step: 'wait', orderId };
}
