import Stripe from 'stripe';
import { ProviderAway } from '../../src/payment/provider-away';
import { type ProviderPayment, type ProviderPayments } from '../../src/payment/provider-payments';
import type { ProviderDispute, ProviderRefund } from '../../src/payment/provider-payments';

/** When the provider's objects were made, unless a test says otherwise. */
export const madeAt = new Date('2026-11-20T10:00:00.000Z');

/** A captured payment of 10.00 EUR, as the provider shows it. */
export const paymentOf = (reference: string, more: Partial<ProviderPayment> = {}): ProviderPayment => ({
  reference,
  account: null,
  orderId: null,
  kind: 'authorize',
  number: 1,
  installation: null,
  status: 'succeeded',
  amount: 1_000,
  capturable: 0,
  received: 1_000,
  currency: 'EUR',
  createdAt: madeAt,
  canceledAt: null,
  cancellationReason: null,
  captureBefore: null,
  refunds: [],
  disputes: [],
  ...more,
});

export const refundOf = (reference: string, more: Partial<ProviderRefund> = {}): ProviderRefund => ({
  reference,
  amount: 1_000,
  currency: 'EUR',
  status: 'succeeded',
  failureReason: null,
  orderId: null,
  kind: null,
  number: null,
  request: null,
  createdAt: madeAt,
  ...more,
});

export const disputeOf = (reference: string, more: Partial<ProviderDispute> = {}): ProviderDispute => ({
  reference,
  amount: 1_000,
  currency: 'EUR',
  status: 'needs_response',
  reason: 'fraudulent',
  dueBy: new Date('2026-12-01T10:00:00.000Z'),
  createdAt: madeAt,
  ...more,
});

const refusedByAccount = () =>
  new Stripe.errors.StripePermissionError({
    type: 'invalid_request_error',
    code: 'account_invalid',
    message: 'no access',
  });

/** A provider whose payments are whatever a test puts there. */
export class PaymentsStub implements ProviderPayments {
  private account: string | null = null;
  readonly payments = new Map<string, ProviderPayment>();
  /** Payments that its search finds, by order. */
  readonly found = new Map<string, string[]>();
  readonly asked: string[] = [];
  readonly voids: { reference: string; key: string }[] = [];
  away: ProviderAway | undefined;
  /** Connected accounts that refuse our key. */
  readonly refusing = new Set<string | null>();
  /** What happens while it is asked. */
  whileAsked: () => Promise<unknown> = async () => undefined;

  at(account: string | null): PaymentsStub {
    return Object.assign(Object.create(PaymentsStub.prototype) as PaymentsStub, this, { account });
  }

  put(payment: ProviderPayment): this {
    this.payments.set(payment.reference, payment);
    if (payment.orderId) this.found.set(payment.orderId, [...this.ofId(payment.orderId), payment.reference]);
    return this;
  }

  async get(reference: string): Promise<ProviderPayment> {
    if (this.away) throw this.away;
    const payment = this.here(reference);
    if (!payment) throw new Error(`No such payment_intent: '${reference}'`);
    return payment;
  }

  async ofOrder(orderId: string, references: string[]): Promise<ProviderPayment[]> {
    this.asked.push(orderId);
    if (this.away) throw this.away;
    await this.whileAsked();
    const all = new Set([...references, ...this.ofId(orderId)]);
    return [...all].flatMap((reference) => this.here(reference) ?? []);
  }

  /** Like the real one, in pages; small ones, so that an order's payments may be on different pages. */
  async *createdBetween(from: Date, to: Date): AsyncIterable<ProviderPayment[]> {
    if (this.away) throw this.away;
    if (this.refusing.has(this.account)) throw refusedByAccount();
    const isOf = ({ createdAt }: { createdAt: Date }) => createdAt >= from && createdAt < to;
    const found = [...this.payments.values()].filter(
      (one) =>
        one.account === this.account && (isOf(one) || one.refunds.some(isOf) || one.disputes.some(isOf)),
    );
    for (let first = 0; first < found.length; first += 2) yield found.slice(first, first + 2);
  }

  async *withFailedRefunds(from: Date, to: Date): AsyncIterable<ProviderPayment[]> {
    if (this.refusing.has(this.account)) throw refusedByAccount();
    for (const payment of this.payments.values())
      if (
        payment.account === this.account &&
        payment.refunds.some(
          ({ status, createdAt }) =>
            (status === 'failed' || status === 'canceled') && createdAt >= from && createdAt < to,
        )
      )
        yield [payment];
  }

  async void(reference: string, key: string): Promise<ProviderPayment> {
    this.voids.push({ reference, key });
    const payment = await this.get(reference);
    if (payment.status === 'requires_capture')
      this.payments.set(reference, { ...payment, status: 'canceled', capturable: 0 });
    return this.get(reference);
  }

  private here(reference: string): ProviderPayment | undefined {
    const payment = this.payments.get(reference);
    return payment?.account === this.account ? payment : undefined;
  }

  private ofId(orderId: string): string[] {
    return this.found.get(orderId) ?? [];
  }
}
