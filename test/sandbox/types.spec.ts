import { StripeTypes } from '../support/stripe-types';
import { TestSandbox, eventually, newOrderId, payment, secretKey } from './harness';

const types = new StripeTypes();
type Json = Record<string, unknown>;

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await TestSandbox.start();
});
afterAll(() => sandbox.stop());

/** A response as it is on the wire, without what the SDK makes of it. */
async function send(
  method: string,
  path: string,
  form?: Record<string, string>,
  key = secretKey,
): Promise<Json> {
  const response = await fetch(sandbox.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'idempotency-key': newOrderId() },
    ...(form && { body: new URLSearchParams(form) }),
  });
  return (await response.json()) as Json;
}

function create(paymentMethod: string, more: Record<string, string> = {}): Promise<Json> {
  const { amount, currency } = payment('unused');
  return send('POST', '/v1/payment_intents', {
    amount: String(amount),
    currency,
    confirm: 'true',
    capture_method: 'manual',
    payment_method: paymentMethod,
    'allowed_payment_method_types[]': 'card',
    'metadata[orderId]': newOrderId(),
    ...more,
  });
}

const capture = ({ id }: Json) => send('POST', `/v1/payment_intents/${id as string}/capture`, {});
const cancel = ({ id }: Json) => send('POST', `/v1/payment_intents/${id as string}/cancel`, {});
const refund = ({ id }: Json) => send('POST', '/v1/refunds', { payment_intent: id as string });
const look = ({ id }: Json) => send('GET', `/v1/payment_intents/${id as string}?expand[]=latest_charge`);
const listOf = async (path: string) => (await send('GET', `/v1/${path}?limit=100`)).data as Json[];

describe('a payment intent', () => {
  it.each<[string, string, () => Promise<Json>]>([
    ['authorized', 'requires_capture', async () => look(await create('pm_card_visa'))],
    [
      'half authorized',
      'requires_capture',
      async () => look(await create('pm_sandbox_partial_authorization')),
    ],
    ['captured', 'succeeded', async () => look(await capture(await create('pm_card_visa')))],
    ['canceled', 'canceled', async () => look(await cancel(await create('pm_card_visa')))],
    ['processing', 'processing', async () => look(await create('pm_sandbox_processing_3600000'))],
    ['with an action', 'requires_action', () => create('pm_sandbox_requires_action')],
    [
      'with a redirect',
      'requires_action',
      () => create('pm_sandbox_requires_action', { return_url: 'https://shop.example/', customer: 'cus_1' }),
    ],
    [
      'declined',
      'requires_payment_method',
      async () => look(((await create('pm_card_chargeDeclined')).error as Json).payment_intent as Json),
    ],
    [
      'with a failed authentication',
      'requires_payment_method',
      async () => {
        const intent = await create('pm_sandbox_requires_action');
        await sandbox.post(`/payment_intents/${intent.id as string}/authenticate`, { outcome: 'failure' });
        return look(intent);
      },
    ],
    [
      'whose authorization ended',
      'canceled',
      async () => {
        const intent = await create('pm_sandbox_authorization_expires_1');
        return eventually(async () => {
          const now = await look(intent);
          return now.status === 'canceled' && now;
        });
      },
    ],
  ])('%s has every member of the SDK’s type, and so has its charge', async (_what, status, make) => {
    const intent = await make();
    expect(intent.status).toBe(status);
    expect(types.problems(intent, 'PaymentIntent')).toEqual([]);
  });
});

describe('refunds, disputes, charges and events', () => {
  it('have every member of the SDK’s types', async () => {
    const methods = ['pm_card_visa', 'pm_sandbox_refund_pending_3600000', 'pm_sandbox_refund_fails_1'];
    for (const paymentMethod of methods) await refund(await capture(await create(paymentMethod)));
    for (const status of ['needs_response', 'under_review', 'won', 'lost']) {
      const intent = await capture(await create('pm_card_visa'));
      const { body: dispute } = await sandbox.post('/disputes', { payment_intent: intent.id });
      if (status !== 'needs_response') await sandbox.post(`/disputes/${dispute.id as string}`, { status });
    }
    await eventually(async () => (await listOf('refunds')).some(({ status }) => status === 'failed'));

    const statuses = async (path: string) => new Set((await listOf(path)).map(({ status }) => status));
    expect(await statuses('refunds')).toEqual(new Set(['succeeded', 'pending', 'failed']));
    expect(await statuses('disputes')).toEqual(new Set(['needs_response', 'under_review', 'won', 'lost']));
    for (const [path, type] of [
      ['refunds', 'Refund'],
      ['disputes', 'Dispute'],
      ['charges', 'Charge'],
      ['events', 'EventBase'],
    ] as const)
      for (const item of await listOf(path)) expect(types.problems(item, type)).toEqual([]);
  });

  it('are in their events as they are in their lists', async () => {
    const objects: Record<string, string> = {
      payment_intent: 'PaymentIntent',
      charge: 'Charge',
      refund: 'Refund',
      dispute: 'Dispute',
    };
    const events = await listOf('events');
    for (const { data } of events) {
      const { object } = data as { object: Json };
      expect(types.problems(object, objects[object.object as string]!)).toEqual([]);
    }
    expect(new Set(events.map(({ data }) => (data as { object: Json }).object.object))).toEqual(
      new Set(Object.keys(objects)),
    );
  });
});

describe('an error', () => {
  it.each<[string, () => Promise<Json>]>([
    ['a decline', () => create('pm_card_chargeDeclined')],
    ['a missing parameter', () => create('')],
    ['an amount that is too small', () => create('pm_card_visa', { amount: '1' })],
    ['a saved 500', () => create('pm_sandbox_saved_500_authorize')],
    ['a rate limit', () => create('pm_sandbox_rate_limited_bare_1')],
    ['a wrong state', async () => capture(await cancel(await create('pm_card_visa')))],
    ['an unknown object', () => look({ id: 'pi_nowhere' })],
    ['an unknown key', () => send('GET', '/v1/events', undefined, 'sk_test_unknown')],
    ['a live key', () => send('GET', '/v1/events', undefined, 'sk_live_1')],
  ])('for %s has members, a type and a code that the SDK lists', async (_what, make) => {
    const { error } = await make();
    // The SDK has one type for errors in responses, that of the last payment error.
    expect(types.problems(error, 'PaymentIntent.LastPaymentError')).toEqual([]);
  });
});

describe('the comparison with the SDK’s types', () => {
  it('notices what is missing, unknown, of another kind or not listed', async () => {
    const intent = await look(await create('pm_card_visa'));
    const charge = intent.latest_charge as Json;
    const { review: _, ...without } = charge;
    const planted: [Json, string][] = [
      [{ ...intent, latest_charge: without }, 'PaymentIntent.latest_charge.review is missing'],
      [{ ...intent, shop: 1 }, 'PaymentIntent.shop is unknown'],
      [{ ...intent, status: 'authorized' }, 'PaymentIntent.status is "authorized"'],
      [{ ...intent, amount: '1999' }, 'PaymentIntent.amount is "1999"'],
      [{ ...intent, amount_received: null }, 'PaymentIntent.amount_received is null'],
      [{ ...intent, processing: { type: 'cash' } }, 'PaymentIntent.processing.type is "cash"'],
    ];
    for (const [value, problem] of planted) {
      const problems = types.problems(value, 'PaymentIntent');
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(problem);
    }
  });
});
