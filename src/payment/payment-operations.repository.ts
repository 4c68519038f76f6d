import { type Queryable, type Tx, columnsOf } from '../database/database';
import { type PlannedCheck, planChecks } from './payment-checks.repository';

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
  /** Until when an authorization can be captured, as the provider says. Null: it did not say, or was not asked. */
  captureBefore: Date | null;
  /** Another card may cure its decline. */
  mayTryAnotherCard: boolean;
  /** The connected account that it is sent to, whatever the key of the shop says later. Null: our own. */
  stripeAccount: string | null;
  /** What the bank authorized of the amount. Not stored: the step that follows at once writes it into the history. */
  reported?: { amount: number; currency: string };
  /** When its payment is to be compared with the provider's. Not stored here. */
  checkAt?: Date;
  createdAt: Date;
  sentAt: Date | null;
  settledAt: Date | null;
}

/** For SELECTs that read whole operations. */
export const operationColumns = `
  id, order_id AS "orderId", kind, number, request, task_id AS "taskId", provider_key AS "providerKey", status, attempt, amount, currency,
  provider_reference AS "providerReference", decline_code AS "declineCode", detail, doubt, looks,
  waits_for AS "waitsFor", failure_reason AS "failureReason", payment_attempt AS "paymentAttempt",
  action_expires_at AS "actionExpiresAt", capture_before AS "captureBefore", may_try_another_card AS "mayTryAnotherCard", stripe_account AS "stripeAccount",
  created_at AS "createdAt", sent_at AS "sentAt", settled_at AS "settledAt"`;

export function operationsOf(queryable: Queryable, orderId: string): Promise<PaymentOperation[]> {
  return queryable.rows<PaymentOperation>(
    `SELECT ${operationColumns} FROM payment_operations WHERE order_id = $1::uuid ORDER BY id`,
    [orderId],
  );
}

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
export async function savePayments(tx: Tx, payments: { changes(): PaymentOperation[] }[]): Promise<void> {
  const changes = payments.flatMap((one) => one.changes());
  if (changes.length === 0) return;
  const written = await tx.affected(
    `
    INSERT INTO payment_operations AS p (id, order_id, kind, number, provider_key, status, attempt, amount, currency,
                                         provider_reference, decline_code, detail, doubt, looks, waits_for,
                                         failure_reason, created_at, sent_at, settled_at, payment_attempt,
                                         action_expires_at, may_try_another_card, stripe_account, task_id, request, capture_before)
    SELECT id, order_id, kind, number, provider_key, status, attempt, amount, currency, provider_reference,
           decline_code, detail, doubt, looks, waits_for, failure_reason, created_at, sent_at, settled_at,
           payment_attempt, action_expires_at, may_try_another_card, stripe_account, task_id, request, capture_before
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::int[], $8::bigint[],
                  $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[],
                  $15::timestamptz[], $16::text[], $17::int[], $18::text[], $19::text[], $20::int[], $21::timestamptz[],
                  $22::boolean[], $23::text[], $24::uuid[], $25::text[], $26::timestamptz[])
             AS n (id, order_id, kind, number, provider_key, status, attempt, amount, currency, provider_reference,
                   decline_code, detail, created_at, sent_at, settled_at, doubt, looks, waits_for, failure_reason,
                   payment_attempt, action_expires_at, may_try_another_card, stripe_account, task_id, request, capture_before)
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
           capture_before = excluded.capture_before,
           sent_at = excluded.sent_at,
           settled_at = excluded.settled_at
     WHERE p.status NOT IN ('approved', 'declined', 'failed')
    `,
    [
      ...columnsOf(changes, 'id', 'orderId', 'kind', 'number', 'providerKey', 'status', 'attempt', 'amount'),
      ...columnsOf(changes, 'currency', 'providerReference', 'declineCode', 'detail', 'createdAt', 'sentAt'),
      ...columnsOf(changes, 'settledAt', 'doubt', 'looks', 'waitsFor', 'failureReason', 'paymentAttempt'),
      ...columnsOf(changes, 'actionExpiresAt', 'mayTryAnotherCard', 'stripeAccount', 'taskId', 'request'),
      ...columnsOf(changes, 'captureBefore'),
    ],
  );
  if (written !== changes.length) throw new Error('Bug: a settled payment operation was to be changed.');
  await planChecks(tx, changes.flatMap(checkOf));
}

/** Its saga is done with it, and something is still to come. */
function checkOf({ orderId, kind, status, sentAt, checkAt }: PaymentOperation): PlannedCheck[] {
  const dueAt = kind === 'refund' && status === 'pending' ? sentAt! : checkAt;
  return dueAt ? [{ orderId, dueAt }] : [];
}
