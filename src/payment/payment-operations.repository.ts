import { type Queryable, type Tx, columnsOf } from '../database/database';
import { newId } from '../ids';
import { type OperationNaming, purposeKey, requestKey } from './operation-names';
import { requestChecks } from './payment-checks.repository';
import type { PaymentOptions } from './payment-options';

/**
 * A call to the payment provider and its result. The row is committed before the call is made.
 *
 * created → sent                            the call is about to be made
 * sent    → created                         it was held back in this process, or refused before anything happened
 * sent    → approved | declined             the result is known; both are final for the saga
 * sent    → unknown → approved | declined   no clear result; looked up, or asked again under the same key
 * sent, unknown → pending → approved | declined   the provider has it and has not decided
 * sent, unknown → failed                    nothing was done under this key; the next number follows
 * refund: pending, approved → failed        it did not reach the customer, perhaps weeks later
 */
export const operationKinds = ['authorize', 'charge', 'capture', 'void', 'refund'] as const;
export type OperationKind = (typeof operationKinds)[number];

/** It makes the payment at the provider, which all others name: a charge authorizes and captures at once. The same in SQL. */
export const isAuthorization = ({ kind }: { kind: string }) => kind === 'authorize' || kind === 'charge';
export const authorizationKinds = `('authorize', 'charge')`;

export type OperationStatus = 'created' | 'sent' | 'approved' | 'declined' | 'unknown' | 'pending' | 'failed';

export interface PaymentOperation {
  id: string;
  orderId: string;
  kind: OperationKind;
  /** Of a refund in part: what it is called at the provider, beside its number. Null: a saga's own operation. */
  request: string | null;
  /** The payment task that asked for it. */
  taskId: string | null;
  /** Counts the order's operations of this kind (of a refund in part, of its request), from 1. Null: named by its row, see `namesOf`. */
  number: number | null;
  /** The provider's idempotency key. Null: the row's id is the key. */
  providerKey: string | null;
  status: OperationStatus;
  /** How often the provider was asked about it. */
  attempt: number;
  amount: number;
  currency: string;
  providerReference: string | null;
  declineCode: string | null;
  detail: string | null;
  /** Code of the last unclear result. */
  doubt: string | null;
  /** Searches that found nothing since it was last sent, or looks while it is pending. */
  looks: number;
  /** Who decides a pending one. */
  waitsFor: 'buyer' | 'provider' | null;
  /** The provider's reason why a refund failed. Null in an operation that was replaced by the next number. */
  failureReason: string | null;
  /** Which of the order's cards it is for, from 1. */
  paymentAttempt: number;
  /** Until when the buyer can authenticate; set when that was first asked for. */
  actionExpiresAt: Date | null;
  /** Another card may cure its decline. */
  mayTryAnotherCard: boolean;
  /** The connected account that it is sent to, whatever the key of the shop says later. Null: our own. */
  stripeAccount: string | null;
  /** What the bank authorized of the amount. Not stored: the step that follows at once writes it into the history. */
  reported?: { amount: number; currency: string };
  createdAt: Date;
  sentAt: Date | null;
  settledAt: Date | null;
}

/** For SELECTs that read whole operations. */
export const operationColumns = `
  id, order_id AS "orderId", kind, number, request, task_id AS "taskId", provider_key AS "providerKey", status, attempt, amount, currency,
  provider_reference AS "providerReference", decline_code AS "declineCode", detail, doubt, looks,
  waits_for AS "waitsFor", failure_reason AS "failureReason", payment_attempt AS "paymentAttempt",
  action_expires_at AS "actionExpiresAt", may_try_another_card AS "mayTryAnotherCard", stripe_account AS "stripeAccount",
  created_at AS "createdAt", sent_at AS "sentAt", settled_at AS "settledAt"`;

export function operationsOf(queryable: Queryable, orderId: string): Promise<PaymentOperation[]> {
  return queryable.rows<PaymentOperation>(
    `SELECT ${operationColumns} FROM payment_operations WHERE order_id = $1::uuid ORDER BY id`,
    [orderId],
  );
}

export interface OperationResult {
  status: 'approved' | 'declined' | 'unknown' | 'pending' | 'failed';
  providerReference?: string;
  declineCode?: string;
  detail?: string;
  doubt?: string;
  looks?: number;
  waitsFor?: 'buyer' | 'provider';
  failureReason?: string;
  actionExpiresAt?: Date | null;
  mayTryAnotherCard?: boolean;
  reported?: PaymentOperation['reported'];
}

type PaidTask = Pick<PaymentOperation, 'id' | 'kind' | 'amount' | 'request'>;

/** What the operations of an order are made from. */
interface PaidOrder {
  orderId: string;
  amount: number;
  currency: string;
  naming: OperationNaming;
  /** The one under way. */
  paymentAttempt: number;
  /** Its options and account. */
  payment: PaymentOptions | null;
}

/**
 * The payments of one order, moved by its saga: in memory, under the saga's lock, written by `savePayments` with those of
 * many others.
 */
export class OrderPayments {
  private readonly byId: Map<string, PaymentOperation>;
  private readonly changed = new Set<string>();

  constructor(
    private readonly order: PaidOrder,
    operations: PaymentOperation[],
    private readonly now: Date,
  ) {
    this.byId = new Map(operations.map((operation) => [operation.id, operation]));
  }

  get naming(): OperationNaming {
    return this.order.naming;
  }

  /** The newest operation of this kind, of the present payment attempt. Refunds in part are their tasks' business. */
  find(kind: OperationKind): PaymentOperation | undefined {
    return this.present.findLast((operation) => operation.kind === kind && operation.request === null);
  }

  get(operationId: string): PaymentOperation | undefined {
    return this.byId.get(operationId);
  }

  /** The newest that a payment task asked for. */
  ofTask(taskId: string): PaymentOperation | undefined {
    return this.all.findLast((operation) => operation.taskId === taskId);
  }

  /** Asked for, under way or done; one that failed is not. In minor units. */
  get refundedInParts(): number {
    return this.all
      .filter(({ request, status }) => request !== null && status !== 'failed' && status !== 'declined')
      .reduce((sum, { amount }) => sum + amount, 0);
  }

  /** What makes the payment of the present attempt: the newest authorization or charge. */
  get authorization(): PaymentOperation | undefined {
    return this.present.findLast(isAuthorization);
  }

  private get present(): PaymentOperation[] {
    return this.all.filter(({ paymentAttempt }) => paymentAttempt === this.order.paymentAttempt);
  }

  /** Creates it if there is none, or if nothing came of the last one. */
  findOrCreate(kind: OperationKind, amount?: number): PaymentOperation {
    const newest = this.find(kind);
    return newest && newest.status !== 'failed' ? newest : this.create(kind, amount);
  }

  /** The next number of this kind, under a new key. The one before must have failed. */
  create(kind: OperationKind, amount = this.order.amount): PaymentOperation {
    const { naming, orderId, currency, paymentAttempt } = this.order;
    const own = this.all.filter((operation) => operation.kind === kind && operation.request === null);
    const number = own.length + 1;
    const names =
      naming === 'row'
        ? { number: null, providerKey: null }
        : { number, providerKey: purposeKey(orderId, kind, number) };
    return this.put({
      id: newId(),
      orderId,
      kind,
      request: null,
      taskId: null,
      ...names,
      status: 'created',
      attempt: 0,
      amount,
      currency,
      providerReference: null,
      declineCode: null,
      detail: null,
      doubt: null,
      looks: 0,
      waitsFor: null,
      failureReason: null,
      paymentAttempt,
      actionExpiresAt: null,
      mayTryAnotherCard: false,
      stripeAccount: this.accountFor(kind),
      createdAt: this.now,
      sentAt: null,
      settledAt: null,
    });
  }

  /** The next of a payment task, under a new key. A refund in part is named by its request. */
  createForTask({ id: taskId, kind, amount, request }: PaidTask): PaymentOperation {
    const operation = this.create(kind, amount);
    if (request === null) return this.put({ ...operation, taskId });
    const number = 1 + this.all.filter((one) => one.request === request).length;
    const providerKey = requestKey(operation.orderId, request, number);
    return this.put({ ...operation, taskId, request, number, providerKey });
  }

  /** An authorization is made at the account of the order's present payment; what follows it, where it was made. */
  private accountFor(kind: OperationKind): string | null {
    const authorization = isAuthorization({ kind }) ? undefined : this.authorization;
    return authorization ? authorization.stripeAccount : (this.order.payment?.stripeAccount ?? null);
  }

  has({ id }: PaymentOperation): boolean {
    return this.byId.has(id);
  }

  /** The call is about to be made: from now on it may have been. A look changes nothing but is counted. */
  markAsked(operation: PaymentOperation, { sends }: { sends: boolean }): void {
    if (isSettled(operation.status))
      throw new Error(`Bug: operation ${operation.id} is settled and must not be sent again.`);
    const attempt = operation.attempt + 1;
    if (!sends) return void this.put({ ...operation, attempt });
    const status = operation.status === 'created' ? 'sent' : operation.status;
    this.put({ ...operation, status, attempt, looks: 0, sentAt: this.now });
  }

  /** The call was held back in this process: the operation is as it was before `markAsked`. */
  markNotSent(before: PaymentOperation): void {
    const now = this.byId.get(before.id)!;
    if (isSettled(now.status)) return;
    this.put({ ...now, status: before.status, attempt: now.attempt - 1, sentAt: before.sentAt });
  }

  /** A settled operation keeps its result. What the result does not mention stays as it was. */
  record(operationId: string, result: OperationResult): void {
    const operation = this.byId.get(operationId);
    if (!operation || isSettled(operation.status)) return;
    this.put({
      ...operation,
      status: result.status,
      providerReference: result.providerReference ?? operation.providerReference,
      declineCode: result.declineCode ?? null,
      detail: result.detail?.slice(0, 500) ?? null,
      doubt: result.doubt ?? null,
      looks: result.looks ?? operation.looks,
      waitsFor: result.status === 'pending' ? (result.waitsFor ?? operation.waitsFor) : null,
      failureReason: result.failureReason?.slice(0, 255) ?? null,
      actionExpiresAt: result.actionExpiresAt ?? operation.actionExpiresAt,
      mayTryAnotherCard: result.mayTryAnotherCard ?? false,
      settledAt: isSettled(result.status) ? this.now : null,
      reported: result.reported,
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

const isSettled = (status: OperationStatus) =>
  status === 'approved' || status === 'declined' || status === 'failed';

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
                                         provider_reference, decline_code, detail, doubt, looks, waits_for,
                                         failure_reason, created_at, sent_at, settled_at, payment_attempt,
                                         action_expires_at, may_try_another_card, stripe_account, task_id, request)
    SELECT id, order_id, kind, number, provider_key, status, attempt, amount, currency, provider_reference,
           decline_code, detail, doubt, looks, waits_for, failure_reason, created_at, sent_at, settled_at,
           payment_attempt, action_expires_at, may_try_another_card, stripe_account, task_id, request
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::int[], $8::bigint[],
                  $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[],
                  $15::timestamptz[], $16::text[], $17::int[], $18::text[], $19::text[], $20::int[], $21::timestamptz[],
                  $22::boolean[], $23::text[], $24::uuid[], $25::text[])
             AS n (id, order_id, kind, number, provider_key, status, attempt, amount, currency, provider_reference,
                   decline_code, detail, created_at, sent_at, settled_at, doubt, looks, waits_for, failure_reason,
                   payment_attempt, action_expires_at, may_try_another_card, stripe_account, task_id, request)
     -- A failed operation first: it makes room in the unique index for the next number.
     ORDER BY status NOT IN ('approved', 'declined', 'failed')
        ON CONFLICT (id) DO UPDATE
       SET status = excluded.status,
           attempt = excluded.attempt,
           -- An event may have named it while the call was under way.
           provider_reference = coalesce(excluded.provider_reference, p.provider_reference),
           decline_code = excluded.decline_code,
           detail = excluded.detail,
           doubt = excluded.doubt,
           looks = excluded.looks,
           waits_for = excluded.waits_for,
           failure_reason = excluded.failure_reason,
           action_expires_at = excluded.action_expires_at,
           may_try_another_card = excluded.may_try_another_card,
           sent_at = excluded.sent_at,
           settled_at = excluded.settled_at
     WHERE p.status NOT IN ('approved', 'declined', 'failed')
    `,
    [
      ...columnsOf(changes, 'id', 'orderId', 'kind', 'number', 'providerKey', 'status', 'attempt', 'amount'),
      ...columnsOf(changes, 'currency', 'providerReference', 'declineCode', 'detail', 'createdAt', 'sentAt'),
      ...columnsOf(changes, 'settledAt', 'doubt', 'looks', 'waitsFor', 'failureReason', 'paymentAttempt'),
      ...columnsOf(changes, 'actionExpiresAt', 'mayTryAnotherCard', 'stripeAccount', 'taskId', 'request'),
    ],
  );
  if (written !== changes.length) throw new Error('Bug: a settled payment operation was to be changed.');
  const underWay = changes.filter(({ kind, status }) => kind === 'refund' && status === 'pending');
  // Their sagas are done with them.
  if (underWay.length > 0)
    await requestChecks(
      tx,
      underWay.map(({ orderId }) => orderId),
      underWay[0]!.sentAt!,
    );
}
