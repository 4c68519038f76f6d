import type { Queryable } from '../../database/database';
import type { FactType } from '../../payment/payment-facts.repository';
import {
  type OperationKind,
  type OperationStatus,
  authorizationKinds,
} from '../../payment/payment-operations.repository';
import type { OrderEnd, SagaStatus } from '../../orders/saga-state';
import type { TransitionCode, TransitionData } from '../../orders/checkout-saga/transition-codes';

/**
 * What an operator should look at: stuck sagas, payments without a result after two retries, refunds and captures after the
 * sale that are either, messages that could not be applied, payment facts that are cases, and webhook endpoints that were
 * disabled because they only failed. There are few, so all are read and sorted for each page.
 */
export type ReviewKind =
  'stuck' | 'unknown' | 'dead_letter' | 'payment' | 'payment_task' | 'webhook_endpoint_failing';
export type ReviewSort = 'money' | 'age';

/** The first call and two retries. */
const askedMin = 3;

export interface ReviewRow {
  kind: ReviewKind;
  /** The order's, the message's, the fact's, the payment task's or the endpoint's. */
  id: string;
  /** What the case is about: an order, or a reservation for some messages. */
  aggregate: 'order' | 'reservation';
  /** Null: a payment of an order that this database does not know. */
  aggregateId: string | null;
  customerId: string | null;
  reservationId: string | null;
  /** The total that the provider may hold, or the failed refund; 0 when it holds none. */
  amount: number;
  currency: string | null;
  units: number;
  lines: { sku: string; quantity: number }[] | null;
  since: Date;
  sinceMicros: number;
  step: string | null;
  endsAs: OrderEnd | null;
  /** The operation without a result, or the last one. */
  operation: OperationKind | null;
  operationStatus: OperationStatus | null;
  asked: number;
  /** Why the saga last stopped or paused, and the facts; null for lines of older builds. */
  code: TransitionCode | null;
  data: TransitionData | null;
  sagaStatus: SagaStatus | null;
  isDriven: boolean;
  /** When the money was authorized. */
  authorizedAt: Date | null;
  lastAskedAt: Date | null;
  /** Why the message could not be applied. */
  detail: string | null;
  /** Of a failing endpoint, whose it is; `detail` is its URL. */
  messageType: string | null;
  nextRunAt: Date | null;
  /** Of a payment case. */
  fact: ReviewFact | null;
  now: Date;
}

export interface ReviewFact {
  type: FactType;
  reference: string;
  amount: number;
  status: string | null;
  failureReason: string | null;
  /** As text, from JSON. */
  dueBy: string | null;
}

/**
 * Since when the order needs a person: its oldest open cause, a payment without a result or a stop of its saga. An order can
 * change between the two kinds of case, and its age must not restart. Stops are settled when the saga moves to another step
 * or ends.
 */
const openSince = `
  least((SELECT min(p.created_at) FROM payment_operations p
          WHERE p.order_id = s.order_id AND p.status IN ('sent', 'unknown') AND p.attempt >= ${askedMin}),
        (SELECT min(t.at) FROM saga_transitions t
          WHERE t.order_id = s.order_id AND t.to_status = 'stuck'
            AND t.version > (SELECT coalesce(max(e.version), 0) FROM saga_transitions e
                              WHERE e.order_id = s.order_id
                                AND (e.step <> s.step OR e.to_status IN ('completed', 'compensated')))))`;

const cases = `
  SELECT 'stuck' AS kind, s.order_id AS id, 'order' AS aggregate, s.order_id AS aggregate_id,
         coalesce(${openSince}, o.created_at) AS since, NULL AS message_type, NULL AS detail
    FROM sagas s JOIN orders o ON o.id = s.order_id
   WHERE s.status = 'stuck'
   UNION ALL
  SELECT 'unknown', s.order_id, 'order', s.order_id, ${openSince}, NULL, NULL
    FROM (SELECT p.order_id FROM payment_operations p
           WHERE p.status = 'unknown' AND p.attempt >= ${askedMin} AND p.task_id IS NULL
           GROUP BY p.order_id) u
    JOIN sagas s ON s.order_id = u.order_id
   WHERE s.status <> 'stuck'
   UNION ALL
  SELECT 'payment_task', k.id, 'order', k.order_id, k.created_at, NULL, k.last_error
    FROM payment_tasks k
   WHERE k.status = 'stuck' OR (k.status = 'due' AND k.attempt >= ${askedMin})
   UNION ALL
  SELECT 'dead_letter', d.id, split_part(d.type, '.', 1), d.aggregate_id, d.died_at, d.type, d.reason
    FROM dead_letters d
   WHERE d.retried_at IS NULL
   UNION ALL
  SELECT 'webhook_endpoint_failing', e.id, 'order', NULL, coalesce(e.failing_since, e.created_at), e.principal, e.url
    FROM webhook_endpoints e
   WHERE e.disabled_reason = 'failing'
   UNION ALL
  SELECT 'payment', f.id, 'order', f.order_id, f.seen_at, NULL, NULL
    FROM payment_facts f
   WHERE f.is_case AND f.settled_at IS NULL
     -- Captured or given back meanwhile, so its end does not matter.
     AND (f.type <> 'authorization_ends'
          OR EXISTS (SELECT FROM orders e
                      WHERE e.id = f.order_id AND e.status = 'placed'
                        AND NOT EXISTS (SELECT FROM payment_operations c
                                         WHERE c.order_id = e.id AND c.payment_attempt = e.payment_attempt
                                           AND c.kind IN ('capture', 'void')
                                           AND c.status = 'approved')))
     -- An order that has ended needs no authorization.
     AND (f.type <> 'authorization_expired'
          OR EXISTS (SELECT FROM orders e WHERE e.id = f.order_id AND e.status IN ('pending', 'placed')))`;

/** The provider may hold money: authorized, perhaps, and not given back. */
const mayHoldMoney = `
  EXISTS (SELECT FROM payment_operations p
           WHERE p.order_id = o.id AND p.kind IN ${authorizationKinds} AND p.status IN ('sent', 'unknown', 'pending', 'approved'))
  AND NOT EXISTS (SELECT FROM payment_operations p
                   WHERE p.order_id = o.id AND p.payment_attempt = o.payment_attempt
                     AND p.kind IN ('void', 'refund') AND p.status = 'approved')`;

const weighed = `
  SELECT c.kind, c.id, c.aggregate, c.aggregate_id, c.since, c.message_type, c.detail,
         CASE c.kind WHEN 'dead_letter' THEN 0
                     WHEN 'webhook_endpoint_failing' THEN 0
                     WHEN 'payment' THEN f.amount_at_risk
                     WHEN 'payment_task' THEN k.amount
                     ELSE CASE WHEN r.status = 'failed' AND r.failure_reason IS NOT NULL THEN r.amount
                               WHEN ${mayHoldMoney} THEN o.total_amount ELSE 0 END END AS amount,
         (extract(epoch FROM c.since) * 1000000)::bigint AS since_micros,
         coalesce(f.currency, o.currency) AS currency
    FROM (${cases}) c
    LEFT JOIN orders o ON c.aggregate = 'order' AND o.id = c.aggregate_id
    LEFT JOIN payment_facts f ON c.kind = 'payment' AND f.id = c.id
    LEFT JOIN payment_tasks k ON c.kind = 'payment_task' AND k.id = c.id
    LEFT JOIN LATERAL (SELECT p.status, p.failure_reason, p.amount FROM payment_operations p
                        WHERE p.order_id = o.id AND p.kind = 'refund' ORDER BY p.id DESC LIMIT 1) r ON true`;

const rank = { money: `(-v.amount, v.since_micros, v.id)`, age: `(0, v.since_micros, v.id)` };
const order = { money: `v.amount DESC, v.since_micros, v.id`, age: `v.since_micros, v.id` };

const page = (sort: ReviewSort) => `
  WITH page AS MATERIALIZED (
    SELECT v.kind, v.id, v.aggregate, v.aggregate_id, v.since, v.since_micros, v.message_type, v.detail, v.amount, v.currency
      FROM (${weighed}) v
     WHERE ($1::text[] IS NULL OR v.kind = ANY ($1::text[])) AND ($2::uuid IS NULL OR v.id = $2::uuid)
       AND ($4::bigint IS NULL OR ${rank[sort]} > ($3::bigint, $4::bigint, $5::uuid))
     ORDER BY ${order[sort]}
     LIMIT $6::int
  )
  SELECT v.kind, v.id, v.aggregate, v.aggregate_id AS "aggregateId", v.since, v.since_micros AS "sinceMicros",
         v.message_type AS "messageType", v.detail, v.amount, v.currency, r.customer_id AS "customerId",
         r.id AS "reservationId", s.step, s.ends_as AS "endsAs",
         CASE WHEN k.id IS NULL THEN s.next_run_at ELSE k.next_run_at END AS "nextRunAt", clock_timestamp() AS now,
         s.status AS "sagaStatus",
         coalesce(CASE WHEN k.id IS NULL THEN s.lease_expires_at ELSE k.lease_expires_at END > clock_timestamp(), false) AS "isDriven",
         CASE WHEN k.id IS NULL THEN t.code ELSE k.code END AS code,
         CASE WHEN k.id IS NULL THEN t.data ELSE k.data END AS data,
         p.kind AS operation, p.status AS "operationStatus", coalesce(p.attempt, 0) AS asked, p.sent_at AS "lastAskedAt",
         (SELECT a.settled_at FROM payment_operations a
           WHERE a.order_id = o.id AND a.kind IN ${authorizationKinds} AND a.status = 'approved' LIMIT 1) AS "authorizedAt",
         CASE WHEN f.id IS NOT NULL
              THEN json_build_object('type', f.type, 'reference', f.reference, 'amount', f.amount, 'status', f.status,
                                     'failureReason', f.data->>'failureReason', 'dueBy', f.due_by) END AS fact,
         (SELECT json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity) ORDER BY l.sku)
            FROM reservation_lines l WHERE l.reservation_id = r.id) AS lines,
         CASE WHEN r.status IN ('active', 'pinned') OR (r.status = 'confirmed' AND r.returned_at IS NULL)
              THEN (SELECT sum(l.quantity)::bigint FROM reservation_lines l WHERE l.reservation_id = r.id) ELSE 0 END AS units
    FROM page v
    LEFT JOIN orders o ON v.aggregate = 'order' AND o.id = v.aggregate_id
    LEFT JOIN payment_facts f ON v.kind = 'payment' AND f.id = v.id
    LEFT JOIN payment_tasks k ON v.kind = 'payment_task' AND k.id = v.id
    LEFT JOIN sagas s ON s.order_id = o.id
    LEFT JOIN reservations r ON r.id = coalesce(o.reservation_id, v.aggregate_id)
    LEFT JOIN LATERAL (SELECT t.code, t.data FROM saga_transitions t
                        WHERE t.order_id = o.id AND t.cause IN ('blocked', 'unknown', 'failed')
                        ORDER BY t.version DESC LIMIT 1) t ON true
    LEFT JOIN LATERAL (SELECT p.kind, p.status, p.attempt, p.sent_at FROM payment_operations p
                        WHERE p.order_id = o.id AND (k.id IS NULL OR p.task_id = k.id)
                        ORDER BY (p.status IN ('unknown', 'sent')) DESC, p.id DESC LIMIT 1) p ON true
   ORDER BY ${order[sort]}`;

/** The last row of the page before. */
export interface ReviewKey {
  amount: number;
  sinceMicros: number;
  id: string;
}

/** Most money first, or oldest first, after the row with the key `after`. */
export function listCases(
  queryable: Queryable,
  {
    kinds,
    sort,
    limit,
    after,
  }: { kinds: ReviewKind[] | null; sort: ReviewSort; limit: number; after: ReviewKey | null },
): Promise<ReviewRow[]> {
  const rankOfAmount = after && (sort === 'money' ? -after.amount : 0);
  return queryable.rows<ReviewRow>(page(sort), [
    kinds,
    null,
    rankOfAmount,
    after?.sinceMicros ?? null,
    after?.id ?? null,
    limit + 1,
  ]);
}

export async function findCase(queryable: Queryable, id: string): Promise<ReviewRow | undefined> {
  const [row] = await queryable.rows<ReviewRow>(page('age'), [null, id, null, null, null, 1]);
  return row;
}

export interface ReviewCounts {
  stuckSagas: number;
  unknownPayments: number;
  deadLetters: number;
  paymentCases: number;
  failingEndpoints: number;
  moneyAtRisk: { amount: number; currency: string }[];
  oldestSeconds: number | null;
}

/** All cases in numbers. */
export async function reviewCounts(queryable: Queryable): Promise<ReviewCounts> {
  const [counts] = await queryable.rows<ReviewCounts>(
    `
    WITH v AS MATERIALIZED (${weighed})
    SELECT count(*) FILTER (WHERE kind = 'stuck')::int AS "stuckSagas",
           count(*) FILTER (WHERE kind = 'unknown')::int AS "unknownPayments",
           count(*) FILTER (WHERE kind = 'dead_letter')::int AS "deadLetters",
           count(*) FILTER (WHERE kind IN ('payment', 'payment_task'))::int AS "paymentCases",
           count(*) FILTER (WHERE kind = 'webhook_endpoint_failing')::int AS "failingEndpoints",
           coalesce((SELECT json_agg(json_build_object('amount', amount, 'currency', currency) ORDER BY amount DESC)
                       FROM (SELECT currency, sum(amount) AS amount FROM v
                              WHERE amount > 0 GROUP BY currency) risk), '[]') AS "moneyAtRisk",
           floor(extract(epoch FROM clock_timestamp() - min(since)))::int AS "oldestSeconds"
      FROM v
    `,
  );
  return counts!;
}
