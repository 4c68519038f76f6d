import { behaviourOf } from '../faults/behaviours';
import { LedgerFile } from './ledger-file';
import {
  eventsOf,
  type Begun,
  type DisputeRecord,
  type Due,
  type Entry,
  type IntentRecord,
  type MoneyRequest,
  type Movement,
  type RefundRecord,
  type SavedError,
} from './records';

/** A money request was received for this order, whatever its result. */
interface Attempt {
  readonly attempt: string;
  readonly currency: string;
}

/** One more request under a counter; see `Operation.countedAs`. */
interface Count {
  readonly counted: string;
}

/** An event that needs no further delivery: the receiver accepted it, or it was dropped. */
interface Settled {
  readonly settled: string;
  readonly isAccepted: boolean;
}

/** Something will happen by itself. */
interface Scheduled {
  readonly scheduled: Due;
}

/** A change that no longer fits the state will not happen. */
interface Dropped {
  readonly dropped: string;
}

type Line = Entry | SavedError | Attempt | Count | Begun | Settled | Scheduled | Dropped;

/** The sums of one order, in minor units. */
export interface OrderRow {
  readonly orderId: string;
  /** The connected account of its newest payment; null: the key's own. */
  account: string | null;
  currency: string;
  authorized: number;
  captured: number;
  /** Returned or on its way to the buyer: pending refunds count, failed ones do not. */
  refunded: number;
  voided: number;
  /** Refunds that failed later: this money is still with the shop. */
  refundsFailed: number;
  /** The part of `refunded` that was done in the dashboard. */
  refundedByOperator: number;
  /** Taken away by disputes that are open or lost. */
  disputed: number;
  attempts: number;
}

interface OrderIndex {
  readonly row: OrderRow;
  readonly intentIds: string[];
  readonly offsets: number[];
}

/** A few megabytes; more wait only while the shop is slower than its payments. */
const latestMax = 1_000;

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
  /** The intent of each charge. */
  readonly charges = new Map<string, string>();
  readonly disputes = new Map<string, DisputeRecord>();
  private readonly savedKeys = new Map<string, { fingerprint: string; at: number; offset: number }>();
  readonly events = new Map<string, number>();
  /** Requests that are not executed yet, by request id. */
  readonly begun = new Map<string, Begun>();
  /** What will happen by itself, by id. */
  readonly due = new Map<string, Due>();
  /** Events that are not delivered yet, oldest first. */
  readonly undelivered = new Set<string>();
  private readonly orders = new Map<string, OrderIndex>();
  private readonly counts = new Map<string, number>();
  /** By their offsets: an entry is read again for its webhooks, usually at once. */
  private readonly latest = new Map<number, Entry>();

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

  /** It is in the file before the response, which `flush` comes before. */
  recordAttempt(orderId: string, currency: string): void {
    this.writeSoon({ attempt: orderId, currency });
  }

  /** Call it before a response is sent: it may depend on lines that wait. */
  flush(): void {
    this.file.flush();
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

  schedule(due: Due): void {
    this.write({ scheduled: due });
  }

  drop(dueId: string): void {
    this.write({ dropped: dueId });
  }

  /** Saves an error under a key although nothing was done. */
  saveError(error: SavedError): void {
    this.write(error);
  }

  /** A crash may forget it, and then the event is sent again: deliveries are at least once. */
  settle(eventId: string, isAccepted: boolean): void {
    this.writeSoon({ settled: eventId, isAccepted });
  }

  /** The entry that an event belongs to. */
  read(offset: number): Entry {
    return this.latest.get(offset) ?? (this.file.read(offset) as Entry);
  }

  /** `scoped`: by `scopedKey`. */
  savedUnder(scoped: string): { fingerprint: string; at: number; offset: number } | undefined {
    return this.savedKeys.get(scoped);
  }

  /** What was saved under a key. */
  readSaved(offset: number): Entry | SavedError {
    return this.file.read(offset) as Entry | SavedError;
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
    const offset = this.file.append(line);
    this.apply(line, offset);
    if ('movements' in line) this.keep(line, offset);
  }

  private writeSoon(line: Attempt | Settled): void {
    this.apply(line, this.file.appendSoon(line));
  }

  private keep(entry: Entry, offset: number): void {
    this.latest.set(offset, entry);
    if (this.latest.size <= latestMax) return;
    const [oldest] = this.latest.keys();
    this.latest.delete(oldest!);
  }

  private apply(line: Line, offset: number): void {
    if ('attempt' in line) this.orderOf(line.attempt, line.currency).row.attempts += 1;
    else if ('counted' in line) this.counts.set(line.counted, (this.counts.get(line.counted) ?? 0) + 1);
    else if ('begun' in line) this.begun.set(line.begun.requestId, line);
    else if ('settled' in line) this.undelivered.delete(line.settled);
    else if ('scheduled' in line) this.due.set(line.scheduled.id, line.scheduled);
    else if ('dropped' in line) this.due.delete(line.dropped);
    else if ('saved' in line) this.saveKey(line, offset, line.account);
    else this.applyEntry(line, offset);
  }

  private applyEntry(entry: Entry, offset: number): void {
    const { requestId, intent, refund, dispute } = entry;
    const order = this.orderOf(intent.orderId, intent.currency);
    order.offsets.push(offset);
    if (!this.intents.has(intent.id)) {
      order.intentIds.push(intent.id);
      order.row.account = intent.account ?? null;
    }
    this.intents.set(intent.id, intent);
    if (intent.chargeId !== null) this.charges.set(intent.chargeId, intent.id);
    if (refund) this.refunds.set(refund.id, refund);
    if (dispute) this.disputes.set(dispute.id, dispute);
    this.saveKey(entry, offset, intent.account);
    const isSent = behaviourOf(intent.paymentMethod)?.delivery.kind !== 'none';
    for (const { id } of eventsOf(entry)) {
      this.events.set(id, offset);
      if (isSent) this.undelivered.add(id);
    }
    if (requestId !== null) this.begun.delete(requestId);
    if (entry.ends !== undefined) this.due.delete(entry.ends);
    for (const due of entry.follows ?? []) this.due.set(due.id, due);
    for (const movement of entry.movements) add(order.row, movement);
  }

  private saveKey({ key, fingerprint, at }: Entry | SavedError, offset: number, account?: string): void {
    if (key !== undefined && fingerprint !== undefined)
      this.savedKeys.set(scopedKey(key, account), { fingerprint, at, offset });
  }

  private orderOf(orderId: string, currency: string): OrderIndex {
    const known = this.orders.get(orderId);
    if (known) {
      // The first attempt may have been too malformed to name a currency.
      known.row.currency ||= currency.toUpperCase();
      return known;
    }
    const row: OrderRow = {
      orderId,
      account: null,
      currency: currency.toUpperCase(),
      authorized: 0,
      captured: 0,
      refunded: 0,
      voided: 0,
      refundsFailed: 0,
      refundedByOperator: 0,
      disputed: 0,
      attempts: 0,
    };
    const order: OrderIndex = { row, intentIds: [], offsets: [] };
    this.orders.set(orderId, order);
    return order;
  }
}

/** Each account has its own keys. */
export const scopedKey = (key: string, account: string | undefined): string =>
  account === undefined ? key : `${account}\n${key}`;

function add(row: OrderRow, { kind, amount, byOperator }: Movement): void {
  switch (kind) {
    case 'authorize':
      row.authorized += amount;
      break;
    case 'capture':
      row.captured += amount;
      break;
    case 'refund':
      row.refunded += amount;
      if (byOperator) row.refundedByOperator += amount;
      break;
    case 'refund_failed':
      row.refunded -= amount;
      row.refundsFailed += amount;
      if (byOperator) row.refundedByOperator -= amount;
      break;
    case 'void':
      row.voided += amount;
      break;
    case 'dispute':
      row.disputed += amount;
      break;
    case 'dispute_won':
      row.disputed -= amount;
      break;
    case 'decline':
      break;
  }
}
