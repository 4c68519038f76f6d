import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database';
import { newId, publicId } from '../../ids';
import { WebhookSender, wasTaken } from '../endpoints/webhook-sender';
import { type Delivery, recordDeliveries } from './deliveries.repository';
import {
  type ReceivingEndpoint,
  lockEndpoint,
  receivingColumns,
  saveHealth,
} from './endpoint-claims.repository';
import { dueNow } from './waiting.repository';

export const testType = 'webhook.test';

/** Sends an event that is in no feed, once, whatever waits. */
@Injectable()
export class WebhookTests {
  constructor(
    private readonly db: Database,
    private readonly sender: WebhookSender,
  ) {}

  /** Undefined: there is no such endpoint. A test that was taken ends probe mode. */
  async send(endpointId: string): Promise<Delivery | undefined> {
    const [endpoint] = await this.db.rows<ReceivingEndpoint>(
      `SELECT ${receivingColumns} FROM webhook_endpoints e WHERE e.id = $1::uuid`,
      [endpointId],
    );
    if (!endpoint) return undefined;
    const eventId = newId();
    const event = {
      object: 'event',
      id: publicId('evt', eventId),
      type: testType,
      aggregateType: 'webhook_endpoint',
      aggregateId: publicId('whe', endpointId),
      sequence: 0,
      data: { object: null },
      createdAt: endpoint.now.toISOString(),
    };
    const tried = await this.sender.send({
      url: endpoint.url,
      eventId: event.id,
      body: JSON.stringify(event),
      secrets: this.sender.openSecrets(endpoint),
    });
    const status = wasTaken(tried) ? 'delivered' : 'given_up';
    await this.db.transaction('mark-deliveries', async (tx) => {
      const state = await lockEndpoint(tx, endpointId);
      if (!state) return;
      await recordDeliveries(tx, endpointId, [{ eventId, type: testType, status, attempts: 1, tried }]);
      if (status !== 'delivered') return;
      await saveHealth(tx, endpointId, {
        failures: 0,
        failingSince: null,
        probeAt: null,
        lastDeliveredAt: state.now,
        disabledReason: null,
      });
      if (state.failures > 0) await dueNow(tx, endpointId, state.now);
    });
    return {
      id: eventId,
      eventId,
      type: testType,
      status,
      attempts: 1,
      responseStatus: tried.status,
      error: tried.error,
      durationMs: tried.durationMs,
      nextAttemptAt: null,
      createdAt: endpoint.now,
    };
  }
}
