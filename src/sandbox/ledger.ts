import { LedgerFile } from './ledger-file';
import type { StripeErrorBody } from './stripe-errors';

export type IntentStatus = 'requires_payment_method' | 'requires_capture' | 'succeeded' | 'canceled';

/** A payment intent as the ledger keeps it; `stripe-objects.ts` makes Stripe's shape of it. */
export interface IntentRecord {
  readonly id: string;
  readonly chargeId: string;
  /** Fixed when the intent is made: a later change of metadata does not move money to another order. */
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

/** `decline` moves nothing; it is kept because an audit wants to see what was asked. */
export interface Movement {
  readonly kind: 'authorize' | 'capture' | 'void' | 'refund' | 'decline';
  readonly amount: number;
}

/** What one executed request did: its movements, the state after it, its answer, and the event it caused. */
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

/** One line of the ledger. Beside the outcome: who asked, and under which idempotency key it is saved. */
export interface Entry extends Outcome {
  readonly at: number;
  readonly requestId: string;
  readonly operationId: string | null;
  readonly key?: string;
  readonly fingerprint?: string;
  readonly eventId?: string;
}

/** The other kind of line: a money-moving request was received for this order, whatever came of it. */
interface Attempt {
  readonly attempt: string;
  readonly currency: string;
}

/** What the ledger says about one order, in minor units. */
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
 * The sandbox's memory: what was written, and indexes into it.
 *
 * Every change is one line, written first and applied second, and applied by the same code at a restart;
 * so what was answered is what a restarted sandbox remembers. Saved answers and events stay on disk and
 * are read back by offset: a long load test leaves hundreds of thousands, and few are ever asked for.
 */
export class Ledger {
  readonly intents = new Map<string, IntentRecord>();
  readonly refunds = new Map<string, RefundRecord>();
  readonly savedKeys = new Map<string, { fingerprint: string; offset: number }>();
  readonly events = new Map<string, number>();
  private readonly orders = new Map<string, OrderIndex>();

  private constructor(private readonly file: LedgerFile) {}

  static open(dataDir: string): Ledger {
    const file = new LedgerFile(dataDir);
    const ledger = new Ledger(file);
    file.replay((line, offset) => ledger.apply(line as Entry | Attempt, offset));
    return ledger;
  }

  /** To be called once the sandbox listens; see `LedgerFile.takeOver`. */
  takeOver(): void {
    this.file.takeOver();
  }

  /** Records an executed request; it is on disk when this returns, and only then may it be answered. */
  record(entry: Entry): number {
    const offset = this.file.append(entry);
    this.apply(entry, offset);
    return offset;
  }

  recordAttempt(orderId: string, currency: string): void {
    const attempt: Attempt = { attempt: orderId, currency };
    this.apply(attempt, this.file.append(attempt));
  }

  read(offset: number): Entry {
    return this.file.read(offset) as Entry;
  }

  rows(): OrderRow[] {
    return Array.from(this.orders.values(), (order) => order.row);
  }

  /** The order's entries, the first first. */
  entriesOf(orderId: string): Entry[] {
    return (this.orders.get(orderId)?.offsets ?? []).map((offset) => this.read(offset));
  }

  intentsOf(orderId: string): IntentRecord[] {
    return (this.orders.get(orderId)?.intentIds ?? []).map((id) => this.intents.get(id)!);
  }

  close(): void {
    this.file.close();
  }

  private apply(line: Entry | Attempt, offset: number): void {
    if ('attempt' in line) {
      this.orderOf(line.attempt, line.currency).row.attempts += 1;
      return;
    }
    const { intent, refund, key, fingerprint, eventId } = line;
    const order = this.orderOf(intent.orderId, intent.currency);
    order.offsets.push(offset);
    if (!this.intents.has(intent.id)) order.intentIds.push(intent.id);
    this.intents.set(intent.id, intent);
    if (refund) this.refunds.set(refund.id, refund);
    if (key !== undefined && fingerprint !== undefined) this.savedKeys.set(key, { fingerprint, offset });
    if (eventId !== undefined) this.events.set(eventId, offset);
    for (const movement of line.movements) add(order.row, movement);
  }

  private orderOf(orderId: string, currency: string): OrderIndex {
    const known = this.orders.get(orderId);
    if (known) {
      // A first attempt may have been too malformed to say in which currency.
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
