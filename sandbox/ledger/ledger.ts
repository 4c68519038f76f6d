import { behaviourOf } from '../faults/behaviours';
import { LedgerFile } from './ledger-file';
import type { Params } from '../stripe/params';
import type { StripeErrorBody } from '../stripe/errors';

export type IntentStatus = 'requires_payment_method' | 'requires_capture' | 'succeeded' | 'canceled';

/** A payment intent as the ledger keeps it; `stripe/objects.ts` renders it in Stripe's shape. */
export interface IntentRecord {
  readonly id: string;
  readonly chargeId: string;
  /** Fixed at creation: a later change of the metadata does not move money to another order. */
  readonly orderId: string;
  readonly createdAt: number;
  readonly amount: number;
  readonly currency: string;
  readonly captureMethod: 'automatic' | 'manual';
  readonly paymentMethod: string;
  readonly status: IntentStatus;
  readonly capturable: number;
  readonly received: number;
  readonly refunded: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly description?: string;
  readonly cancellation?: { readonly at: number; readonly reason: string | null };
  readonly lastError?: StripeErrorBody;
}

export interface RefundRecord {
  readonly id: string;
  readonly paymentIntent: string;
  readonly chargeId: string;
  readonly createdAt: number;
  readonly amount: number;
  readonly currency: string;
  readonly reason: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** `decline` moves nothing; it is recorded for audits. */
export interface Movement {
  readonly kind: 'authorize' | 'capture' | 'void' | 'refund' | 'decline';
  readonly amount: number;
}

/** The effects of one executed request: its movements, the state after it, its response and its event. */
export interface Outcome {
  readonly movements: readonly Movement[];
  readonly intent: IntentRecord;
  readonly refund?: RefundRecord;
  readonly status: 200 | 400 | 402;
  readonly error?: StripeErrorBody;
  readonly eventType?: EventType;
}

export type EventType =
  | 'payment_intent.amount_capturable_updated'
  | 'payment_intent.succeeded'
  | 'payment_intent.payment_failed'
  | 'payment_intent.canceled'
  | 'charge.refunded';

/** An executed request: its outcome, and the ids and idempotency key that belong to it. */
export interface Entry extends Outcome {
  readonly at: number;
  readonly requestId: string;
  readonly operationId: string | null;
  readonly key?: string;
  readonly fingerprint?: string;
  readonly eventId?: string;
}

/** A money request was received for this order, whatever its result. */
interface Attempt {
  readonly attempt: string;
  readonly currency: string;
}

/** One more request under a counter; see `Operation.countedAs`. */
interface Count {
  readonly counted: string;
}

/** A request that may move money, as received. */
export interface MoneyRequest {
  readonly path: string;
  readonly params: Params;
  readonly key?: string;
  readonly fingerprint: string;
  readonly requestId: string;
}

/** A request that will be executed at `dueAt`. The entry with the same request id ends it. */
export interface Begun {
  readonly begun: MoneyRequest;
  readonly dueAt: number;
}

/** An event that needs no further delivery: the receiver accepted it, or it was dropped. */
interface Settled {
  readonly settled: string;
  readonly isAccepted: boolean;
}

type Line = Entry | Attempt | Count | Begun | Settled;

/** The sums of one order, in minor units. */
export interface OrderRow {
  readonly orderId: string;
  currency: string;
  authorized: number;
  captured: number;
  refunded: number;
  voided: number;
  attempts: number;
}

interface OrderIndex {
  readonly row: OrderRow;
  readonly intentIds: string[];
  readonly offsets: number[];
}

/**
 * The state of the sandbox: the lines of the file, and indexes in memory.
 *
 * Every change is one line, written first and then applied; a restart applies the lines with the same code, so a
 * restarted sandbox remembers every response it gave. Saved responses and events stay on disk and are read by offset: a
 * long load test leaves hundreds of thousands, and few are ever read.
 */
export class Ledger {
  readonly intents = new Map<string, IntentRecord>();
  readonly refunds = new Map<string, RefundRecord>();
  readonly savedKeys = new Map<string, { fingerprint: string; at: number; offset: number }>();
  readonly events = new Map<string, number>();
  /** Requests that are not executed yet, by request id. */
  readonly begun = new Map<string, Begun>();
  /** Events that are not delivered yet, oldest first. */
  readonly undelivered = new Set<string>();
  private readonly orders = new Map<string, OrderIndex>();
  private readonly counts = new Map<string, number>();

  private constructor(private readonly file: LedgerFile) {}

  static open(dataDir: string): Ledger {
    const file = new LedgerFile(dataDir);
    const ledger = new Ledger(file);
    file.replay((line, offset) => ledger.apply(line as Line, offset));
    return ledger;
  }

  /** Call it once the sandbox listens; see `LedgerFile.takeOver`. */
  takeOver(): void {
    this.file.takeOver();
  }

  /** Records an executed request. It is in the file when this returns; respond only after that. */
  record(entry: Entry): void {
    this.write(entry);
  }

  recordAttempt(orderId: string, currency: string): void {
    this.write({ attempt: orderId, currency });
  }

  /** Increments a counter and returns it. */
  count(counted: string): number {
    this.write({ counted });
    return this.counts.get(counted)!;
  }

  /** Records that a request will be executed later, by this process or the next one. */
  begin(request: MoneyRequest, dueAt: number): void {
    this.write({ begun: request, dueAt });
  }

  settle(eventId: string, isAccepted: boolean): void {
    this.write({ settled: eventId, isAccepted });
  }

  read(offset: number): Entry {
    return this.file.read(offset) as Entry;
  }

  rows(): OrderRow[] {
    return Array.from(this.orders.values(), (order) => order.row);
  }

  /** Oldest first. */
  entriesOf(orderId: string): Entry[] {
    return (this.orders.get(orderId)?.offsets ?? []).map((offset) => this.read(offset));
  }

  intentsOf(orderId: string): IntentRecord[] {
    return (this.orders.get(orderId)?.intentIds ?? []).map((id) => this.intents.get(id)!);
  }

  close(): void {
    this.file.close();
  }

  private write(line: Line): void {
    this.apply(line, this.file.append(line));
  }

  private apply(line: Line, offset: number): void {
    if ('attempt' in line) this.orderOf(line.attempt, line.currency).row.attempts += 1;
    else if ('counted' in line) this.counts.set(line.counted, (this.counts.get(line.counted) ?? 0) + 1);
    else if ('begun' in line) this.begun.set(line.begun.requestId, line);
    else if ('settled' in line) this.undelivered.delete(line.settled);
    else this.applyEntry(line, offset);
  }

  private applyEntry(entry: Entry, offset: number): void {
    const { at, requestId, intent, refund, key, fingerprint, eventId } = entry;
    const order = this.orderOf(intent.orderId, intent.currency);
    order.offsets.push(offset);
    if (!this.intents.has(intent.id)) order.intentIds.push(intent.id);
    this.intents.set(intent.id, intent);
    if (refund) this.refunds.set(refund.id, refund);
    if (key !== undefined && fingerprint !== undefined) this.savedKeys.set(key, { fingerprint, at, offset });
    if (eventId !== undefined) {
      this.events.set(eventId, offset);
      if (behaviourOf(intent.paymentMethod)?.delivery.kind !== 'none') this.undelivered.add(eventId);
    }
    this.begun.delete(requestId);
    for (const movement of entry.movements) add(order.row, movement);
  }

  private orderOf(orderId: string, currency: string): OrderIndex {
    const known = this.orders.get(orderId);
    if (known) {
      // The first attempt may have been too malformed to name a currency.
      known.row.currency ||= currency.toUpperCase();
      return known;
    }
    const row = {
      orderId,
      currency: currency.toUpperCase(),
      authorized: 0,
      captured: 0,
      refunded: 0,
      voided: 0,
      attempts: 0,
    };
    const order: OrderIndex = { row, intentIds: [], offsets: [] };
    this.orders.set(orderId, order);
    return order;
  }
}

function add(row: OrderRow, { kind, amount }: Movement): void {
  switch (kind) {
    case 'authorize':
      row.authorized += amount;
      break;
    case 'capture':
      row.captured += amount;
      break;
    case 'refund':
      row.refunded += amount;
      break;
    case 'void':
      row.voided += amount;
      break;
    case 'decline':
      break;
  }
}
