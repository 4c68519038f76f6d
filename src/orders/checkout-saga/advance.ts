import { type AskMode, isSend } from '../../payment/ask-provider';
import type { GatewayResult } from '../../payment/gateways/gateway';
import type { SentOptions } from '../../payment/payment-options';
import type { OperationNaming } from '../../payment/operation-names';
import { type PaymentOperation, isAuthorization } from '../../payment/payment-operations.repository';
import { type Patience, type Result, recordAction, recordDeclined } from './buyers-results';
import { type Checkout, type StepOutcome, factsOf } from './checkout';
import type { Reason } from './transition-codes';
import { type SagaEvent, backoffMs } from './transitions';

/** A call that the provider must get before the saga can go on, and the lease it is made under. */
export interface ProviderCall {
  orderId: string;
  fencingToken: number;
  paymentMethod: string;
  options: SentOptions;
  /** As it was before the call. */
  operation: PaymentOperation;
  mode: AskMode;
  naming: OperationNaming;
  authorization?: string;
  /** An order that ships later must know until when it can be captured. */
  asksDeadline?: boolean;
}

/** What came of a call. */
export interface CallResult {
  call: ProviderCall;
  result: GatewayResult;
}

/**
 * Runs steps until one needs the provider, or the saga ends or must wait. All in memory: `saveCheckouts` writes the checkout
 * with many others.
 */
export function advance(checkout: Checkout, leaseMs: number): ProviderCall | undefined {
  // guard: saga-is-driven
  const { update } = checkout;
  for (;;) {
    if (update.saga.requestedEnd === 'cancel' && update.canCancel()) {
      update.apply(
        { type: 'turn-back', by: 'cancel' },
        { code: 'cancel_requested', why: 'the customer cancelled' },
      );
    }
    const { step } = checkout;
    const outcome = update.saga.endsAs ? step.compensate(checkout) : step.run(checkout);
    if (outcome.kind === 'ask') return prepareCall(checkout, outcome, leaseMs);
    update.apply(...eventOf(outcome));
    if (outcome.kind === 'wait') {
      // Asked for while the provider was looked at: nothing is in its way any more.
      if (update.saga.requestedEnd === 'cancel') continue;
      update.waitUntil(outcome.until);
      return undefined;
    }
    if (update.saga.status === 'compensated') checkout.end();
    if (update.nextRun === 'now') continue;
    update.giveBackLease();
    return undefined;
  }
}

/** Records the intent under a lease that outlasts the call. The saga is due again when that lease ends. */
function prepareCall(
  checkout: Checkout,
  { operation, authorization: named, data: more }: Extract<StepOutcome, { kind: 'ask' }>,
  leaseMs: number,
): ProviderCall {
  const { update, payments, order } = checkout;
  const mode = modeOf(operation, checkout);
  const authorization = named ?? operation.providerReference ?? undefined;
  const sends = isSend(mode);
  const code = sends ? 'payment_requested' : 'payment_looked_up';
  const data = { ...factsOf(operation), attempt: operation.attempt + 1, ...more };
  update.apply({ type: 'asked' }, { code, data, why: operation.kind });
  payments.markAsked(operation, { sends });
  update.keepLeaseUntil(new Date(update.saga.now.getTime() + leaseMs));
  const { orderId, fencingToken } = update.saga;
  const { naming } = payments;
  const { stripeAccount: _, ...options } = order.payment ?? {};
  return {
    orderId,
    fencingToken,
    paymentMethod: order.paymentMethod,
    options,
    operation,
    mode,
    naming,
    authorization,
    asksDeadline: order.capture === 'on_shipment' && operation.kind === 'authorize',
  };
}

/** See `AskMode`. */
function modeOf(operation: PaymentOperation, { saga, order }: Checkout): AskMode {
  const isFirst = operation.status === 'created';
  if (operation.status === 'pending') return 'look';
  if (!isAuthorization(operation)) return isFirst ? 'send' : 'look-before-send';
  if (operation.providerReference) return 'look';
  const isUseless = ['saved_error', 'key_conflict', 'not_found'].includes(operation.doubt ?? '');
  if (!isFirst && (isUseless || isOld(operation.createdAt, saga.now))) return 'search';
  // Not only the first time: a search that got no answer sent nothing, and must come before the next call too.
  // guard: old-orders-are-searched-first
  const mayBeForgotten = saga.searchFirst || isOld(order.createdAt, saga.now);
  return mayBeForgotten ? 'search-before-send' : 'send';
}

function eventOf(outcome: Exclude<StepOutcome, { kind: 'ask' }>): [SagaEvent, Reason] {
  switch (outcome.kind) {
    case 'done':
      return [{ type: 'done' }, outcome.reason];
    case 'declined':
      return [{ type: 'declined', endsAs: outcome.endsAs, undoesStep: outcome.undoesStep }, outcome.reason];
    case 'blocked':
      return [{ type: 'blocked' }, outcome.reason];
    case 'wait':
      return [{ type: 'waits-for-buyer' }, outcome.reason];
  }
}

/** Of a call after the authorization that no saga's step asks for. A refund in part is looked for before it is first sent. */
export function modeOfFollowUp({ kind, status }: PaymentOperation): AskMode {
  if (status === 'pending') return 'look';
  return status === 'created' && kind !== 'refund' ? 'send' : 'look-before-send';
}

/** Why the saga cannot go on at once. `afterMs`: when it should; otherwise after the usual backoff. */
export interface Pause {
  event: SagaEvent;
  reason: Reason;
  afterMs?: number;
}

/** Records the result of a call. False: the saga must wait, or an operator must act. */
export function applyResult(checkout: Checkout, called: CallResult, patience: Patience): boolean {
  // A database that was restored during the call lost this operation: the step asks again, under the same key.
  if (!checkout.payments.has(called.call.operation)) return true;
  checkout.heard = called.call.operation.id;
  const pause = recordResult(checkout, called, patience);
  if (!pause) return true;
  checkout.update.apply(pause.event, pause.reason);
  checkout.update.giveBackLease(pause.afterMs);
  return false;
}

/** Undefined: the operation has a result to act on. */
export function recordResult(checkout: Checkout, called: CallResult, patience: Patience): Pause | undefined {
  const { payments } = checkout;
  const { result, call } = called;
  const { id } = call.operation;
  switch (result.status) {
    case 'declined':
      recordDeclined(checkout, call.operation, result);
      return undefined;
    case 'failed':
      payments.record(id, {
        status: 'failed',
        providerReference: result.reference,
        failureReason: result.reason,
      });
      return undefined;
    case 'pending':
      if (result.waitsFor === 'provider') return recordPending(checkout, call, result);
      recordAction(checkout, call.operation, { result, patience });
      return undefined;
    case 'not-asked':
    case 'misused':
      return recordNotDone(checkout, call, result);
    case 'unknown':
      return recordUnknown(checkout, call, result, patience.paymentSearchDelayMs);
    case 'approved':
      return recordApproved(checkout, call, { result, patience });
  }
}

function recordPending(
  { payments }: Checkout,
  { operation }: ProviderCall,
  { reference, waitsFor }: Result<'pending'>,
): Pause | undefined {
  const looks = operation.looks + 1;
  payments.record(operation.id, { status: 'pending', providerReference: reference, waitsFor, looks });
  // A refund is followed to its end later.
  if (operation.kind === 'refund') return undefined;
  const data = { ...factsOf(operation), providerReference: reference };
  const reason: Reason = { code: 'still_processing', data, why: 'the provider has not decided yet' };
  // guard: processing-costs-no-attempt
  return { event: { type: 'waiting' }, reason, afterMs: backoffMs(looks, Math.random()) };
}

/** Nothing was sent, or the provider refused before it did anything. */
function recordNotDone(
  { payments, stock }: Checkout,
  { operation }: ProviderCall,
  result: Result<'not-asked'> | Result<'misused'>,
): Pause {
  payments.markNotSent(operation);
  const data = factsOf(operation);
  if (result.status === 'misused') {
    const { code: providerCode, requestId, detail: why, httpStatus } = result;
    const facts = {
      ...data,
      providerCode,
      ...(requestId && { requestId }),
      ...(httpStatus && { httpStatus }),
    };
    // A wrong or expired key is replaced without touching the orders, so they go on by themselves.
    const asksAgain = httpStatus === 401 || httpStatus === 403;
    return { event: { type: 'blocked', asksAgain }, reason: { code: 'request_refused', data: facts, why } };
  }
  if (isAuthorization(operation) && operation.attempt === 0) stock.unpin();
  const reason: Reason = { code: result.code ?? 'held_back', data, why: result.detail };
  return { event: { type: 'not-asked' }, reason, afterMs: result.retryAfterMs };
}

function recordUnknown(
  checkout: Checkout,
  call: ProviderCall,
  result: Result<'unknown'>,
  searchDelayMs: number,
): Pause | undefined {
  const { payments, saga } = checkout;
  const { operation, mode } = call;
  const { httpStatus, code = 'no_clear_answer', detail: why, retryAfterMs } = result;
  const data = { ...factsOf(operation), attempt: operation.attempt + 1, ...(httpStatus && { httpStatus }) };
  const reason: Reason = { code, data, why };
  if (code === 'provider_busy') {
    payments.markNotSent(operation);
    return { event: { type: 'waiting' }, reason, afterMs: retryAfterMs };
  }
  if (result.nothingWasDone) {
    payments.record(operation.id, { status: 'failed', doubt: code, detail: why });
    return { event: { type: 'unknown' }, reason };
  }
  if (code === 'not_found') return recordNotFound(checkout, operation, reason, searchDelayMs);
  // A search that got no answer does not make the key worth asking again.
  const doubt = mode === 'search' ? (operation.doubt ?? code) : code;
  const status = operation.status === 'pending' ? 'pending' : 'unknown';
  payments.record(operation.id, { status, detail: why, doubt, looks: operation.looks });
  const isUseless = isAuthorization(operation) && (code === 'saved_error' || code === 'key_conflict');
  const afterMs = isUseless ? untilSearch(0, saga.now, saga.now, searchDelayMs) : retryAfterMs;
  return { event: { type: 'unknown' }, reason, afterMs };
}

/**
 * The provider's search lags by up to a minute or so, so it must find nothing twice, some time after the last call, before
 * the next number may be asked for under a new key. A search that came too early, after a wake-up, does not count.
 */
function recordNotFound(
  { payments, saga }: Checkout,
  operation: PaymentOperation,
  reason: Reason,
  searchDelayMs: number,
): Pause | undefined {
  const sentAt = operation.sentAt ?? operation.createdAt;
  const isDue = untilSearch(operation.looks, sentAt, saga.now, searchDelayMs) === 0;
  const looks = operation.looks + (isDue ? 1 : 0);
  // guard: two-searches-before-a-new-key
  if (looks >= 2) {
    payments.record(operation.id, { status: 'failed', doubt: 'not_found', detail: reason.why, looks });
    return undefined;
  }
  payments.record(operation.id, { status: 'unknown', doubt: 'not_found', detail: reason.why, looks });
  const afterMs = Math.max(1, untilSearch(looks, sentAt, saga.now, searchDelayMs));
  return { event: { type: 'waiting' }, reason, afterMs };
}

/** Milliseconds until the search after `looks` searches is due: one delay after the last call, then two more. */
function untilSearch(looks: number, sentAt: Date, now: Date, delayMs: number): number {
  const dueAt = sentAt.getTime() + delayMs * (looks === 0 ? 1 : 3);
  return Math.max(0, dueAt - now.getTime());
}

function recordApproved(
  { payments, saga }: Checkout,
  { operation }: ProviderCall,
  { result, patience }: { result: Result<'approved'>; patience: Patience },
): Pause | undefined {
  const isLess = result.currency === operation.currency && result.amount < operation.amount;
  const { reference: providerReference } = result;
  // What a charge took is given back at any time; an authorization is voided whatever its amount.
  const isPartial = operation.kind === 'charge' || (operation.kind === 'authorize' && !saga.endsAs);
  if (isPartial && isLess) {
    payments.record(operation.id, {
      status: 'approved',
      providerReference,
      declineCode: 'partial_authorization',
      detail: `the bank authorized ${result.amount} of ${operation.amount} ${operation.currency}`,
      reported: { amount: result.amount, currency: result.currency },
    });
    return undefined;
  }
  const other = saga.endsAs && operation.kind === 'authorize' ? undefined : otherAmount(operation, result);
  const { captureBefore } = result;
  payments.record(operation.id, {
    status: other ? 'unknown' : 'approved',
    providerReference,
    captureBefore,
    checkAt: captureBefore && noticeOf(captureBefore, patience),
    detail: other?.why,
    doubt: other?.code,
  });
  return other && { event: { type: 'blocked' }, reason: other };
}

/** When a review case says that the authorization ends. */
const noticeOf = (captureBefore: Date, { paymentCaptureNoticeSeconds }: Patience): Date =>
  new Date(captureBefore.getTime() - paymentCaptureNoticeSeconds * 1_000);

/**
 * A result about another amount or currency is treated as tampered with. Not while the saga compensates: an authorization
 * is voided whatever its amount.
 */
function otherAmount(
  operation: PaymentOperation,
  result: { reference: string; amount: number; currency: string },
): Reason | undefined {
  if (operation.kind === 'void' || isAsAsked(operation, result)) return undefined;
  const { amount, currency, reference } = result;
  return {
    code: 'amount_differs',
    data: { ...factsOf(operation), said: { amount, currency }, providerReference: reference },
    why: `the provider says ${amount} ${currency}, not ${operation.amount} ${operation.currency}`,
  };
}

const isAsAsked = (operation: PaymentOperation, result: { amount: number; currency: string }) =>
  // guard: provider-amount-matches
  result.amount === operation.amount && result.currency === operation.currency;

/** The right amount, for an order that was given up before the result was known. */
export const isLateCharge = ({ saga }: Checkout, { call: { operation }, result }: CallResult) =>
  saga.endsAs === 'abandoned' &&
  (isAuthorization(operation) || operation.kind === 'capture') &&
  result.status === 'approved' &&
  isAsAsked(operation, result);

/** Sent without a certain result: it may have been done, or may still be. */
export const isUnanswered = ({ status }: PaymentOperation) =>
  status === 'sent' || status === 'unknown' || status === 'pending';

/** Stripe keeps a key for at least 24 hours; asked again later, it would authorize a second time. */
const keyWindowMs = 23 * 3_600_000;

const isOld = (createdAt: Date, now: Date) => now.getTime() - createdAt.getTime() > keyWindowMs;
