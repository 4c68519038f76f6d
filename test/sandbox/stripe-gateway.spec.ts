import Stripe from 'stripe';
import type { GatewayResult } from '../../src/payment/gateways/gateway';
import { GuardedGateway } from '../../src/payment/gateways/guarded.gateway';
import { StripeGateway } from '../../src/payment/gateways/stripe.gateway';
import { resultOfError } from '../../src/payment/gateways/stripe-errors';
import { askProvider } from '../../src/payment/ask-provider';
import { TestSandbox, newOrderId, patienceMs } from './harness';

const amount = 1999;
const currency = 'EUR';

type Kind = 'authorize' | 'capture' | 'void' | 'refund';
const named = (orderId: string, kind: Kind, number = 1) => ({
  account: null,
  key: `${orderId}:${kind}:${number}`,
  metadata: { orderId, kind, number: String(number) },
});

type FollowUp = Parameters<StripeGateway['capture']>[0];
/** As a saga asks: what does not fit the payment's state is looked up. */
const ask = (gateway: StripeGateway, kind: Exclude<Kind, 'authorize'>, request: FollowUp) =>
  askProvider(
    gateway,
    { ...request, kind, mode: 'send', paymentMethod: 'pm_card_visa', options: {} },
    () => true,
  );

describe('the Stripe gateway', () => {
  let sandbox: TestSandbox;
  let gateway: StripeGateway;

  beforeAll(async () => {
    sandbox = await TestSandbox.start();
    gateway = new StripeGateway({
      stripeApiUrl: sandbox.url,
      stripeSecretKey: 'sk_test_holdfast_sandbox',
      paymentTimeoutMs: patienceMs,
    });
  });
  afterAll(() => sandbox.stop());

  const authorize = (orderId: string, paymentMethod: string) =>
    gateway.authorize({ ...named(orderId, 'authorize'), amount, currency, paymentMethod, options: {} });
  const followUp = (kind: Kind, orderId: string, authorization: string, number = 1) => ({
    ...named(orderId, kind, number),
    amount,
    currency,
    authorization,
  });
  /** Retries under the same key, as a saga does, until the outcome is known. */
  async function untilKnown(ask: () => Promise<GatewayResult>): Promise<GatewayResult> {
    for (;;) {
      const answer = await ask();
      if (answer.status !== 'unknown') return answer;
    }
  }
  async function authorized(paymentMethod = 'pm_card_visa'): Promise<{ orderId: string; reference: string }> {
    const orderId = newOrderId();
    const answer = await untilKnown(() => authorize(orderId, paymentMethod));
    if (answer.status !== 'approved') throw new Error(`not authorized: ${JSON.stringify(answer)}`);
    return { orderId, reference: answer.reference };
  }

  it('authorizes without taking the money', async () => {
    const orderId = newOrderId();
    // The first call of a process is slow; on a busy machine it exceeds the gateway's timeout.
    const answer = await untilKnown(() => authorize(orderId, 'pm_card_visa'));
    expect(answer).toMatchObject({ status: 'approved', amount, currency });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: amount, captured: 0 });
  });

  it.each([
    ['pm_card_chargeDeclined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
    ['pm_nobody_knows', 'invalid_payment_method'],
  ])('reports %s as declined: %s', async (paymentMethod, code) => {
    expect(await authorize(newOrderId(), paymentMethod)).toMatchObject({ status: 'declined', code });
  });

  it.each([
    'pm_sandbox_timeout_after_commit',
    'pm_sandbox_timeout_before_commit',
    `pm_sandbox_late_commit_${patienceMs * 2}`,
    'pm_sandbox_error_then_ok_2',
    'pm_sandbox_rate_limited_2',
    `pm_sandbox_slow_${patienceMs * 2}`,
  ])('reports the first call with %s as unknown, and charges once in the end', async (paymentMethod) => {
    const orderId = newOrderId();
    expect(await authorize(orderId, paymentMethod)).toMatchObject({ status: 'unknown' });
    const answer = await untilKnown(() => authorize(orderId, paymentMethod));
    expect(answer).toMatchObject({ status: 'approved', amount });
    const { reference } = answer as Extract<GatewayResult, { status: 'approved' }>;
    expect(await untilKnown(() => gateway.capture(followUp('capture', orderId, reference)))).toMatchObject({
      status: 'approved',
      amount,
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: amount, captured: amount, refunded: 0 });
  });

  it('reports a dropped response as unknown, and finds the charge at the retry', async () => {
    const orderId = newOrderId();
    await sandbox.setFaults({ dropAnswersRate: 1 });
    expect(await authorize(orderId, 'pm_card_visa')).toMatchObject({ status: 'unknown' });
    await sandbox.clearFaults();
    expect(await authorize(orderId, 'pm_card_visa')).toMatchObject({ status: 'approved', amount });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: amount });
  });

  it('reports as unknown that its key was used with other parameters', async () => {
    const orderId = newOrderId();
    await untilKnown(() => authorize(orderId, 'pm_card_visa'));
    expect(await authorize(orderId, 'pm_card_mastercard')).toMatchObject({
      status: 'unknown',
      detail: expect.stringMatching(/StripeIdempotencyError/) as string,
    });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: amount });
  });

  it('passes on the provider’s Retry-After', async () => {
    const answer = await authorize(newOrderId(), 'pm_sandbox_rate_limited_1');
    expect(answer).toMatchObject({ status: 'unknown' });
    expect((answer as { retryAfterMs?: number }).retryAfterMs).toBeGreaterThanOrEqual(1_000);
  });

  it('reports a saved card without its customer as refused input, which ends the order (liberapay.com#2686)', async () => {
    const orderId = newOrderId();
    for (let times = 0; times < 2; times++) {
      expect(await authorize(orderId, 'pm_sandbox_saved_card')).toMatchObject({
        status: 'declined',
        code: 'invalid_payment_method',
      });
    }
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 0 });
  });

  it.each(['return_url', 'customer'])(
    'P8: reports a refused %s as the shop’s mistake where the shop sent one, and a demand for it as ours',
    (param) => {
      const raw = { type: 'invalid_request_error' as const, statusCode: 400, message: 'missing', param };
      const error = new Stripe.errors.StripeInvalidRequestError(raw);
      expect(resultOfError(error, { payment_method: 'pm_1' })).toMatchObject({ status: 'misused' });
      expect(resultOfError(error, { payment_method: 'pm_1', [param]: 'x' })).toMatchObject({
        status: 'declined',
        code: `invalid_${param}`,
        mayTryAnotherCard: true,
      });
    },
  );

  it('reports the amount that the provider names, not the requested one', async () => {
    expect(await authorize(newOrderId(), 'pm_sandbox_amount_mismatch')).toMatchObject({
      status: 'approved',
      amount: amount + 1,
    });
  });

  it('reports a refused capture as declined', async () => {
    const { orderId, reference } = await authorized('pm_sandbox_capture_declined');
    expect(await gateway.capture(followUp('capture', orderId, reference))).toMatchObject({
      status: 'declined',
    });
  });

  it('finds an earlier capture whose key the provider has forgotten', async () => {
    const { orderId, reference } = await authorized();
    await gateway.capture(followUp('capture', orderId, reference));
    expect(await ask(gateway, 'capture', followUp('capture', orderId, reference, 2))).toMatchObject({
      status: 'approved',
      amount,
    });
    expect(await sandbox.row(orderId)).toMatchObject({ captured: amount });
  });

  it('voids once, however often it is called', async () => {
    const { orderId, reference } = await authorized();
    for (const number of [1, 1, 2]) {
      expect(await ask(gateway, 'void', followUp('void', orderId, reference, number))).toMatchObject({
        status: 'approved',
      });
    }
    expect(await sandbox.row(orderId)).toMatchObject({ voided: amount, captured: 0 });
  });

  it('does not report a captured payment as voided', async () => {
    const { orderId, reference } = await authorized();
    await gateway.capture(followUp('capture', orderId, reference));
    expect(await ask(gateway, 'void', followUp('void', orderId, reference))).toMatchObject({
      status: 'declined',
      code: 'already_captured',
    });
  });

  it('refunds once, however often it is called', async () => {
    const { orderId, reference } = await authorized();
    await gateway.capture(followUp('capture', orderId, reference));
    for (let times = 0; times < 3; times++) {
      expect(await gateway.refund(followUp('refund', orderId, reference))).toMatchObject({
        status: 'approved',
        amount,
      });
    }
    expect(await sandbox.row(orderId)).toMatchObject({ captured: amount, refunded: amount });
  });

  it('reports a wrong API key of ours as our mistake, never as a decline', async () => {
    const stranger = new StripeGateway({
      stripeApiUrl: sandbox.url,
      stripeSecretKey: 'sk_test_wrong',
      paymentTimeoutMs: patienceMs,
    });
    const orderId = newOrderId();
    const answer = await stranger.authorize({
      ...named(orderId, 'authorize'),
      amount,
      currency,
      options: {},
      paymentMethod: 'pm_card_visa',
    });
    expect(answer).toMatchObject({ status: 'misused', httpStatus: 401 });
  });
});

describe('the Stripe gateway when the provider has forgotten every key', () => {
  let sandbox: TestSandbox;
  let gateway: StripeGateway;

  beforeAll(async () => {
    sandbox = await TestSandbox.start({ keyWindowSeconds: 0 });
    gateway = new StripeGateway({
      stripeApiUrl: sandbox.url,
      stripeSecretKey: 'sk_test_holdfast_sandbox',
      paymentTimeoutMs: 20_000,
    });
  });
  afterAll(() => sandbox.stop());

  async function authorized() {
    const orderId = newOrderId();
    const request = { ...named(orderId, 'authorize'), amount, currency };
    const answer = await gateway.authorize({ ...request, paymentMethod: 'pm_card_visa', options: {} });
    const { reference } = answer as Extract<GatewayResult, { status: 'approved' }>;
    return { orderId, amount, currency, authorization: reference };
  }

  it.each([
    ['capture', { captured: amount }],
    ['void', { voided: amount }],
    ['refund', { captured: amount, refunded: amount }],
  ] as const)('finds an earlier %s when it repeats the call', async (verb, moved) => {
    const { orderId, ...request } = await authorized();
    if (verb === 'refund') await gateway.capture({ ...request, ...named(orderId, 'capture') });
    for (let times = 0; times < 3; times++) {
      expect(await ask(gateway, verb, { ...request, ...named(orderId, verb) })).toMatchObject({
        status: 'approved',
        amount,
      });
    }
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: amount, ...moved });
  });

  it('finds an earlier refund by its operation id', async () => {
    const { orderId, ...request } = await authorized();
    await gateway.capture({ ...request, ...named(orderId, 'capture') });
    const refund = (id: string) =>
      ask(gateway, 'refund', { ...request, account: null, key: id, metadata: { orderId, operationId: id } });

    expect(await refund('pay_1')).toMatchObject({ status: 'approved', amount });
    expect(await refund('pay_1')).toMatchObject({ status: 'approved', amount });
    // P10: all of it is refunded already.
    expect(await refund('pay_2')).toMatchObject({ status: 'approved', amount });
  });

  it.each([
    ['whatever its number', { number: '2' }],
    ['whatever the installation is called since', { installation: 'ins_new' }],
  ])('P6: adopts a refund of its purpose, %s', async (_, renamed) => {
    const { orderId, ...request } = await authorized();
    await gateway.capture({ ...request, ...named(orderId, 'capture') });
    const { metadata } = named(orderId, 'refund');
    const first = {
      ...request,
      account: null,
      key: 'first',
      metadata: { ...metadata, installation: 'ins_old' },
    };
    const made = await gateway.refund(first);
    const again = { ...first, key: 'again', metadata: { ...first.metadata, ...renamed } };

    expect(made).toMatchObject({ status: 'approved', amount });
    expect(await ask(gateway, 'refund', again)).toEqual(made);
  });

  it('authorizes twice when an authorization is repeated, so the saga must not repeat it', async () => {
    const { orderId } = await authorized();
    const names = named(orderId, 'authorize');
    await gateway.authorize({ ...names, amount, currency, paymentMethod: 'pm_card_visa', options: {} });
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 2 * amount });
  });
});

describe('a guarded gateway', () => {
  const request = {
    ...named('o', 'authorize'),
    amount,
    currency,
    paymentMethod: 'pm_card_visa',
    options: {},
  };

  it('stops calling a provider that gives no answer many times in a row', async () => {
    let asked = 0;
    const silent = { authorize: () => Promise.resolve({ status: 'unknown', detail: `silence ${++asked}` }) };
    const guarded = new GuardedGateway(silent as unknown as StripeGateway);
    for (let calls = 0; calls < 20; calls++)
      expect((await guarded.authorize(request)).status).toBe('unknown');
    expect((await guarded.authorize(request)).status).toBe('not-asked');
    expect(asked).toBe(20);
  });

  it('keeps calling a provider that declines, because a decline is an answer', async () => {
    let asked = 0;
    const strict = { authorize: () => Promise.resolve({ status: 'declined', code: `no ${++asked}` }) };
    const guarded = new GuardedGateway(strict as unknown as StripeGateway);
    for (let calls = 0; calls < 40; calls++) await guarded.authorize(request);
    expect(asked).toBe(40);
  });
});
