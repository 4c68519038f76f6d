import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { HoldfastError } from '../errors';
import { failpoint } from '../failpoints';
import { findReservation } from '../inventory/reservations/reservations.repository';
import { ReservationsService } from '../inventory/reservations/reservations.service';
import { wakeSagas } from '../orders/checkout-saga/saga.repository';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';
import { parkMessage } from '../outbox/dead-letters.repository';
import { messageRoutes, receiveMessage } from '../outbox/outbox.repository';
import { type JobHandler, type QueueName, Queues, type StartedJob } from '../queue/queues';

/**
 * A message whose handler was started this often without ending kills its workers or cannot be handled. Below BullMQ's
 * own limit, so that we park it before BullMQ drops it.
 */
// guard: message-starts-limit
const startsMax = 3;

/**
 * One consumer per queue. Each acknowledges its message in the transaction of its effect, so that a message comes again
 * until it is applied, and is applied once.
 */
@Injectable()
export class Consumers {
  private readonly logger = new Logger('consumers');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly queues: Queues,
    private readonly sagas: SagaRunner,
    private readonly reservations: ReservationsService,
  ) {}

  start(): void {
    const perProvider = this.config.paymentConcurrencyMax;
    this.consume('checkout', perProvider, (job) => this.driveSaga('checkout', job));
    this.consume('compensation', Math.ceil(perProvider / 4), (job) => this.driveSaga('compensation', job));
    // One pass expires everything that is due, so a concurrent alarm would find nothing.
    this.queues.work('expiry', 1, async () => void (await this.reservations.expireDue()));
    this.consume('events', 10, (job) => this.applyEvent(job));
  }

  private consume(queue: QueueName, concurrency: number, apply: JobHandler): void {
    this.queues.work(queue, concurrency, async (job) => {
      // Written by newer code; its workers apply it when the outbox sends it again.
      if (!(job.name in messageRoutes)) return;
      if (job.starts > startsMax) return this.park(job, 'its handler was started and did not come back');
      await failpoint('consumer.started');
      try {
        await apply(job);
      } catch (error) {
        const isLastTry = job.starts === startsMax && !(error instanceof HoldfastError && error.retryable);
        if (!isLastTry) throw error;
        await this.park(job, String((error as Error)?.message ?? error));
      }
      await failpoint('consumer.done');
    });
  }

  private async park(job: StartedJob, reason: string): Promise<void> {
    const parked = await this.db.transaction('dead-letter', (tx) => parkMessage(tx, { ...job, reason }));
    if (parked) this.logger.error(`message ${job.data.messageId} (${job.name}) is a dead letter: ${reason}`);
  }

  private async driveSaga(queue: QueueName, { data: { messageId, aggregateId } }: StartedJob): Promise<void> {
    if (messageId && aggregateId) await this.sagas.drive(aggregateId, { consumer: queue, messageId });
  }

  private async applyEvent({ name, data: { messageId, aggregateId } }: StartedJob): Promise<void> {
    if (!messageId || !aggregateId) return;
    // guard: event-is-applied
    const orderId = await this.db.transaction('apply-event', async (tx) => {
      if (!(await receiveMessage(tx, 'events', messageId))) return null;
      // The reservation of a waiting order ended: wake its saga now.
      if (name !== 'reservation.expired' && name !== 'reservation.released') return null;
      const reservation = await findReservation(tx, aggregateId);
      if (!reservation?.orderId) return null;
      await wakeSagas(tx, [reservation.orderId], reservation.now);
      return reservation.orderId;
    });
    if (orderId) await this.sagas.drive(orderId);
  }
}
