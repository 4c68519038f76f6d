import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import type { ShopEvent } from '../../src/shop-events/event-objects';

export interface Received {
  path: string;
  headers: IncomingMessage['headers'];
  event: ShopEvent;
  /** The secrets with which its signature holds. */
  verifiedBy: string[];
}

/** A shop's receiver of webhooks, which does with each what `answer` says: 200 unless it is set. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  secrets: string[] = [];
  answer: (received: Received, response: ServerResponse) => void = (_, response) => response.end();

  private constructor(private readonly server: Server) {}

  static async open(): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.on('request', (request, response) => void receiver.take(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks`;
  }

  /** First arrivals of each aggregate, in the order in which they came. */
  firstArrivals(): Map<string, number[]> {
    const arrivals = new Map<string, number[]>();
    for (const { event } of this.received) {
      const own = arrivals.get(event.aggregateId) ?? [];
      if (!own.includes(event.sequence)) arrivals.set(event.aggregateId, [...own, event.sequence]);
    }
    return arrivals;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const headers = request.headers as Record<string, string>;
    const verifiedBy = this.secrets.filter((secret) => holds(secret, body, headers));
    const received = { path: request.url!, headers, event: JSON.parse(body) as ShopEvent, verifiedBy };
    this.received.push(received);
    this.answer(received, response);
  }
}

function holds(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}
