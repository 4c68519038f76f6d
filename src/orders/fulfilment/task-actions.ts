import { Injectable } from '@nestjs/common';
import { type Change, type ReasonAndKey, operatorAction } from '../../audit-log/operator-action';
import type { Principal } from '../../auth/auth.guard';
import { Database, type Tx } from '../../database/database';
import { refusal } from '../../errors';
import { parsePublicId, publicId } from '../../ids';
import { endShipment, findShipment } from '../../inventory/shipments/shipments.repository';
import { Relay } from '../../outbox/relay';
import { moneyOf } from '../../payment/order-money';
import { factsOfOrders, isDisputed } from '../../payment/payment-facts.repository';
import type { PaymentOperation } from '../../payment/payment-operations.repository';
import { type Checkout, loadCheckouts, saveCheckouts } from '../checkout-saga/checkout';
import { stepsOf } from '../checkout-saga/checkout.saga';
import { lockSaga } from '../checkout-saga/saga.repository';
import { disputed, moreThanCaptured } from '../orders.errors';
import { announceFacts } from '../orders.repository';
import { type PaymentTask, findTask, lockTask, saveTask } from './payment-tasks.repository';
import { again, ended } from './task-transitions';

export const paymentTaskNotFound = refusal(404, 'payment_task_not_found', 'There is no such payment task');
export const paymentTaskNotStuck = refusal(
  409,
  'payment_task_not_stuck',
  'The refund or capture needs no operator',
);
export const paymentTaskDriven = refusal(
  409,
  'payment_task_driven',
  'A worker asks the provider for it at this moment',
  { retryable: true },
);
export const paymentTaskUnanswered = refusal(409, 'payment_task_unanswered', 'The provider may have done it');

/**
 * What an operator can do about a refund or a capture after the sale.
 *
 * retry    ask again now, under the same key, so it cannot be paid twice. A refund that the provider declined, or that did
 *          not reach the customer, is made again under a new key
 * resolve  it is given up: no money moves here any more. Only when the provider has surely not done it
 */
export type TaskAction = 'retry' | 'resolve';

/** A task's id for people: a refund's, or a capture's. */
export const publicTaskId = ({ id, kind }: Pick<PaymentTask, 'id' | 'kind'>): string =>
  publicId(kind === 'refund' ? 'rfd' : 'cap', id);

export const taskIdOf = (text: string): string | undefined =>
  parsePublicId('rfd', text) ?? parsePublicId('cap', text);

/** Each action is checked, done and recorded under the row lock of the order's saga, at most once per key. */
@Injectable()
export class TaskActions {
  constructor(
    private readonly db: Database,
    private readonly relay: Relay,
  ) {}

  async perform(
    action: TaskAction,
    publicOne: string,
    { reason, key }: ReasonAndKey,
    actor: Principal,
  ): Promise<{ task: PaymentTask; replayed: boolean }> {
    const id = taskIdOf(publicOne);
    const before = id && (await findTask(this.db, id));
    if (!before) throw noSuchTask();
    const { status } = await operatorAction(
      this.db,
      {
        transaction: 'operator-action',
        actor,
        reason,
        object: { type: 'payment_task', id: publicTaskId(before) },
        once: { key, operation: `payment-tasks/${id}/${action}` },
      },
      (tx) => this.move(tx, action, before, { actor: actor.name, reason }),
    );
    this.relay.poke();
    return { task: (await findTask(this.db, before.id))!, replayed: status === 'replayed' };
  }

  private async move(
    tx: Tx,
    action: TaskAction,
    { id, orderId }: PaymentTask,
    data: { actor: string; reason: string },
  ): Promise<Change> {
    const saga = (await lockSaga(tx, orderId))!;
    const task = (await lockTask(tx, id))!;
    if (task.leaseExpiresAt && task.leaseExpiresAt > saga.now)
      throw paymentTaskDriven('A worker is asking the provider at this moment. Try again in a few seconds.');
    const [checkout] = await loadCheckouts(tx, [saga], stepsOf);
    const operation = checkout!.payments.ofTask(id);
    const next =
      action === 'retry'
        ? await this.retried(tx, task, operation, checkout!)
        : resolved(task, operation, checkout!, data);
    await announceFacts(tx, orderId, []);
    await saveCheckouts(tx, [checkout!]);
    await saveTask(tx, next, task.fencingToken);
    if (next.status === 'failed' && task.shipmentId) await this.keepGoods(tx, task.shipmentId, saga.now);
    return { action: `payment-task.${action}`, before: shown(task), after: shown(next) };
  }

  /** What waited for the capture does not leave. */
  private async keepGoods(tx: Tx, shipmentId: string, now: Date): Promise<void> {
    const { lines } = (await findShipment(tx, shipmentId))!;
    await endShipment(tx, shipmentId, { status: 'failed', lines, endedAt: now });
  }

  private async retried(
    tx: Tx,
    task: PaymentTask,
    operation: PaymentOperation | undefined,
    { payments, saga }: Checkout,
  ): Promise<PaymentTask> {
    const facts = await factsOfOrders(tx, [task.orderId]);
    const hasFailed = operation?.status === 'failed' && operation.failureReason !== null;
    const isSettled = facts.some(
      ({ type, reference, settledAt }) =>
        type === 'refund_failed' && reference === operation?.providerReference && settledAt !== null,
    );
    if (task.status !== 'stuck' && (task.status !== 'done' || !hasFailed || isSettled))
      throw paymentTaskNotStuck('It is under way, done or settled. Look at the order.');
    if (await isDisputed(tx, task.orderId)) throw disputed();
    if (hasFailed || operation?.status === 'declined') {
      const { captured, promised } = moneyOf(payments.all, facts);
      // It was refunded by another request since.
      if (promised + task.amount > captured)
        throw moreThanCaptured(
          'The customer was refunded by another request since. Settle the case instead.',
        );
      payments.createForTask(task);
    }
    return again(task, saga.now);
  }
}

function resolved(
  task: PaymentTask,
  operation: PaymentOperation | undefined,
  { payments, saga }: Checkout,
  data: { actor: string; reason: string },
): PaymentTask {
  if (task.status !== 'stuck') throw paymentTaskNotStuck('Only a stuck one can be given up.');
  if (operation && ['sent', 'unknown', 'pending'].includes(operation.status))
    throw paymentTaskUnanswered(
      'It is asked for until the provider says what became of it. Retry it, or look at the payment there.',
    );
  if (operation?.status === 'created')
    payments.record(operation.id, { status: 'declined', declineCode: 'given_up' });
  const why = `given up by ${data.actor}: ${data.reason}`;
  return ended(task, 'failed', saga.now, { code: 'resolved_by_operator', data, why });
}

const noSuchTask = () =>
  paymentTaskNotFound('No refund or capture has this id. Fetch the list again: GET /v1/admin/review.');

const shown = ({ status, attempt, code }: PaymentTask) => ({ status, attempt, code });
