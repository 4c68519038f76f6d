import { type Money, money } from '../../http/responses';
import type { TimelineRow } from '../../orders/checkout-saga/saga.repository';
import type { CaptureMode } from '../../orders/order.entity';
import type { Order } from '../../orders/shown-orders.repository';
import { hasExpired } from '../../orders/payment-view';
import type { Saga } from '../../orders/saga-state';
import {
  type OperationKind,
  type PaymentOperation,
  isAuthorization,
} from '../../payment/payment-operations.repository';
import type { SagaMoney } from './saga.responses';

/** Another amount that the provider reported. A later authorization of the right amount has its own line, without one. */
export function saidOf(kinds: readonly OperationKind[], transitions: readonly TimelineRow[]): Money | null {
  const line = transitions.findLast(
    ({ code, data }) =>
      ((code === 'amount_differs' || code === 'partial_authorization') &&
        data?.operation !== undefined &&
        kinds.includes(data.operation)) ||
      (kinds.includes('authorize') && code === 'payment_authorized'),
  );
  return line?.data?.said ?? null;
}

/** With the provider's amounts where they differ from ours; a void lifts the whole authorization. */
export function asReported(recorded: SagaMoney, transitions: readonly TimelineRow[]): SagaMoney {
  const said = saidOf(authorizing, transitions);
  const reported = (ours: Money | null) => (said && ours && ours.amount > 0 ? said : ours);
  const charged = saidOf(['charge'], transitions);
  return {
    ...recorded,
    authorized: reported(recorded.authorized),
    voided: reported(recorded.voided),
    ...(charged && {
      captured: reported(recorded.captured),
      paid: paidOf(reported(recorded.captured), recorded.refunded),
    }),
  };
}

/** A charge sets the money aside and takes it. */
const authorizing: readonly OperationKind[] = ['authorize', 'charge'];
const taking: readonly OperationKind[] = ['capture', 'charge'];

const paidOf = (captured: Money | null, refunded: Money | null): Money | null =>
  captured && refunded && { ...captured, amount: captured.amount - refunded.amount };

type Recorded = Pick<PaymentOperation, 'kind' | 'status' | 'amount' | 'providerReference'>;

/** It may have been done. A pending refund is not done yet, which is known. */
const isUndecided = ({ kind, status }: Pick<PaymentOperation, 'kind' | 'status'>): boolean =>
  status === 'unknown' || status === 'sent' || (status === 'pending' && kind !== 'refund');

export function moneyOf(operations: readonly Recorded[], currency: string): SagaMoney {
  const sum = (...kinds: readonly OperationKind[]): Money | null => {
    const own = operations.filter(({ kind }) => kinds.includes(kind));
    if (own.some(isUndecided)) return null;
    const approved = own.filter(({ status }) => status === 'approved');
    return money(
      approved.reduce((total, { amount }) => total + amount, 0),
      currency,
    );
  };
  const [captured, refunded] = [sum(...taking), sum('refund')];
  return {
    authorized: sum(...authorizing),
    captured,
    voided: sum('void'),
    refunded,
    paid: paidOf(captured, refunded),
    reference:
      operations.find((one) => isAuthorization(one) && one.providerReference)?.providerReference ?? null,
  };
}

/** Where the customer's money is, as far as is known. `said`: the provider's amount where it differs from ours. */
export type MoneySentence =
  | { kind: 'paid'; paid: Money }
  | { kind: 'paid_back'; paid: Money; back: Money }
  /** `back`: what other refunds have returned already; null for nothing. */
  | { kind: 'refund_unheard'; paid: Money; back: Money | null; refund: Money; said: Money | null }
  | { kind: 'refund_accepted'; paid: Money; back: Money | null; refund: Money }
  | { kind: 'refund_failed'; paid: Money; back: Money | null; refund: Money; failureReason: string }
  | { kind: 'not_refunded'; paid: Money }
  | { kind: 'capture_unheard'; said: Money | null }
  | { kind: 'void_unheard'; held: Money }
  | { kind: 'held'; held: Money; isEnding: boolean }
  | { kind: 'hold_unheard'; said: Money | null }
  | { kind: 'nothing'; isEnding: boolean };

interface MoneyFacts {
  currency: string;
  saga: Pick<Saga, 'status' | 'endsAs'>;
  transitions: readonly TimelineRow[];
  operations: readonly PaymentOperation[];
  capture: CaptureMode;
  facts: Order['facts'];
}

export function moneySentence(about: MoneyFacts): MoneySentence {
  const { currency, saga, transitions, operations, capture } = about;
  const sum = (...kinds: readonly OperationKind[]) =>
    operations
      .filter(({ kind, status }) => kinds.includes(kind) && status === 'approved')
      .reduce((total, { amount }) => total + amount, 0);
  const unknown = (...kinds: readonly OperationKind[]) =>
    operations.find((one) => kinds.includes(one.kind) && isUndecided(one));
  const inCurrency = (amount: number): Money => ({ amount, currency });

  const charged = sum('charge') > 0 ? saidOf(['charge'], transitions) : null;
  const [captured, refunded] = [charged?.amount ?? sum(...taking), sum('refund')];
  // What is set aside is captured when the order ships.
  const isEnding = saga.endsAs !== null || (saga.status === 'completed' && capture !== 'on_shipment');
  if (unknown(...taking)) return { kind: 'capture_unheard', said: saidOf(taking, transitions) };
  if (captured > 0) {
    const [paid, back] = [inCurrency(captured), refunded > 0 ? inCurrency(refunded) : null];
    const refund = unknown('refund');
    if (refund) {
      const said = saidOf(['refund'], transitions);
      return { kind: 'refund_unheard', paid, back, refund: inCurrency(refund.amount), said };
    }
    const refunds = newestRefunds(operations);
    const failed = refunds.find(({ status, failureReason }) => status === 'failed' && failureReason !== null);
    if (failed) {
      const { amount, failureReason } = failed;
      const reason = failureReason!;
      return { kind: 'refund_failed', paid, back, refund: inCurrency(amount), failureReason: reason };
    }
    const accepted = refunds.filter(({ status }) => status === 'pending');
    if (accepted.length > 0) {
      const sumOf = accepted.reduce((total, { amount }) => total + amount, 0);
      return { kind: 'refund_accepted', paid, back, refund: inCurrency(sumOf) };
    }
    if (refunded > 0) return { kind: 'paid_back', paid: inCurrency(captured), back: inCurrency(refunded) };
    return { kind: saga.endsAs === null ? 'paid' : 'not_refunded', paid: inCurrency(captured) };
  }
  // Until its void is confirmed, the buyer may still authorize what waits for an authentication.
  if (unknown('authorize') && sum('void') === 0)
    return { kind: 'hold_unheard', said: saidOf(['authorize'], transitions) };
  const authorized = sum('authorize');
  const reference = operations.findLast(isAuthorization)?.providerReference ?? null;
  if (authorized > 0 && sum('void') === 0 && !hasExpired(about, reference)) {
    const held = saidOf(['authorize'], transitions) ?? inCurrency(authorized);
    return unknown('void') ? { kind: 'void_unheard', held } : { kind: 'held', held, isEnding };
  }
  return { kind: 'nothing', isEnding };
}

/** Of each request the newest: one that failed may have been made again. The refund of the whole order has no request. */
const newestRefunds = (operations: readonly PaymentOperation[]): PaymentOperation[] => [
  ...new Map(
    operations.filter(({ kind }) => kind === 'refund').map((refund) => [refund.request, refund]),
  ).values(),
];
