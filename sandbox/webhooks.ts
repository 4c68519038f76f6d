import { createHmac } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { behaviourOf } from './faults/behaviours';
import { Delays } from './delays';
import type { Faults } from './faults/faults';
import type { Ledger } from './ledger/ledger';
import { eventsOf, type Entry, type IntentRecord } from './ledger/records';
import type { SandboxSettings } from './settings';
import type { Stats } from './stats';
import { renderEvent } from './stripe/objects';

/** With doubling waits from one second, the last of ten tries comes some eight minutes after the first. */
const attemptsMax = 10;
/** A receiver that only stores an event needs milliseconds; after this long it is down. */
const timeoutMs = 10_000;
/** Enough to keep up with a load test, too few to starve the API that receives them. */
const connectionsMax = 32;
/** Without a limit, a load test without a shop would fill the memory with events that nobody receives. */
const intentsWaitingMax = 20_000;

/** An authorization that is neither captured nor voided will cause another event, which a busy machine may delay. */
const openIntentFactor = 5;

/** `Stripe-Signature`: the time is signed too, so that a recorded delivery cannot be replayed later. */
export function signatureOf(body: string, secret: string, atSeconds: number): string {
  const digest = createHmac('sha256', secret).update(`${atSeconds}.${body}`).digest('hex');
  return `t=${atSeconds},v1=${digest}`;
}

/**
 * Delivers events to the shop: at least once, in order within an intent, and without delaying responses.
 *
 * An event is retried until a 2xx or until its attempts are used up; the intent's next event waits for it. When too many
 * intents wait, an event of a further intent is dropped, but can still be read. The ledger records which events were
 * accepted or dropped; after a restart the others are sent again.
 */
export class Webhooks {
  private readonly delays = new Delays();
  private readonly agent: HttpAgent;
  private readonly post: typeof httpRequest;
  /** Events to send, per intent. Ids only: the ledger has the rest. An intent without waiting events has no entry. */
  private readonly queues = new Map<string, { eventId: string; copies: number; dueAt: number }[]>();
  /** Deliveries that wait for a connection, in order. A request object for each would need far more memory. */
  private readonly waiting: (() => void)[] = [];
  private connections = 0;
  private isClosed = false;
  private readonly heldBack = new Map<string, { eventIds: string[]; timer: NodeJS.Timeout }>();

  constructor(
    private readonly settings: SandboxSettings,
    private readonly ledger: Ledger,
    private readonly faults: Faults,
    private readonly stats: Stats,
  ) {
    const isHttps = settings.webhookUrl.startsWith('https:');
    this.agent = new (isHttps ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: connectionsMax });
    this.post = isHttps ? httpsRequest : httpRequest;
  }

  /** Continues with the events that an earlier process did not deliver. */
  resume(): void {
    for (const eventId of [...this.ledger.undelivered])
      this.announceOne(eventId, this.entryOf(eventId).intent);
  }

  /** Sends the entry's events as its payment method demands, from the next turn of the event loop on. */
  announce(entry: Entry): void {
    for (const { id } of eventsOf(entry)) this.announceOne(id, entry.intent);
  }

  private announceOne(eventId: string, intent: IntentRecord): void {
    const delivery = behaviourOf(intent.paymentMethod)?.delivery;
    if (delivery === undefined || delivery.kind === 'none') return;
    if (delivery.kind === 'reversed') this.holdBack(intent, eventId);
    else this.enqueue(intent.id, eventId, delivery.copies);
  }

  close(): void {
    this.isClosed = true;
    this.delays.close();
    this.queues.clear();
    this.agent.destroy();
  }

  /** Collects events until the intent has been quiet for a while, then sends the last one first. */
  private holdBack({ id, status }: IntentRecord, eventId: string): void {
    const held = this.heldBack.get(id);
    if (held) this.delays.cancel(held.timer);
    const eventIds = [eventId, ...(held?.eventIds ?? [])];
    const quietMs = this.settings.reorderQuietMs * (status === 'requires_capture' ? openIntentFactor : 1);
    const timer = this.delays.run(quietMs, () => {
      this.heldBack.delete(id);
      for (const next of eventIds) this.enqueue(id, next, 1);
    });
    this.heldBack.set(id, { eventIds, timer });
  }

  private enqueue(intentId: string, eventId: string, copies: number): void {
    const next = { eventId, copies, dueAt: Date.now() + this.faults.current.webhookDelayMs };
    const queue = this.queues.get(intentId);
    if (queue) {
      queue.push(next);
      return;
    }
    if (this.queues.size >= intentsWaitingMax) {
      this.ledger.settle(eventId, false);
      return;
    }
    this.queues.set(intentId, [next]);
    setImmediate(() => void this.drain(intentId));
  }

  private async drain(intentId: string): Promise<void> {
    for (let next = this.queues.get(intentId)?.[0]; next; next = this.queues.get(intentId)?.[0]) {
      const { eventId, copies, dueAt } = next;
      if (dueAt > Date.now()) await this.delays.pass(dueAt - Date.now());
      const accepted = await Promise.all(Array.from({ length: copies }, () => this.deliver(eventId)));
      if (this.isClosed) return;
      this.ledger.settle(eventId, accepted.every(Boolean));
      this.queues.get(intentId)?.shift();
    }
    this.queues.delete(intentId);
  }

  /** Tries until the event is accepted or its attempts are used up. */
  private async deliver(eventId: string): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      if (this.connections >= connectionsMax)
        await new Promise<void>((resolve) => {
          this.waiting.push(resolve);
        });
      if (this.isClosed) return false;
      this.connections += 1;
      const isAccepted = await this.send(JSON.stringify(renderEvent(this.entryOf(eventId), eventId)));
      this.connections -= 1;
      this.stats.countWebhook(isAccepted);
      this.waiting.shift()?.();

      if (isAccepted || attempt === attemptsMax) return isAccepted;
      await this.delays.pass(this.settings.webhookRetryMs * 2 ** (attempt - 1));
    }
  }

  private entryOf(eventId: string): Entry {
    return this.ledger.read(this.ledger.events.get(eventId)!);
  }

  /** One try: true on a 2xx. Each try has a new signature, or a late retry would be refused as a replay. */
  private send(body: string): Promise<boolean> {
    const { webhookUrl, webhookSecret } = this.settings;
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Stripe/1.0 (holdfast payment sandbox)',
      'stripe-signature': signatureOf(body, webhookSecret, Math.floor(Date.now() / 1000)),
    };
    return new Promise((resolve) => {
      const request = this.post(
        webhookUrl,
        { method: 'POST', agent: this.agent, headers, timeout: timeoutMs },
        (response) => {
          const isAccepted =
            response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300;
          // The body is consumed so that the connection can be reused.
          response.resume().once('close', () => resolve(isAccepted));
        },
      );
      request.once('timeout', () => request.destroy());
      request.once('error', () => resolve(false));
      request.end(body);
    });
  }
}
