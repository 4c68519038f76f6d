import type { Queryable, Tx } from '../database/database';
import { newId, publicId } from '../ids';

/**
 * A call to the payment provider and its result. The row is committed before the call is made.
 *
 * created → sent                            the call is about to be made
 * sent    → created                         it was held back in this process
 * sent    → approved | declined             the result is known; both are final
 * sent    → unknown → approved | declined   no clear result; asked again under the same key
 */
export const operationKinds = ['authorize', 'capture', 'void', 'refund'] as const;
export type OperationKind = (typeof operationKinds)[number];
export type OperationStatus = 'created' | 'sent' | 'approved' | 'declined' | 'unknown';

export interface PaymentOperation {
  id: string;
  orderId: string;
  kind: OperationKind;
  /** Counts the order's operations of this kind, from 1. Null: named by its row, see `namesOf`. */
  number: number | null;
  /** The provider's idempotency key. Null: the row's id is the key. */
  providerKey: string | null;
  status: OperationStatus;
  /** How often it was sent. */
  attempt: number;
  amount: number;
  currency: string;
  providerReference: string | null;
  declineCode: string | null;
  detail: string | null;
  createdAt: Date;
  sentAt: Date | null;
  settledAt: Date | null;
}

/**
 * How a saga's operations are named at the provider. It depends on the saga's code version, because a repeat needs the same
 * key and, since Stripe compares them, the same parameters.
 *
 * row      by the row's id, which is random. Builds before code version 2 used it; their sagas keep it
 * purpose  by order, kind and number. A restored database that lost the row derives the same key, and so gets the result
 *          that the provider gave before
 */
export type OperationNaming = 'row' | 'purpose';

/** An operation's idempotency key and metadata. They must not depend on time, build or settings. */
export interface OperationNames {
  key: string;
  /** Kept by the provider; finds the operation when it has forgotten the key. */
  metadata: { orderId: string } & Record<string, string>;
}

export function namesOf(operation: PaymentOperation): OperationNames {
  const orderId = publicId('ord', operation.orderId);
  if (operation.providerKey === null) {
    const operationId = publicId('pay', operation.id);
    return { key: operationId, metadata: { orderId, operationId } };
  }
  const { providerKey: key, kind, number } = operation;
  // guard: provider-metadata-from-purpose
  return { key, metadata: { orderId, kind, number: String(number) } };
}

export const purposeKey = (orderId: string, kind: OperationKind, number: number): string =>
  // guard: provider-key-from-purpose
  `${publicId('ord', orderId)}:${kind}:${number}`;

/** For SELECTs that read whole operations. */
export const operationColumns = `
  id, order_id AS "orderId", kind, number, provider_key AS "providerKey", status, attempt, amount, currency,
  provider_reference AS "providerReference", decline_code AS "declineCode", detail, created_at AS "createdAt", sent_at AS "sentAt", settled_at AS "settledAt"`;

export function operationsOf(queryable: Queryable, orderId: string): Promise<PaymentOperation[]> {
  return queryable.rows<PaymentOperation>(
    `SELECT ${operationColumns} FROM payment_operations WHERE order_id = $1::uuid ORDER BY id`,
    [orderId],
  );
}

export type PaymentStatus =
  'none' | 'authorizing' | 'authorized' | 'captured' | 'declined' | 'unknown' | 'voided' | 'refunded';

/** All operations of an order in one word: the last known state, or `unknown`. */
export function paymentStatusOf(operations: Pick<PaymentOperation, 'kind' | 'status'>[]): PaymentStatus {
  const is = (kind: OperationKind, status: OperationStatus) =>
    operations.some((operation) => operation.kind === kind && operation.status === status);
  if (operations.some((operation) => operation.status === 'unknown')) return 'unknown';
  if (is('refund', 'approved')) return 'refunded';
  if (is('void', 'approved')) return 'voided';
  if (is('capture', 'approved')) return 'captured';
  if (is('authorize', 'declined')) return 'declined';
  if (is('authorize', 'approved')) return 'authorized';
  return is('authorize', 'sent') ? 'authorizing' : 'none';
}

export interface OperationResult {
  status: 'approved' | 'declined' | 'unknown';
  providerReference?: string;
  declineCode?: string;
  detail?: string;
}

/**
 * The payments of one order, moved by its saga: in memory, under the saga's lock, written by `savePayments` with those of
 * many others.
 */
export class OrderPayments {
  private readonly byId: Map<string, PaymentOperation>;
  private readonly changed = new Set<string>();

  constructor(
    private readonly order: { orderId: string; amount: number; currency: string; naming: OperationNaming },
    operations: PaymentOperation[],
    private readonly now: Date,
  ) {
    this.byId = new Map(operations.map((operation) => [operation.id, operation]));
  }

  /** The order's newest operation of this kind. */
  find(kind: OperationKind): PaymentOperation | undefined {
    return [...this.byId.values()].filter((operation) => operation.kind === kind).at(-1);
  }

  /** Creates it if there is none. */
  findOrCreate(kind: OperationKind): PaymentOperation {
    return this.find(kind) ?? this.create(kind);
  }

  private create(kind: OperationKind): PaymentOperation {
    const { naming, orderId, amount, currency } = this.order;
    const number = 1 + this.all.filter((operation) => operation.kind === kind).length;
    const names =
      naming === 'row'
        ? { number: null, providerKey: null }
        : { number, providerKey: purposeKey(orderId, kind, number) };
    return this.put({
      id: newId(),
      orderId,
      kind,
      ...names,
      status: 'created',
      attempt: 0,
      amount,
      currency,
      providerReference: null,
      declineCode: null,
      detail: null,
      createdAt: this.now,
      sentAt: null,
      settledAt: null,
    });
  }

  has({ id }: PaymentOperation): boolean {
    return this.byId.has(id);
  }

  /** The call is about to be made: from now on it may have been. */
  markSent(operation: PaymentOperation): void {
    if (isSettled(operation.status))
      throw new Error(`Bug: operation ${operation.id} is settled and must not be sent again.`);
    const status = operation.status === 'created' ? 'sent' : operation.status;
    this.put({ ...operation, status, attempt: operation.attempt + 1, sentAt: this.now });
  }

  /** The call was held back in this process: the operation is as it was before `markSent`. */
  markNotSent(before: PaymentOperation): void {
    const now = this.byId.get(before.id)!;
    if (isSettled(now.status)) return;
    this.put({ ...now, status: before.status, attempt: now.attempt - 1, sentAt: before.sentAt });
  }

  /** A settled operation keeps its result. */
  record(operationId: string, result: OperationResult): void {
    const operation = this.byId.get(operationId);
    if (!operation || isSettled(operation.status)) return;
    this.put({
      ...operation,
      status: result.status,
      providerReference: result.providerReference ?? operation.providerReference,
      declineCode: result.declineCode ?? null,
      detail: result.detail?.slice(0, 500) ?? null,
      settledAt: result.status === 'unknown' ? null : this.now,
    });
  }

  /** What `savePayments` writes. */
  changes(): PaymentOperation[] {
    return [...this.changed].map((id) => this.byId.get(id)!);
  }

  get all(): PaymentOperation[] {
    return [...this.byId.values()];
  }

  private put(operation: PaymentOperation): PaymentOperation {
    this.byId.set(operation.id, operation);
    this.changed.add(operation.id);
    return operation;
  }
}

const isSettled = (status: OperationStatus) => status === 'approved' || status === 'declined';

/** All operations of these orders, oldest first. */
export async function paymentsOf(tx: Tx, orderIds: string[]): Promise<Map<string, PaymentOperation[]>> {
  const rows = await tx.rows<PaymentOperation>(
    `SELECT ${operationColumns} FROM payment_operations WHERE order_id = ANY ($1::uuid[]) ORDER BY id`,
    [orderIds],
  );
  const byOrder = new Map<string, PaymentOperation[]>();
  for (const row of rows) byOrder.set(row.orderId, [...(byOrder.get(row.orderId) ?? []), row]);
  return byOrder;
}

/** Writes what changed. The row of a settled operation is never written again. */
export async function savePayments(tx: Tx, payments: OrderPayments[]): Promise<void> {
  const changes = payments.flatMap((one) => one.changes());
  if (changes.length === 0) return;
  const written = await tx.affected(
    `
    INSERT INTO payment_operations AS p (id, order_id, kind, number, provider_key, status, attempt, amount, currency,
                                         provider_reference, decline_code, detail, created_at, sent_at, settled_at)
    SELECT id, order_id, kind, number, provider_key, status, attempt, amount, currency, provider_reference,
           decline_code, detail, created_at, sent_at, settled_at
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::int[], $8::bigint[],
                  $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[],
                  $15::timestamptz[])
             AS n (id, order_id, kind, number, provider_key, status, attempt, amount, currency, provider_reference,
                   decline_code, detail, created_at, sent_at, settled_at)
        ON CONFLICT (id) DO UPDATE
       SET status = excluded.status,
           attempt = excluded.attempt,
           provider_reference = excluded.provider_reference,
           decline_code = excluded.decline_code,
           detail = excluded.detail,
           sent_at = excluded.sent_at,
           settled_at = excluded.settled_at
     WHERE p.status NOT IN ('approved', 'declined')
    `,
    [
      changes.map((operation) => operation.id),
      changes.map((operation) => operation.orderId),
      changes.map((operation) => operation.kind),
      changes.map((operation) => operation.number),
      changes.map((operation) => operation.providerKey),
      changes.map((operation) => operation.status),
      changes.map((operation) => operation.attempt),
      changes.map((operation) => operation.amount),
      changes.map((operation) => operation.currency),
      changes.map((operation) => operation.providerReference),
      changes.map((operation) => operation.declineCode),
      changes.map((operation) => operation.detail),
      changes.map((operation) => operation.createdAt),
      changes.map((operation) => operation.sentAt),
      changes.map((operation) => operation.settledAt),
    ],
  );
  if (written !== changes.length) throw new Error('Bug: a settled payment operation was to be changed.');
}
