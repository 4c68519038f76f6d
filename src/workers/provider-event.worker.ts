import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../database/database';
import { wakeSaga } from '../orders/checkout-saga/saga.repository';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';
import { receiveMessage } from '../outbox/outbox';
import { markProcessed, unprocessedEvents } from '../payment/provider-events';

/**
 * What a webhook leads to: the saga it names is made due now, and asks the provider itself. The event's own words are
 * never acted on, so its order, its repetition and its absence change nothing but the time.
 */
@Injectable()
export class ProviderEventWorker {
  constructor(
    private readonly db: Database,
    private readonly sagas: SagaRunner,
  ) {}

  /** By its doorbell. */
  async receive(messageId: string): Promise<void> {
    const orderId = await this.db.transaction(async (tx) => {
      if (!(await receiveMessage(tx, 'events', messageId))) return null;
      const [message] = await tx.rows<{ providerEventId: string }>(
        `SELECT payload ->> 'providerEventId' AS "providerEventId" FROM outbox WHERE id = $1::uuid`,
        [messageId],
      );
      const [event] = message ? await unprocessedEvents(tx, 1, message.providerEventId) : [];
      return event ? this.process(tx, event) : null;
    });
    if (orderId) await this.sagas.drive(orderId);
  }

  /** Without one: events whose doorbell was lost, oldest first. */
  async sweep(limit: number): Promise<void> {
    for (const event of await unprocessedEvents(this.db, limit)) {
      const orderId = await this.db.transaction((tx) => this.process(tx, event));
      if (orderId) await this.sagas.drive(orderId);
    }
  }

  /** Returns the order whose saga was waiting for this news. */
  private async process(tx: Tx, event: { id: string; orderId: string | null }): Promise<string | null> {
    const [{ now } = { now: new Date() }] = await tx.rows<{ now: Date }>(`SELECT clock_timestamp() AS now`);
    const [order] = event.orderId
      ? await tx.rows<{ status: string }>(`SELECT status FROM orders WHERE id = $1::uuid`, [event.orderId])
      : [];
    const woken = order ? await wakeSaga(tx, event.orderId!, now) : false;
    await markProcessed(
      tx,
      event.id,
      !order ? 'orphan' : woken ? 'saga woken' : 'nothing waited for it',
      now,
    );
    return woken ? event.orderId : null;
  }
}
