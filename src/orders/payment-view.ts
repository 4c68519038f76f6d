import { type Money, money, secondsUntil } from '../http/responses';
import { moneyOf } from '../payment/order-money';
import { isAuthorization } from '../payment/payment-operations.repository';
import { type PaymentStatus, paymentStatusOf } from '../payment/payment-status';
import { disputeIsWon } from '../payment/payment-facts.repository';
import type { Order, OrderFact, OrderOperation } from './shown-orders.repository';

interface PaymentView {
  status: PaymentStatus;
  reference: string | null;
  declineCode: string | null;
  attempts: number;
  attemptsLeft: number;
  actionExpiresAt: string | null;
  actionExpiresInSeconds: number | null;
  retryUntil: string | null;
  retryInSeconds: number | null;
  capturedAmount: Money;
  refundedAmount: Money;
  captureBefore: string | null;
  captureInSeconds: number | null;
  facts: { type: string; amount: Money; at: string; reference: string }[];
  dispute: { status: string; amount: Money; dueBy: string | null } | null;
}

/** What became of an order's money, with what began at the provider. */
export function paymentView(order: Order): PaymentView {
  const { facts } = order;
  const operations = presentOperations(order);
  const authorization = operations.findLast(isAuthorization);
  const declined = operations.findLast(
    (one) => one.declineCode !== null && (isAuthorization(one) || one.kind === 'capture'),
  );
  const { captured, refunded } = moneyOf(order.operations, facts);
  const status =
    order.totalAmount === 0 ? 'not_required' : withoutExpired(paymentStatusOf(operations, facts), order);
  const [actionEnd, retryEnd] = [actionExpiresAt(order), retryUntil(order)];
  const captureEnd = status === 'authorized' ? captureBefore(order) : null;
  const dispute = disputeShown(facts);
  return {
    status,
    reference: authorization?.providerReference ?? null,
    declineCode: declined?.declineCode ?? null,
    attempts: order.paymentAttempt,
    attemptsLeft: attemptsLeftOf(order),
    actionExpiresAt: actionEnd?.toISOString() ?? null,
    actionExpiresInSeconds: actionEnd && secondsUntil(actionEnd, order.now),
    retryUntil: retryEnd?.toISOString() ?? null,
    retryInSeconds: retryEnd && secondsUntil(retryEnd, order.now),
    capturedAmount: money(captured, order.currency),
    refundedAmount: money(refunded, order.currency),
    captureBefore: captureEnd?.toISOString() ?? null,
    captureInSeconds: captureEnd && secondsUntil(captureEnd, order.now),
    facts: facts.map(({ type, amount, currency, at, reference }) => ({
      type,
      amount: money(amount, currency),
      at: isoTime(at),
      reference,
    })),
    dispute: dispute && {
      status: dispute.status!,
      amount: money(dispute.amount, dispute.currency),
      dueBy: dispute.dueBy && isoTime(dispute.dueBy),
    },
  };
}

export const presentOperations = ({ operations, paymentAttempt }: Order): OrderOperation[] =>
  operations.filter((operation) => operation.paymentAttempt === paymentAttempt);

/** How many more cards the buyer may try if the present one is declined. */
function attemptsLeftOf({ status, saga, onDecline, paymentAttempt }: Order): number {
  const mayGoOn = status === 'pending' && (saga.status === 'running' || saga.status === 'stuck');
  return onDecline && mayGoOn ? Math.max(0, onDecline.attemptsMax - paymentAttempt) : 0;
}

/** Until when the buyer can authenticate. Null: there is nothing to do. */
export function actionExpiresAt(order: Order): Date | null {
  const waiting = presentOperations(order).find(
    ({ status, waitsFor, declineCode }) =>
      status === 'pending' && waitsFor === 'buyer' && declineCode === null,
  );
  if (!waiting?.actionExpiresAt || order.saga.status === 'compensating') return null;
  return new Date(waiting.actionExpiresAt);
}

/** Until when the money that is set aside can be taken. Null: it is taken at once, or the provider did not say. */
export function captureBefore(order: Order): Date | null {
  const authorization = presentOperations(order).findLast(isAuthorization);
  return order.capture === 'on_shipment' && authorization?.captureBefore
    ? new Date(authorization.captureBefore)
    : null;
}

/** The provider has lifted an authorization that was not captured in time. */
export function hasExpired({ facts }: Pick<Order, 'facts'>, reference: string | null): boolean {
  return facts.some((one) => one.type === 'authorization_expired' && one.reference === reference);
}

function withoutExpired(status: PaymentStatus, order: Order): PaymentStatus {
  if (status !== 'authorized') return status;
  const authorization = presentOperations(order).findLast(isAuthorization);
  return hasExpired(order, authorization?.providerReference ?? null) ? 'voided' : status;
}

/** Until when the buyer can pay with another card. Null: the order waits for none. */
export function retryUntil(order: Order): Date | null {
  const { status, saga, reservationStatus, expiresAt, now } = order;
  const isHeld = reservationStatus === 'active' && expiresAt > now;
  if (status !== 'pending' || saga.status !== 'running' || !isHeld) return null;
  const isDeclined = presentOperations(order).some(
    (operation) => isAuthorization(operation) && operation.status === 'declined',
  );
  return isDeclined && attemptsLeftOf(order) > 0 ? expiresAt : null;
}

/** The newest one that is open or lost, else the newest. */
function disputeShown(facts: OrderFact[]): OrderFact | null {
  const disputes = facts.filter(({ type }) => type === 'dispute_opened');
  return disputes.findLast(({ status }) => !disputeIsWon(status)) ?? disputes.at(-1) ?? null;
}

const isoTime = (text: string) => new Date(text).toISOString();
