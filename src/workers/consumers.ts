import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../config';
import { CONFIG } from '../config.module';
import { Database } from '../database/database';
import { ReservationsService } from '../inventory/reservations.service';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';
import { receiveMessage } from '../outbox/outbox';
import { type JobData, type QueueName, Queues } from '../queue/queues';

/**
 * One consumer per queue. Each acknowledges its message in the transaction of its effect, so that a message comes
 * again until it was applied, and is applied once.
 */
@Injectable()
export class Consumers {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly queues: Queues,
    private readonly sagas: SagaRunner,
    private readonly reservations: ReservationsService,
  ) {}

  start(): void {
    const perProvider = this.config.paymentConcurrencyMax;
    this.queues.work('checkout', perProvider, (data) => this.driveSaga('checkout', data));
    this.queues.work('compensation', Math.ceil(perProvider / 4), (data) =>
      this.driveSaga('compensation', data),
    );
    // One pass ends everything that is due, so a second alarm beside it would find nothing.
    this.queues.work('expiry', 1, async () => void (await this.reservations.expireDue()));
    this.queues.work('events', 10, (data, name) => this.event(data, name));
  }

  private async driveSaga(queue: QueueName, { messageId, aggregateId }: JobData): Promise<void> {
    if (messageId && aggregateId) await this.sagas.drive(aggregateId, { consumer: queue, messageId });
  }

  private async event({ messageId, aggregateId }: JobData, name: string): Promise<void> {
    if (!messageId || !aggregateId) return;
    const orderId = await this.db.transaction(async (tx) => {
      if (!(await receiveMessage(tx, 'events', messageId))) return null;
      // A reservation that ended under a waiting order: its saga is due and should hear of it now, not at its next turn.
      if (name !== 'reservation.expired' && name !== 'reservation.released') return null;
      const [row] = await tx.rows<{ orderId: string | null }>(
        `SELECT order_id AS "orderId" FROM reservations WHERE id = $1::uuid`,
        [aggregateId],
      );
      return row?.orderId ?? null;
    });
    if (orderId) await this.sagas.drive(orderId);
  }
}
