import { clockMs } from '../../clock';
import { publicId } from '../../ids';
import { isUnanswered } from '../../orders/checkout-saga/advance';
import { money } from '../../http/responses';
import type { LookupResult, ProviderRecord } from '../../payment/provider-lookup';
import type { OperationKind, PaymentOperation } from '../../payment/payment-operations.repository';
import { hasFailedRefund } from '../../payment/payment-status';
import { orderEnds } from '../../orders/orders.repository';
import { type SagaAction, refusalOf } from '../../orders/saga-actions/saga-actions';
import { moneyOf } from './saga-money';
import { formatRefusal } from './story-formatting';
import type { Comparison, SagaMoney, SagaOption, SagaOptionsResponse } from './saga.responses';
import { type SagaFacts, unitsHeld, waitsFor } from './saga-facts';
import { capitalized, listed, formatMoney, operationNames, formatUnits } from './formatting';

/** What can be done about a saga, and what each action would lead to, as far as the provider's records show. Pure. */
export function optionsOf(facts: SagaFacts, lookup: LookupResult): SagaOptionsResponse {
  const { order, operations } = facts;
  return {
    object: 'saga_options',
    orderId: publicId('ord', order.id),
    recorded: moneyOf(operations, order.currency),
    provider: providerView(lookup),
    comparison: comparisonOf(facts, lookup),
    retry: checked('retry', facts, retry(facts, lookup.record)),
    compensate: checked('compensate', facts, compensate(facts, lookup.record)),
    resolve: checked('resolve', facts, resolve(facts)),
    suggested: suggestion(facts, lookup),
  };
}

function providerView({ answered, problem, record, askedAt }: LookupResult) {
  const known = (amount: number | undefined) =>
    record && amount !== undefined ? money(amount, record.currency) : null;
  return {
    answered,
    problem,
    authorized: known(record?.authorized),
    captured: known(record?.captured),
    voided: known(record?.voided),
    refunded: known(record?.refunded),
    reference: record?.reference ?? null,
    askedAt: askedAt?.toISOString() ?? null,
    askedSecondsAgo: askedAt && Math.max(0, Math.floor((clockMs() - askedAt.getTime()) / 1_000)),
  };
}

/** An impossible action stays visible, with its refusal as the reason. */
function checked(
  act: SagaAction,
  { saga, operations }: SagaFacts,
  option: Omit<SagaOption, 'possible'>,
): SagaOption {
  const refusal = refusalOf(act, saga, operations);
  if (!refusal) return { possible: true, ...option };
  return { possible: false, why: refusal.message, refund: null, units: 0, endsAs: null };
}

function retry(facts: SagaFacts, record: ProviderRecord | null): Omit<SagaOption, 'possible'> {
  const { saga, order, operations } = facts;
  if (hasFailedRefund(operations)) return retryRefund(facts);
  const asks = `Asks again with the same key. It cannot ${saga.endsAs ? 'give back' : 'charge'} twice.`;
  const none = { refund: null, units: 0 };
  if (isBlocked(facts)) return { ...none, why: `${asks} ${retryAlone(facts)}`, endsAs: null };
  if (saga.endsAs) {
    const endsAs = orderEnds[saga.endsAs].to;
    const back = isBackAlready(record) ? ' The provider has given the money back already.' : '';
    return { ...none, why: `${asks}${back} It goes on until everything is undone.`, endsAs };
  }
  if (hasCaptured(facts, record)) {
    const amount = formatMoney(money(record!.captured, record!.currency));
    return {
      ...none,
      why: `${asks} The provider has taken ${amount} already, so this should end in placed within seconds.`,
      endsAs: 'placed',
    };
  }
  const waiting = waitingOperation(facts);
  const what = waiting
    ? ` What becomes of it depends on the answer to the ${operationNames[waiting.kind]}.`
    : '';
  return { ...none, why: `${asks}${what}`, endsAs: order.status === 'pending' ? null : order.status };
}

/** The only retry that needs a new key: whatever the failed refund's key gets, it is not another refund. */
function retryRefund({ saga, order, operations }: SagaFacts): Omit<SagaOption, 'possible'> {
  const { amount, currency } = operations.findLast(({ kind }) => kind === 'refund')!;
  const refund = money(amount, currency);
  const other =
    saga.status === 'stuck'
      ? 'If the customer was paid in another way, mark the order as resolved instead.'
      : 'Do not use it if the customer was paid in another way.';
  return {
    why: `Makes a new refund of ${formatMoney(refund)} under a new key. The failed one did not reach the customer. ${other}`,
    refund,
    units: 0,
    endsAs: saga.endsAs ? orderEnds[saga.endsAs].to : order.status,
  };
}

function compensate(facts: SagaFacts, record: ProviderRecord | null): Omit<SagaOption, 'possible'> {
  const { order, operations } = facts;
  const recorded = moneyOf(operations, order.currency);
  const taken = record ? record.captured - record.refunded : (recorded.paid?.amount ?? null);
  const units = unitsHeld(facts.reservation);
  const refund = taken ? money(taken, record?.currency ?? order.currency) : null;
  const parts = [
    ...(refund ? [`refunds ${formatMoney(refund)}`] : voids(record, recorded)),
    ...(taken === null ? ['refunds what turns out to be captured'] : []),
    ...(units > 0 ? [`puts ${formatUnits(order.lines)} back on sale`] : []),
    'ends the order as rejected (cancelled)',
  ];
  return {
    why: `${capitalized(listed(parts))}. Your shop informs the customer, not Holdfast.`,
    refund,
    units,
    endsAs: orderEnds.cancelled.to,
  };
}

/** Money that is set aside and not captured is voided; if that is unknown, it is asked for first. */
function voids(record: ProviderRecord | null, recorded: SagaMoney): string[] {
  if (!record) return recorded.authorized?.amount === 0 ? [] : ['voids what turns out to be authorized'];
  const held = record.captured === 0 ? record.authorized - record.voided : 0;
  return held > 0 ? [`voids ${formatMoney(money(held, record.currency))}`] : [];
}

function resolve(facts: SagaFacts): Omit<SagaOption, 'possible'> {
  const { saga, order, operations, reservation } = facts;
  const units = unitsHeld(reservation);
  const stock = units > 0 ? ` ${formatUnits(order.lines)} ${units === 1 ? 'goes' : 'go'} back on sale.` : '';
  const keepsAsking = operations.some(isUnanswered);
  const late = saga.endsAs
    ? 'gives back what turns out to be charged.'
    : 'if a late charge arrives, the order is placed where LATE_PAYMENT and the stock allow it; otherwise it is refunded.';
  const then = keepsAsking
    ? (afterOtherAmount(facts) ?? `Holdfast keeps asking the provider; ${late}`)
    : 'Moves no money: use it only when that was settled elsewhere; the audit keeps reporting a difference.';
  return {
    why: `Ends the order now.${stock} ${then}`,
    refund: null,
    units,
    endsAs: orderEnds[saga.endsAs ?? 'abandoned'].to,
  };
}

/**
 * After a result with another amount no charge can be late. The operation is asked again under its key: an authorization is
 * then voided whatever its amount; a capture or refund of another amount stops the saga again.
 */
function afterOtherAmount(facts: SagaFacts): string | undefined {
  const { code, data } = facts.transitions.findLast(({ cause }) => cause === 'blocked') ?? {};
  if (!isBlocked(facts) || code !== 'amount_differs') return undefined;
  if (data?.operation === 'authorize')
    return 'Holdfast then voids the authorization, whatever its amount; the order stays rejected.';
  const name = operationNames[data!.operation!];
  return `Holdfast asks the provider about the ${name} once more, and stops again while the amount differs.`;
}

/** Retrying is clearly right only when the provider has done everything that is left to do. */
function suggestion(facts: SagaFacts, { answered, record }: LookupResult): SagaAction | null {
  if (!answered || !record || refusalOf('retry', facts.saga, facts.operations)) return null;
  if (hasFailedRefund(facts.operations)) return null;
  const isRight = facts.saga.endsAs ? isBackAlready(record) : hasCaptured(facts, record);
  return isRight && !isBlocked(facts) ? 'retry' : null;
}

/** The saga does not ask again by itself, so a retry would find the same. */
const isBlocked = ({ saga }: SagaFacts): boolean => waitsFor(saga) === 'operator';

/** What a retry leads to, by what stopped the saga. */
function retryAlone({ transitions }: SagaFacts): string {
  const { code, data } = transitions.findLast(({ cause }) => cause === 'blocked') ?? {};
  switch (code) {
    case 'request_refused':
      return `The provider refused the request itself (${formatRefusal(data!)}): fix its cause first, or it stops again.`;
    case 'workers_lost':
      return 'Its workers did not come back from it, and the next one may not either.';
    case 'unheard_too_long':
      return 'The provider may have forgotten the key, so it is not asked and stops again.';
    case 'amount_differs':
    case 'void_declined':
    case 'refund_declined':
      return 'The provider answered, so retrying alone will not fix this.';
    default:
      return 'What stopped it may stop it again.';
  }
}

/** The clocks of two machines differ by less. */
const skewMs = 2_000;

/** A fact on both sides: the same, different, or not known yet on one side, which is no difference. */
function comparisonOf({ order, operations }: SagaFacts, { record, askedAt }: LookupResult) {
  const isPartial = operations.some(({ declineCode }) => declineCode === 'partial_authorization');
  const recorded = moneyOf(operations, order.currency);
  const refundIsPending = operations.some(({ kind, status }) => kind === 'refund' && status === 'pending');
  // What was recorded after the provider was asked cannot be in its record.
  const isOlder = operations.some(
    ({ settledAt }) => settledAt && askedAt && settledAt.getTime() > askedAt.getTime() - skewMs,
  );
  const compare = (isSame: boolean): Comparison => (isSame ? 'same' : isOlder ? 'not_heard' : 'differs');
  const amounts = (kinds: OperationKind[], ours: SagaMoney['captured'], theirs: number | undefined) => {
    if (!record || theirs === undefined) return 'not_heard';
    if (ours) return compare(ours.amount === theirs && ours.currency === record.currency);
    // Unknown to us; but another amount than we asked for is a difference in any case.
    const { amount, currency } = operations.findLast(({ kind }) => kinds.includes(kind))!;
    const isAsAsked = theirs === 0 || (theirs === amount && record.currency === currency);
    return isAsAsked ? 'not_heard' : compare(false);
  };
  const isNamed = record !== null && recorded.reference !== null;
  return {
    // How the provider shows what a bank authorized in part, before and after its void, differs.
    authorized: isPartial
      ? 'not_heard'
      : amounts(['authorize', 'charge'], recorded.authorized, record?.authorized),
    captured: isPartial ? 'not_heard' : amounts(['capture', 'charge'], recorded.captured, record?.captured),
    voided: isPartial ? 'not_heard' : amounts(['void'], recorded.voided, record?.voided),
    refunded: amounts(['refund'], refundIsPending ? null : recorded.refunded, record?.refunded),
    reference: isNamed ? compare(recorded.reference === record.reference) : 'not_heard',
  } satisfies Record<string, Comparison>;
}

const hasCaptured = ({ order }: SagaFacts, record: ProviderRecord | null): boolean =>
  record !== null &&
  record.captured === order.totalAmount &&
  record.currency === order.currency &&
  record.refunded === 0;

const isBackAlready = (record: ProviderRecord | null): boolean =>
  record !== null &&
  record.authorized > 0 &&
  (record.captured > 0 ? record.refunded === record.captured : record.voided === record.authorized);

/** The operation that the saga waits for. */
const waitingOperation = ({ operations }: SagaFacts): PaymentOperation | undefined =>
  operations.find(isUnanswered) ?? operations.find(({ status }) => status === 'created');
