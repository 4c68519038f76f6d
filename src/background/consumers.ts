import { Injectable, Logger } from '@nestjs/common';
import { Database } from '../database/database';
import { HoldfastError } from '../errors';
import { failpoint } from '../failpoints';
import { newId } from '../ids';
import { ordersOfReservations } from '../inventory/reservations/reservations.repository';
import { ReservationsService } from '../inventory/reservations/reservations.service';
import { wakeSagas } from '../orders/checkout-saga/saga.repository';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';
import { PaymentTasks } from '../orders/fulfilment/payment-tasks';
import { parkMessage } from '../outbox/dead-letters.repository';
import { messageRoutes, receiveMessages } from '../outbox/outbox.repository';
import { type QueuedMessage, jobOf, messagesOf } from '../queue/message-jobs';
import { type QueueName, Queues, type StartedJob } from '../queue/queues';
import { DueSagas, dueJobName } from './due-sagas';

/**
 * A message whose handler was started this often without ending kills its workers or cannot be handled. Below BullMQ's
 * own limit, so that we park it before BullMQ drops it.
 */
// guard: message-starts-limit
const startsMax = 3;

/**
 * One consumer per queue. Messages are acknowledged in the transaction of their effect, so that each comes again until it
 * is applied, and is applied once.
 *
 * A job of several messages that did not end is split into jobs of one, so that a message that cannot be handled is found
 * and takes no other with it.
 */
@Injectable()
export class Consumers {
  private readonly logger = new Logger('consumers');

  constructor(
    private readonly db: Database,
    private readonly queues: Queues,
    private readonly sagas: SagaRunner,
    private readonly dueSagas: DueSagas,
    private readonly paymentTasks: PaymentTasks,
    private readonly reservations: ReservationsService,
  ) {}

  start(): void {
    // One job at a time: it ends when its sagas are claimed, and claims many.
    this.consume('checkout', 1, (messages) => this.takeSagas('checkout', messages));
    this.consume('compensation', 1, (messages) => {
      // A refund in part is asked for by the same message. What is due is in the database, so nothing waits for it here.
      void this.paymentTasks.sweep().catch(() => undefined);
      return this.takeSagas('compensation', messages);
    });
    // One pass expires everything that is due, so a concurrent alarm would find nothing.
    this.queues.work('expiry', 1, async () => void (await this.reservations.expireDue()));
    this.consume('events', 4, (messages) => this.applyEvents(messages));
  }

  private consume(
    queue: QueueName,
    concurrency: number,
    apply: (messages: QueuedMessage[]) => Promise<void>,
  ): void {
    this.queues.work(queue, concurrency, async (job) => {
      if (job.name === dueJobName) return this.helpSweep();
      const messages = messagesOf(job, (type) => type in messageRoutes);
      // Written by newer code; its workers apply it when the outbox sends it again.
      if (messages.length === 0) return;
      // guard: started-batches-are-split
      if (job.starts > 1 && messages.length > 1) return this.split(queue, messages);
      if (job.starts > startsMax)
        return this.park(messages[0]!, job, 'its handler was started and did not come back');
      await failpoint('consumer.started');
      try {
        await apply(messages);
      } catch (error) {
        const isRetryable = error instanceof HoldfastError && error.retryable;
        if (messages.length > 1 || job.starts < startsMax || isRetryable) throw error;
        await this.park(messages[0]!, job, String((error as Error)?.message ?? error));
      }
      await failpoint('consumer.done');
    });
  }

  private async split(queue: QueueName, messages: QueuedMessage[]): Promise<void> {
    await this.queues.add(messages.map((message) => jobOf(queue, [message])));
    await failpoint('consumer.split');
  }

  private async park({ messageId, type }: QueuedMessage, { starts }: StartedJob, reason: string) {
    const parked = await this.db.transaction('dead-letter', (tx) =>
      parkMessage(tx, { messageId, starts, reason }),
    );
    if (parked) this.logger.error(`message ${messageId} (${type}) is a dead letter: ${reason}`);
  }

  /**
   * Takes as many sagas as this worker has places and puts the rest back, for itself or another worker. Ends when the sagas
   * are claimed and there is a place again, so that a full worker fetches no jobs.
   */
  private async takeSagas(queue: QueueName, messages: QueuedMessage[]): Promise<void> {
    const { places } = this.sagas;
    const taken = messages.slice(0, places).map(({ aggregateId }) => aggregateId);
    const rest = messages.slice(places);
    const handedOn = rest.length > 0 ? this.queues.add([jobOf(queue, rest, `rest-${newId()}`)]) : undefined;
    await Promise.all([this.sagas.take(taken), handedOn]);
    await failpoint('consumer.taken');
    await this.sagas.untilPlace();
  }

  /** More sagas were due than the worker that looked had places for. */
  private async helpSweep(): Promise<void> {
    await (this.sagas.places > 0 ? this.dueSagas.sweep() : this.dueSagas.askForHelp());
    await this.sagas.untilPlace();
  }

  private async applyEvents(messages: QueuedMessage[]): Promise<void> {
    const woken = await this.db.transaction('apply-event', async (tx) => {
      const ids = messages.map(({ messageId }) => messageId);
      // guard: event-is-applied
      const received = await receiveMessages(tx, ids);
      // The reservation of a waiting order ended: wake its saga now. Older relays send other messages too.
      const ended = messages.filter(
        ({ messageId, type }) =>
          received.has(messageId) && messageRoutes[type as keyof typeof messageRoutes] === 'events',
      );
      const orders = await ordersOfReservations(
        tx,
        ended.map(({ aggregateId }) => aggregateId),
      );
      return wakeSagas(
        tx,
        orders.map(({ orderId }) => orderId),
        orders.at(-1)?.now ?? new Date(0),
      );
    });
    // Not awaited: a call that is slow for one order must not delay the others.
    for (const orderId of woken) void this.sagas.drive(orderId);
  }
}
