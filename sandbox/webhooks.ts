import { createHmac } from 'node:crypto';
import { behaviourOf } from './faults/behaviours';
import { Delays } from './delays';
import type { Faults } from './faults/faults';
import type { Ledger } from './ledger/ledger';
import { eventsOf, type Entry, type IntentRecord } from './ledger/records';
import type { SandboxSettings } from './settings';
import type { Stats } from './stats';
import { renderEvent } from './stripe/objects';
import { Connections } from './wire';

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
  private readonly connections: Connections;
  /** What every delivery begins with. */
  private readonly head: string;
  /** Events to send, per intent. Ids only: the ledger has the rest. An intent without waiting events has no entry. */
  private readonly queues = new Map<string, { eventId: string; copies: number; dueAt: number }[]>();
  /** Deliveries that wait for a connection, in order. A request for each would need far more memory. */
  private readonly waiting: (() => void)[] = [];
  private sending = 0;
  private isClosed = false;
  private readonly heldBack = new Map<string, { eventIds: string[]; timer: NodeJS.Timeout }>();

  constructor(
    private readonly settings: SandboxSettings,
    private readonly ledger: Ledger,
    private readonly faults: Faults,
    private readonly stats: Stats,
  ) {
    const url = new URL(settings.webhookUrl);
    this.connections = new Connections(url, connectionsMax, timeoutMs);
    this.head =
      `POST ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n` +
      'content-type: application/json; charset=utf-8\r\nuser-agent: Stripe/1.0 (holdfast payment sandbox)\r\n';
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
    this.connections.close();
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
      if (this.sending >= connectionsMax)
        await new Promise<void>((resolve) => {
          this.waiting.push(resolve);
        });
      if (this.isClosed) return false;
      this.sending += 1;
      const isAccepted = await this.send(JSON.stringify(renderEvent(this.entryOf(eventId), eventId)));
      this.sending -= 1;
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
  private async send(body: string): Promise<boolean> {
    const signature = signatureOf(body, this.settings.webhookSecret, Math.floor(Date.now() / 1000));
    const length = Buffer.byteLength(body);
    const request = `${this.head}stripe-signature: ${signature}\r\ncontent-length: ${length}\r\n\r\n${body}`;
    const response = await this.connections.send(request).catch(() => undefined);
    return response !== undefined && response.status >= 200 && response.status < 300;
  }
}
