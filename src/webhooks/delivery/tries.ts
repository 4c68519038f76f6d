import { Inject, Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { CONFIG, type Config } from '../../config/config';
import { failpoint } from '../../failpoints';
import type { ShopEvent } from '../../shop-events/event-objects';
import { type Tried, WebhookSender, wasTaken } from '../endpoints/webhook-sender';
import type { Health, ReceivingEndpoint } from './endpoint-claims.repository';

const triesTotal = new Counter({
  name: 'holdfast_webhook_tries_total',
  help: 'Tries to deliver an event to a webhook endpoint, by what came of them.',
  labelNames: ['outcome'],
});
const disabledTotal = new Counter({
  name: 'holdfast_webhook_endpoints_disabled_total',
  help: 'Webhook endpoints that were disabled because of what their receivers did.',
  labelNames: ['reason'],
});

export const isGone = ({ status }: Tried): boolean => status === 410;

/** One try at a time; what follows from it is decided by its caller. */
@Injectable()
export class Tries {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly sender: WebhookSender,
  ) {}

  async send(
    endpoint: ReceivingEndpoint,
    event: ShopEvent,
    headers?: Record<string, string>,
  ): Promise<Tried> {
    const tried = await this.sender.send({
      url: endpoint.url,
      eventId: event.id,
      body: JSON.stringify(event),
      secrets: this.sender.openSecrets(endpoint),
      headers,
    });
    await failpoint('delivery.sent');
    triesTotal.inc({ outcome: wasTaken(tried) ? 'taken' : 'failed' });
    return tried;
  }

  get rules() {
    const { webhookProbeSeconds: probeSeconds, webhookFailingSecondsMax: failingSecondsMax } = this.config;
    return { probeSeconds, failingSecondsMax };
  }

  /** Call it after the commit. */
  noteHealth({ disabledReason }: Health): void {
    if (disabledReason) disabledTotal.inc({ reason: disabledReason });
  }

  noteGivenUp(): void {
    triesTotal.inc({ outcome: 'given_up' });
  }
}
