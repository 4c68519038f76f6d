import Stripe from 'stripe';
import type { Config } from '../config/config';
import { parseIdOfAnyCell, publicId } from '../ids';
import { retryAfterMs } from './gateways/stripe-errors';
import { at, stripeClient } from './gateways/stripe.gateway';
import { ProviderAway, readPatiently } from './provider-away';

/** One PaymentIntent of the provider with what belongs to it. Amounts in minor units, currencies in capitals. */
export interface ProviderPayment {
  reference: string;
  /** The connected account it is at; null: our own. */
  account: string | null;
  /** Null: its metadata name no order of ours. */
  orderId: string | null;
  kind: string | null;
  number: number | null;
  /** The installation that sent it; null for those of earlier builds, and for payments of others. */
  installation: string | null;
  /** In Stripe's words. */
  status: string;
  amount: number;
  capturable: number;
  received: number;
  currency: string;
  createdAt: Date;
  canceledAt: Date | null;
  cancellationReason: string | null;
  /** When an authorization ends by itself. */
  captureBefore: Date | null;
  refunds: ProviderRefund[];
  disputes: ProviderDispute[];
}

export interface ProviderRefund {
  reference: string;
  amount: number;
  currency: string;
  status: string;
  failureReason: string | null;
  orderId: string | null;
  kind: string | null;
  number: number | null;
  /** Of a refund in part. */
  request: string | null;
  createdAt: Date;
}

export interface ProviderDispute {
  reference: string;
  amount: number;
  currency: string;
  status: string;
  reason: string;
  /** Evidence that arrives later is not looked at. */
  dueBy: Date | null;
  createdAt: Date;
}

/**
 * What the provider has, read for comparison with our records. These calls read, except for `void`, and throw when the
 * provider does not answer.
 */
export interface ProviderPayments {
  /** The same at a connected account; null: our own. Nothing of one account is found from another. */
  at(account: string | null): ProviderPayments;
  get(reference: string): Promise<ProviderPayment>;
  /**
   * By reference, plus those whose metadata name the order. That search may lag by a minute, so a payment that is not found
   * by it may exist; a reference that is left out does not. `orderId` is the order's internal id.
   */
  ofOrder(orderId: string, references: string[]): Promise<ProviderPayment[]>;
  /**
   * In pages: payments created in the period, then older ones with a refund or a dispute created in the period. Refunds and
   * disputes that came after the period may be left out. Empty pages show that the provider is still being read.
   */
  createdBetween(from: Date, to: Date): AsyncIterable<ProviderPayment[]>;
  /** Payments with a refund of the period that has failed or was cancelled, perhaps weeks later. */
  withFailedRefunds(from: Date, to: Date): AsyncIterable<ProviderPayment[]>;
  /** For authorizations that no saga keeps. Resolves with the payment as it is then, whatever that is. */
  void(reference: string, key: string): Promise<ProviderPayment>;
}

/** Inject with `@Inject(PROVIDER_PAYMENTS) provider: ProviderPayments`. */
export const PROVIDER_PAYMENTS = Symbol('provider payments');

/** Stripe's maximum. */
const pageSizeMax = 100;

export class StripePayments implements ProviderPayments {
  private readonly stripe: Stripe;
  private readonly there: Stripe.RequestOptions;

  constructor(
    private readonly config: Pick<Config, 'stripeApiUrl' | 'stripeSecretKey' | 'paymentTimeoutMs'>,
    private readonly account: string | null = null,
  ) {
    this.stripe = stripeClient(config, config.paymentTimeoutMs);
    this.there = at({ account });
  }

  at(account: string | null): ProviderPayments {
    return account === this.account ? this : new StripePayments(this.config, account);
  }

  get(reference: string): Promise<ProviderPayment> {
    return reading(() => this.read(reference));
  }

  private async read(reference: string): Promise<ProviderPayment> {
    const expand = ['latest_charge'];
    const intent = await this.stripe.paymentIntents.retrieve(reference, { expand }, this.there);
    // Only captured money can be refunded or disputed.
    if (intent.amount_received === 0) return this.paymentOf(intent, [], []);
    const ofIntent = { payment_intent: reference, limit: pageSizeMax };
    const [refunds, disputes] = await Promise.all([
      all(this.stripe.refunds.list(ofIntent, this.there)),
      all(this.stripe.disputes.list(ofIntent, this.there)),
    ]);
    return this.paymentOf(intent, refunds, disputes);
  }

  async ofOrder(orderId: string, references: string[]): Promise<ProviderPayment[]> {
    const query = `metadata['orderId']:'${publicId('ord', orderId)}'`;
    const page = { query, limit: pageSizeMax };
    const found = await reading(() => this.stripe.paymentIntents.search(page, this.there));
    // A result of a search may be outdated, so each is read again.
    const all = new Set([...references, ...found.data.map(({ id }) => id)]);
    const payments = await Promise.all([...all].map((reference) => this.getIfThere(reference)));
    return payments.flatMap((payment) => payment ?? []);
  }

  private async getIfThere(reference: string): Promise<ProviderPayment | undefined> {
    try {
      return await this.get(reference);
    } catch (error) {
      if (error instanceof Stripe.errors.StripeInvalidRequestError && error.code === 'resource_missing')
        return undefined;
      throw error;
    }
  }

  async *createdBetween(from: Date, to: Date): AsyncIterable<ProviderPayment[]> {
    const period = { gte: seconds(from), lt: secondsAfter(to) };
    const [refunds, disputes] = [new Map<string, Stripe.Refund[]>(), new Map<string, Stripe.Dispute[]>()];
    for await (const page of pagesOf((from) =>
      this.stripe.refunds.list({ created: period, ...from }, this.there),
    )) {
      addByPayment(refunds, page);
      yield [];
    }
    for await (const page of pagesOf((from) =>
      this.stripe.disputes.list({ created: period, ...from }, this.there),
    )) {
      addByPayment(disputes, page);
      yield [];
    }
    const seen = new Set<string>();
    const expand = ['data.latest_charge'];
    for await (const page of pagesOf((from) =>
      this.stripe.paymentIntents.list({ created: period, ...from, expand }, this.there),
    )) {
      for (const { id } of page) seen.add(id);
      yield page.map((intent) =>
        this.paymentOf(intent, refunds.get(intent.id) ?? [], disputes.get(intent.id) ?? []),
      );
    }
    yield* this.each([...refunds.keys(), ...disputes.keys()].filter((id) => !seen.has(id)));
  }

  async *withFailedRefunds(from: Date, to: Date): AsyncIterable<ProviderPayment[]> {
    const created = { gte: seconds(from), lt: secondsAfter(to) };
    const failed: string[] = [];
    for await (const page of pagesOf((start) =>
      this.stripe.refunds.list({ created, ...start }, this.there),
    )) {
      const gone = page.filter(({ status }) => status === 'failed' || status === 'canceled');
      failed.push(...gone.flatMap((refund) => paymentIdOf(refund) ?? []));
      yield [];
    }
    yield* this.each(failed);
  }

  private async *each(references: string[]): AsyncIterable<ProviderPayment[]> {
    for (const reference of new Set(references))
      for await (const payment of readPatiently(() => this.get(reference))) yield payment ? [payment] : [];
  }

  async void(reference: string, key: string): Promise<ProviderPayment> {
    try {
      await this.stripe.paymentIntents.cancel(reference, {}, { ...this.there, idempotencyKey: key });
    } catch (error) {
      // Its present state does not allow it, and is what the caller gets.
      if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw asAway(error);
    }
    return this.get(reference);
  }

  private paymentOf(intent: Stripe.PaymentIntent, refunds: Stripe.Refund[], disputes: Stripe.Dispute[]) {
    return { account: this.account, ...paymentOf(intent, refunds, disputes) };
  }
}

/** A connected account that does not let us in: it took its permission back, or never gave it. */
export const isRefusedByAccount = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripePermissionError && error.code === 'account_invalid';

async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw asAway(error);
  }
}

/** Not what is wrong with one request alone: a refused key or parameter, an object that does not exist. */
function asAway(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  const { statusCode } = error;
  const isAway = statusCode === undefined || statusCode === 429 || statusCode >= 500;
  return isAway ? new ProviderAway(error, retryAfterMs(error)) : error;
}

/** Every item of all pages. */
async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of list) items.push(item);
  return items;
}

/** A list's pages, and an empty one before each pause. */
async function* pagesOf<T extends { id: string }>(
  list: (page: { limit: number; starting_after?: string }) => Promise<Stripe.ApiList<T>>,
): AsyncGenerator<T[]> {
  for (let after: string | undefined, more = true; more;) {
    const page = { limit: pageSizeMax, ...(after && { starting_after: after }) };
    for await (const read of readPatiently(() => reading(() => list(page)))) {
      yield read?.data ?? [];
      if (!read) continue;
      after = read.data.at(-1)?.id;
      more = read.has_more && after !== undefined;
    }
  }
}

interface OfPayment {
  payment_intent: string | { id: string } | null;
}

const paymentIdOf = ({ payment_intent: payment }: OfPayment): string | undefined =>
  typeof payment === 'string' ? payment : payment?.id;

function addByPayment<T extends OfPayment>(found: Map<string, T[]>, items: T[]): void {
  for (const item of items) {
    const id = paymentIdOf(item);
    if (id) found.set(id, [...(found.get(id) ?? []), item]);
  }
}

function paymentOf(
  intent: Stripe.PaymentIntent,
  refunds: Stripe.Refund[],
  disputes: Stripe.Dispute[],
): Omit<ProviderPayment, 'account'> {
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null;
  return {
    reference: intent.id,
    ...purposeOf(intent.metadata),
    installation: intent.metadata.installation ?? null,
    status: intent.status,
    amount: intent.amount,
    capturable: intent.amount_capturable,
    received: intent.amount_received,
    currency: intent.currency.toUpperCase(),
    createdAt: instant(intent.created),
    canceledAt: optionalInstant(intent.canceled_at),
    cancellationReason: intent.cancellation_reason,
    captureBefore: optionalInstant(charge?.payment_method_details?.card?.capture_before),
    refunds: refunds
      .filter((refund) => !isRelease(intent, refund))
      .map((refund) => ({
        reference: refund.id,
        amount: refund.amount,
        currency: refund.currency.toUpperCase(),
        status: refund.status ?? 'pending',
        failureReason: refund.failure_reason ?? null,
        ...purposeOf(refund.metadata),
        request: refund.metadata?.request ?? null,
        createdAt: instant(refund.created),
      })),
    disputes: disputes.map((dispute) => ({
      reference: dispute.id,
      amount: dispute.amount,
      currency: dispute.currency.toUpperCase(),
      status: dispute.status,
      reason: dispute.reason,
      dueBy: optionalInstant(dispute.evidence_details?.due_by),
      createdAt: instant(dispute.created),
    })),
  };
}

/** Stripe may show what was set aside and never captured as a refund. It gives nothing back that was taken. */
const isRelease = (intent: Stripe.PaymentIntent, { amount, metadata }: Stripe.Refund): boolean =>
  intent.amount_received === 0 || (!metadata?.orderId && amount === intent.amount - intent.amount_received);

/** What our metadata say an object is for. Anyone with access to the account can write them. */
function purposeOf(metadata: Stripe.Metadata | null) {
  const { orderId, kind, number } = metadata ?? {};
  const counted = Number(number);
  return {
    orderId: (orderId && parseIdOfAnyCell('ord', orderId)) || null,
    kind: kind ?? null,
    number: Number.isSafeInteger(counted) && counted > 0 ? counted : null,
  };
}

const seconds = (date: Date) => Math.floor(date.getTime() / 1_000);
/** The provider dates in whole seconds, and a period that ends now has the present one too. */
const secondsAfter = (date: Date) => Math.ceil(date.getTime() / 1_000);
const instant = (unixSeconds: number) => new Date(unixSeconds * 1_000);
/** Stripe says 0 where a dispute accepts no evidence. */
const optionalInstant = (unixSeconds: number | null | undefined) =>
  unixSeconds ? instant(unixSeconds) : null;
