import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../database/database';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';
import { wakeSagas } from '../orders/checkout-saga/saga.repository';
import { lockUnprocessedEvents, markProcessed } from '../payment/webhooks/provider-events.repository';

/** A burst of webhooks takes several transactions. */
const batchSizeMax = 200;

/**
 * Makes the sagas that webhooks name due now; they ask the provider themselves. The content of an event is never acted on,
 * so late, repeated or missing events change only when something happens.
 */
@Injectable()
export class ProviderEventWorker {
  constructor(
    private readonly db: Database,
    private readonly sagas: SagaRunner,
  ) {}

  async sweep(): Promise<void> {
    for (;;) {
      const { processed, woken } = await this.db.transaction('provider-events', (tx) =>
        this.processBatch(tx),
      );
      // Not awaited: a call that is slow for one order must not delay the others.
      for (const orderId of woken) void this.sagas.drive(orderId);
      if (processed < batchSizeMax) return;
    }
  }

  private async processBatch(tx: Tx): Promise<{ processed: number; woken: string[] }> {
    const events = await lockUnprocessedEvents(tx, batchSizeMax);
    if (events.length === 0) return { processed: 0, woken: [] };
    const { now } = events[events.length - 1]!;
    const named = [...new Set(events.flatMap(({ orderId }) => (orderId === null ? [] : [orderId])))].sort();
    const orders = await tx.rows<{ id: string }>(`SELECT id FROM orders WHERE id = ANY ($1::uuid[])`, [
      named,
    ]);
    const known = new Set(orders.map(({ id }) => id));
    const woken = new Set(await wakeSagas(tx, [...known].sort(), now));
    const verdicts = events.map(({ id, orderId }) => {
      if (orderId === null || !known.has(orderId)) {
        // guard: orphan-webhooks-are-settled
        return { id, verdict: 'orphan' };
      }
      return { id, verdict: woken.has(orderId) ? 'saga woken' : 'nothing waited for it' };
    });
    await markProcessed(tx, verdicts, now);
    return { processed: events.length, woken: [...woken] };
  }
}
