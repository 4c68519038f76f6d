import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { Database, type Tx } from '../../database/database';
import { isDatabaseAway } from '../../database/pg-errors';
import { publicId } from '../../ids';
import type { PaymentOperation } from '../../payment/payment-operations.repository';
import {
  type CallResult,
  type ProviderCall,
  advance,
  modeOfFollowUp,
  recordResult,
} from '../checkout-saga/advance';
import { type Checkout, factsOf, loadCheckouts, saveCheckouts } from '../checkout-saga/checkout';
import { stepsOf } from '../checkout-saga/checkout.saga';
import { codeVersion } from '../checkout-saga/code-version';
import { sagaEvents } from '../checkout-saga/saga-metrics';
import { SagaRunner } from '../checkout-saga/saga-runner';
import { lockSaga } from '../checkout-saga/saga.repository';
import { announceFacts } from '../orders.repository';
import { type TaskEffect, effectOf } from './task-effects';
import { type PaymentTask, dueTasks, lockTask, saveTask } from './payment-tasks.repository';
import { blocked, ended, paused, taken } from './task-transitions';

/** Refunds and captures at once by a worker: the provider's limit is there for checkouts first. */
const atOnce = 8;

/** A call to the provider for a task. The fencing token is the task's. */
interface TaskCall {
  taskId: string;
  call: ProviderCall;
}

/**
 * Carries out payment tasks: claim, call the provider, record the result, as the saga's own calls. The claim commits the
 * attempt, the lease and the operation as sent before the call; the result is recorded in the commit that acts on it, under
 * the row lock of the order's saga.
 */
@Injectable()
export class PaymentTasks {
  private readonly logger = new Logger('payment-tasks');
  private sweeping: Promise<void> | undefined;
  private isWoken = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly sagas: SagaRunner,
  ) {}

  /** Carries out what is due. A call during a sweep is followed by another sweep. */
  sweep(): Promise<void> {
    this.isWoken = true;
    this.sweeping ??= this.sweepAll().finally(() => (this.sweeping = undefined));
    return this.sweeping;
  }

  /** Resolves when this worker asks the provider for no task. */
  async idle(): Promise<void> {
    await this.sweeping?.catch(() => undefined);
  }

  private async sweepAll(): Promise<void> {
    while (this.isWoken) {
      this.isWoken = false;
      const due = await dueTasks(this.db, atOnce);
      const moved = await Promise.all(due.map((task) => this.run(task)));
      if (due.length === atOnce && moved.includes(true)) this.isWoken = true;
    }
  }

  /** True: the provider was asked, or the task was stopped. */
  async run(task: { id: string; orderId: string }): Promise<boolean> {
    try {
      const claimed = await this.claim(task);
      if (claimed) await this.record({ taskId: task.id, ...(await this.sagas.make(claimed.call)) });
      return claimed !== undefined;
    } catch (error) {
      // Nothing is lost: the task is due when its lease ends, and this attempt is counted.
      if (isDatabaseAway(error)) throw error;
      this.logger.error(error, `payment task of order ${publicId('ord', task.orderId)}`);
      return false;
    }
  }

  private claim({ id, orderId }: { id: string; orderId: string }): Promise<TaskCall | undefined> {
    return this.db.transaction('claim-task', async (tx) => {
      const saga = await lockSaga(tx, orderId);
      const task = await lockTask(tx, id);
      if (!saga || saga.codeVersion > codeVersion || !task?.nextRunAt || task.nextRunAt > saga.now)
        return undefined;
      const claimed = taken(task, saga.now, this.config.sagaLeaseMs);
      if (!claimed) {
        const why = `${task.attempt} workers took it up and did not come back`;
        await saveTask(
          tx,
          blocked(task, { code: 'workers_lost', data: { workers: task.attempt }, why }),
          task.fencingToken,
        );
        this.reportStuck(task, why);
        return undefined;
      }
      const [checkout] = await loadCheckouts(tx, [saga], stepsOf);
      const { payments, order } = checkout!;
      const newest = payments.ofTask(id)!;
      // Nothing came of the last one under its key.
      const operation = newest.status === 'failed' ? payments.createForTask(task) : newest;
      const mode = modeOfFollowUp(operation);
      payments.markAsked(operation, { sends: mode !== 'look' });
      await saveCheckouts(tx, [checkout!]);
      await saveTask(tx, claimed, task.fencingToken);
      const call: ProviderCall = {
        orderId,
        fencingToken: claimed.fencingToken,
        paymentMethod: order.paymentMethod,
        options: {},
        operation,
        mode,
        naming: payments.naming,
        authorization: payments.authorization?.providerReference ?? undefined,
      };
      return { taskId: id, call };
    });
  }

  /** False in effect when another worker has taken the task over: its result is the one that counts. */
  private async record({ taskId, ...called }: { taskId: string } & CallResult): Promise<void> {
    const { orderId, fencingToken } = called.call;
    const now = await this.db.transaction('record-task', async (tx) => {
      const saga = await lockSaga(tx, orderId);
      const task = await lockTask(tx, taskId);
      if (!saga || !task || task.fencingToken !== fencingToken || task.leaseExpiresAt === null) {
        sagaEvents.inc({ event: 'stale_write_refused' });
        return undefined;
      }
      const [checkout] = await loadCheckouts(tx, [saga], stepsOf);
      return this.apply(tx, { checkout: checkout!, task, called });
    });
    if (now?.status === 'stuck') this.reportStuck(now, now.lastError ?? 'see the order');
  }

  private async apply(
    tx: Tx,
    { checkout, task, called }: { checkout: Checkout; task: PaymentTask; called: CallResult },
  ): Promise<PaymentTask> {
    const pause = recordResult(checkout, called, this.config);
    const operation = checkout.payments.get(called.call.operation.id)!;
    const next = pause ? paused(task, pause, checkout.saga.now) : decided(task, operation, checkout.saga.now);
    const effect: TaskEffect = pause
      ? { messages: [] }
      : await effectOf(tx, { task: next, operation, checkout });
    await announceFacts(tx, task.orderId, effect.messages);
    if (effect.endsOrder) this.endOrder(checkout);
    await saveCheckouts(tx, [checkout]);
    await saveTask(tx, next, task.fencingToken);
    return next;
  }

  /** Everything was refunded in parts, so the order ends as after a refund of the whole, without another call. */
  private endOrder(checkout: Checkout): void {
    checkout.update.apply(
      { type: 'turn-back', by: 'refund' },
      { code: 'refund_requested', why: 'everything was refunded in parts' },
    );
    if (advance(checkout, this.config.sagaLeaseMs))
      throw new Error('Bug: an order that was refunded in parts is to be refunded again.');
  }

  private reportStuck({ id, orderId, kind }: PaymentTask, why: string): void {
    sagaEvents.inc({ event: 'stuck' });
    this.logger.error(`${kind} ${id} of order ${publicId('ord', orderId)} is stuck: ${why}`);
  }
}

/** What the provider's last word makes of the task. */
function decided(task: PaymentTask, operation: PaymentOperation, now: Date): PaymentTask {
  if (operation.status !== 'declined') return ended(task, 'done', now);
  const why = operation.declineCode ?? 'declined';
  if (task.kind === 'capture')
    return ended(task, 'failed', now, { code: 'capture_declined', data: factsOf(operation), why });
  return blocked(task, { code: 'refund_declined', data: factsOf(operation), why });
}
