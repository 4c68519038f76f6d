import { publicId } from '../../ids';
import { money, secondsUntil } from '../../http/responses';
import { namesOf } from '../../payment/operation-names';
import type { PaymentOperation } from '../../payment/payment-operations.repository';
import type { ReadSaga, TimelineRow } from '../../orders/checkout-saga/saga.repository';
import { stepsOf } from '../../orders/checkout-saga/checkout.saga';
import { orderView } from '../../orders/orders.responses';
import { type Attempt, attemptsOf, keyOf, lost } from './saga-attempts';
import { refusalOf } from '../../orders/saga-actions/saga-actions';
import { paymentTaskView } from './payment-task-view';
import { asReported, moneyOf } from './saga-money';
import { type HeldReservation, type SagaFacts, driverOf, unitsHeld, waitsFor } from './saga-facts';
import type { SagaResponse } from './saga.responses';
import { afterSaleActs, goodsView, refundableOf } from './sold-goods';
import { type StoryFacts, storyOf } from './story';

/** One saga for people: its story, transitions, attempts, operations, and what it waits for. */
export function sagaView(facts: SagaFacts): SagaResponse {
  const { order, saga, transitions, operations, reservation, webhooks, clientKey } = facts;
  const all = [...facts.earlier, ...operations];
  const startedAt = transitions[0]!.at;
  const after = (at: Date) => at.getTime() - startedAt.getTime();
  const attempts = lastOneSettled(attemptsOf(transitions), saga);
  const goods = goodsView(order, facts.goods);
  const recorded = asReported(moneyOf(operations, order.currency), transitions);
  return {
    object: 'saga',
    orderId: publicId('ord', order.id),
    asOf: saga.now.toISOString(),
    status: saga.status,
    step: saga.step,
    story: storyOf(storyFactsOf(facts, attempts)),
    order: orderView(order),
    transitions: transitions.map((row, index) => ({
      version: row.version,
      at: row.at.toISOString(),
      afterMs: after(row.at),
      sincePreviousMs: index === 0 ? 0 : row.at.getTime() - transitions[index - 1]!.at.getTime(),
      step: row.step,
      attempt: row.attempt,
      from: row.fromStatus,
      to: row.toStatus,
      cause: row.cause,
      detail: row.detail,
      code: row.code,
      data: row.data,
      fencingToken: row.fencingToken,
      worker: row.worker,
      leaseOwner: leaseOwnerOf(row, transitions),
    })),
    steps: stepsOf({ ...order, amount: order.totalAmount }).map(({ name }) => name),
    attempts: attempts.map((attempt) => attemptView(attempt, all, after)),
    operations: all.map(operationView),
    tasks: facts.tasks.map(paymentTaskView),
    nextAttemptInSeconds:
      saga.nextRunAt === null || driverOf(saga) !== null ? null : secondsUntil(saga.nextRunAt, saga.now),
    waitsFor: waitsFor(saga),
    drivenBy: driverOf(saga),
    reservation: reservationView(reservation, attempts, after),
    goods,
    refundable: refundableOf(order),
    webhooks: webhooks.map(({ id, type, verdict, receivedAt, processedAt }) => ({
      id,
      type,
      verdict,
      receivedAt: receivedAt.toISOString(),
      afterMs: after(receivedAt),
      processedAt: processedAt?.toISOString() ?? null,
    })),
    money: recorded,
    clientKey,
    acts: {
      retry: refusalOf('retry', saga, operations) === undefined,
      compensate: refusalOf('compensate', saga, operations) === undefined,
      resolve: refusalOf('resolve', saga, operations) === undefined,
      ...afterSaleActs(order, goods),
    },
  };
}

/** What the story is made from. */
export const storyFactsOf = (
  { order, saga, transitions, operations, reservation }: SagaFacts,
  attempts = lastOneSettled(attemptsOf(transitions), saga),
): StoryFacts => ({
  ...order,
  ttlMs: reservation.expiresAt.getTime() - reservation.createdAt.getTime(),
  saga,
  waitsFor: waitsFor(saga),
  transitions,
  attempts,
  operations,
  stockIsBack: unitsHeld(reservation) === 0,
});

/** A running attempt without a worker has no result: its worker died and its lease expired. */
function lastOneSettled(attempts: Attempt[], saga: ReadSaga): Attempt[] {
  const last = attempts.at(-1);
  if (last?.outcome !== 'running' || driverOf(saga) !== null) return attempts;
  const endedAt = saga.leaseExpiresAt ?? saga.now;
  return [...attempts.slice(0, -1), { ...last, ...lost(last, { endedAt }) }];
}

/** A new lease has a new token, and its holder writes the first line with it. Operators and customers write without one. */
function leaseOwnerOf({ fencingToken, worker }: TimelineRow, transitions: readonly TimelineRow[]) {
  if (fencingToken === 0) return null;
  const owner = transitions.find((row) => row.fencingToken === fencingToken)!.worker;
  return owner === worker ? owner : null;
}

const attemptView = (
  attempt: Attempt,
  operations: readonly PaymentOperation[],
  after: (at: Date) => number,
) => {
  const { startedAt, endedAt, operationId: _, ...rest } = attempt;
  return {
    ...rest,
    startedAtMs: after(startedAt),
    endedAtMs: endedAt && after(endedAt),
    key: keyOf(attempt, operations),
  };
};

const operationView = (operation: PaymentOperation) => ({
  id: publicId('pay', operation.id),
  kind: operation.kind,
  number: operation.number,
  paymentAttempt: operation.paymentAttempt,
  key: namesOf(operation).key,
  status: operation.status,
  waitsFor: operation.waitsFor,
  attempts: operation.attempt,
  looks: operation.looks,
  amount: money(operation.amount, operation.currency),
  providerReference: operation.providerReference,
  declineCode: operation.declineCode,
  failureReason: operation.failureReason,
  doubt: operation.doubt,
  detail: operation.detail,
  createdAt: operation.createdAt.toISOString(),
  sentAt: operation.sentAt?.toISOString() ?? null,
  settledAt: operation.settledAt?.toISOString() ?? null,
});

/** It is pinned in the commit that first asks for money. */
function reservationView(
  { id, status, createdAt, endedAt, endReason, units, fencingToken }: HeldReservation,
  attempts: readonly Attempt[],
  after: (at: Date) => number,
) {
  const pinned = attempts.find(({ operation }) => operation === 'authorize' || operation === 'charge');
  return {
    id: publicId('rsv', id),
    status,
    startedAtMs: Math.max(0, after(createdAt)),
    pinnedAtMs: pinned ? after(pinned.startedAt) : null,
    endedAtMs: endedAt && after(endedAt),
    endReason,
    units,
    fencingToken,
  };
}
