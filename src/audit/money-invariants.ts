/** The invariants about money; see `invariants.ts`. */

/**
 * What the operations of each order's present payment attempt come to, in minor units. A charge that the bank approved in part is not among the captured:
 * it is refunded, and its row says what was asked for.
 */
const money = `(
  SELECT p.order_id,
         coalesce(max(p.amount) FILTER (WHERE p.kind IN ('capture', 'charge') AND p.status = 'approved'
                                          AND p.decline_code IS NULL), 0) AS captured,
         coalesce(sum(p.amount) FILTER (WHERE p.kind = 'refund' AND p.status IN ('approved', 'pending')), 0) AS refunded,
         coalesce(max(p.amount) FILTER (WHERE p.kind = 'authorize' AND p.status = 'approved'), 0) AS authorized,
         bool_or(p.kind = 'charge' AND p.status = 'approved') AS is_charged,
         bool_or(p.kind = 'void' AND p.status = 'approved') AS is_voided,
         bool_or(p.kind = 'refund' AND p.failure_reason IS NOT NULL) AS has_failed_refund
    FROM payment_operations p JOIN orders o ON o.id = p.order_id AND o.payment_attempt = p.payment_attempt
   GROUP BY p.order_id)`;

const isCase = (type: string) =>
  `EXISTS (SELECT FROM payment_facts f WHERE f.order_id = o.id AND f.type = '${type}' AND f.is_case)`;

/** For an order that is captured when it ships: the authorization stands, or an operator knows that it has ended. */
const isSetAside = `
  (o.capture = 'on_shipment' AND m.captured = 0
   AND ((m.authorized = o.total_amount AND NOT m.is_voided) OR ${isCase('authorization_expired')}))`;

/** By its mode. What is captured with the goods may be less than what was authorized. */
const isPaid = `
  CASE o.capture WHEN 'on_shipment' THEN m.authorized = o.total_amount
                 ELSE m.captured = o.total_amount AND m.is_charged = (o.capture = 'immediate') END`;

const hasEnded = `s.status IN ('completed', 'compensated')`;

export const moneyInvariants: readonly { id: string; promise: string; sql: string }[] = [
  {
    id: 'I4',
    promise:
      'Money is kept for placed orders alone, and for each of them it is captured, or set aside until it ships, or an operator knows that it is not any more.',
    sql: `
      SELECT o.id, o.status, s.status AS saga, m.captured, m.refunded
        FROM orders o JOIN sagas s ON s.order_id = o.id LEFT JOIN ${money} m ON m.order_id = o.id
       WHERE ${hasEnded}
         AND CASE WHEN o.status = 'placed'
                  THEN o.total_amount > 0 AND coalesce(m.captured <= m.refunded AND NOT ${isSetAside}, true)
                  ELSE m.captured > m.refunded AND NOT m.has_failed_refund END`,
  },
  {
    id: 'I5',
    promise: 'At most one capture or charge per order, and its refunds are at most what it took.',
    sql: `
      -- A refund counts from its request on.
      SELECT order_id, count(*) FILTER (WHERE kind <> 'refund') AS captures,
             sum(amount) FILTER (WHERE kind <> 'refund') AS captured,
             sum(amount) FILTER (WHERE kind = 'refund') AS refunded
        FROM payment_operations
       WHERE (kind IN ('capture', 'charge') AND status = 'approved')
          OR (kind = 'refund' AND status NOT IN ('declined', 'failed'))
       GROUP BY order_id
      HAVING count(*) FILTER (WHERE kind <> 'refund') > 1
          OR sum(amount) FILTER (WHERE kind = 'refund') > sum(amount) FILTER (WHERE kind <> 'refund')`,
  },
  {
    id: 'I6',
    promise:
      'No placed order without its sold stock and the approved operation of its capture mode, in its currency; a free order has asked no provider.',
    sql: `
      SELECT o.id, o.capture, r.status AS reservation
        FROM orders o JOIN sagas s ON s.order_id = o.id LEFT JOIN reservations r ON r.id = o.reservation_id
        LEFT JOIN ${money} m ON m.order_id = o.id
       WHERE o.status = 'placed' AND s.status = 'completed'
         AND (r.status IS DISTINCT FROM 'confirmed' OR r.returned_at IS NOT NULL
              OR (o.total_amount > 0 AND coalesce(${isPaid}, false) IS FALSE))
       UNION ALL
      SELECT o.id, 'free', p.kind
        FROM payment_operations p JOIN orders o ON o.id = p.order_id
       WHERE o.total_amount = 0`,
  },
  {
    id: 'I8',
    promise:
      'What was authorized or taken for an order that did not end placed is voided or refunded, or its refund failed and an operator can see it.',
    sql: `
      SELECT o.id, o.status
        FROM orders o JOIN sagas s ON s.order_id = o.id JOIN ${money} m ON m.order_id = o.id
       WHERE o.status IN ('rejected', 'cancelled', 'refunded') AND s.status = 'compensated'
         AND (m.is_charged OR (m.authorized > 0 AND NOT m.is_voided))
         -- I21 is about the cases of failed refunds.
         AND m.refunded = 0 AND NOT m.has_failed_refund`,
  },
  {
    id: 'I15',
    promise:
      'No payment stays unknown for an hour without a stuck saga or task, or an operator who just had it asked again; a refund that is under way is due to be checked.',
    sql: `
      SELECT p.id, p.kind, p.status, s.status AS saga
        FROM payment_operations p JOIN sagas s ON s.order_id = p.order_id
       WHERE p.kind = 'refund' AND p.status = 'pending' AND s.status IN ('completed', 'compensated')
         AND NOT EXISTS (SELECT FROM payment_checks c WHERE c.order_id = p.order_id)
       UNION ALL
      SELECT p.id, p.kind, p.status, s.status AS saga
        FROM payment_operations p JOIN sagas s ON s.order_id = p.order_id
       WHERE p.status IN ('sent', 'unknown') AND p.created_at < clock_timestamp() - interval '1 hour' AND s.status <> 'stuck'
         AND NOT EXISTS (SELECT FROM payment_tasks k WHERE k.id = p.task_id AND k.status = 'stuck')
         AND NOT EXISTS (SELECT FROM saga_transitions t
                          WHERE t.order_id = p.order_id AND t.at > clock_timestamp() - interval '1 hour'
                            AND t.cause IN ('retried', 'compensated-by-hand', 'given-up', 'turn-back'))`,
  },
  {
    id: 'I20',
    promise:
      'A payment belongs to one order and its currency; it is authorized or charged for the total, captured for at most that, and refunded for at most what was taken.',
    sql: `
      SELECT p.id, p.kind, p.amount, o.total_amount
        FROM payment_operations p LEFT JOIN orders o ON o.id = p.order_id
       WHERE o.id IS NULL OR p.currency <> o.currency OR p.amount > o.total_amount
          OR (p.kind IN ('authorize', 'charge') AND p.amount <> o.total_amount)
          OR (p.kind = 'refund'
              AND p.amount > coalesce((SELECT max(c.amount) FROM payment_operations c
                                        WHERE c.order_id = p.order_id AND c.kind IN ('capture', 'charge')
                                          AND c.status = 'approved'), 0))`,
  },
  {
    id: 'I21',
    promise: 'A refund that the provider says failed is not refunded, and an operator can see it.',
    sql: `
      SELECT f.order_id, f.reference, p.status
        FROM payment_facts f JOIN payment_operations p ON p.order_id = f.order_id AND p.provider_reference = f.reference
       WHERE f.type = 'refund_failed' AND p.kind = 'refund' AND p.status <> 'failed'
       UNION ALL
      SELECT p.order_id, p.provider_reference, p.status
        FROM payment_operations p JOIN sagas s ON s.order_id = p.order_id
       WHERE p.kind = 'refund' AND p.status = 'failed' AND p.failure_reason IS NOT NULL
         AND s.status IN ('completed', 'compensated')
         AND NOT EXISTS (SELECT FROM payment_facts f WHERE f.order_id = p.order_id AND f.type = 'refund_failed')
         AND NOT EXISTS (SELECT FROM payment_operations n
                          WHERE n.order_id = p.order_id AND n.kind = 'refund' AND n.id > p.id AND n.status = 'approved')`,
  },
  {
    id: 'I22',
    promise:
      'No payment stays unknown without being asked about for 15 minutes, unless its saga waits for an operator.',
    sql: `
      SELECT p.order_id, p.kind, p.status, s.status AS saga, s.next_run_at
        FROM payment_operations p JOIN sagas s USING (order_id)
       WHERE p.status IN ('sent', 'unknown') AND s.next_run_at IS NOT NULL
         AND NOT EXISTS (SELECT FROM saga_transitions t
                          WHERE t.order_id = p.order_id AND t.at > clock_timestamp() - interval '15 minutes')`,
  },
  {
    id: 'I23',
    promise:
      'A buyer pays with one card at a time: whatever an earlier card was asked for has ended without money, and no more cards are tried than the order allows.',
    sql: `
      SELECT p.order_id, p.kind, p.status, p.payment_attempt AS "of card"
        FROM payment_operations p JOIN orders o ON o.id = p.order_id
       WHERE p.payment_attempt < o.payment_attempt
         AND (p.status NOT IN ('approved', 'declined', 'failed') OR (p.status = 'approved' AND p.kind <> 'void'))
       UNION ALL
      SELECT o.id, 'order', o.status, o.payment_attempt
        FROM orders o
       WHERE o.payment_attempt > coalesce((o.on_decline ->> 'attemptsMax')::int, 1)`,
  },
];
