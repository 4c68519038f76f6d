import { currencies } from '../money';
import { moneyInvariants } from './money-invariants';

/**
 * What must always be true, each as one query that returns the rows that break it. Run by the admin call, by
 * `npm run audit`, by a worker every minute, and at the end of tests and load tests.
 *
 * A promise about time is broken only after the time that it allows, so the audit may run under load.
 * (I14, liveness, is no state of the tables; the metrics and the drills cover it.)
 */
export interface Invariant {
  id: string;
  promise: string;
  sql: string;
}

const held = `r.status IN ('active', 'pinned') OR (r.status = 'confirmed' AND r.returned_at IS NULL)`;

const refundFailed = `
  EXISTS (SELECT FROM payment_operations p
           WHERE p.order_id = o.id AND p.kind = 'refund' AND p.failure_reason IS NOT NULL)`;

/** An operator ended the order before its money was settled; its saga goes on until that is known. */
const givenUp = `EXISTS (SELECT FROM saga_transitions t WHERE t.order_id = o.id AND t.cause = 'given-up')`;

/** Old events are deleted, so their absence says nothing. */
const hasEventsYet = (createdAt: string) =>
  `${createdAt} >= coalesce((SELECT kept_since FROM event_upkeep), '-infinity')`;

/** `('EUR', 1), …` */
const multiples = [...currencies].map(([code, { multiple }]) => `('${code}', ${multiple})`).join(', ');

const others: readonly Invariant[] = [
  {
    id: 'I1',
    promise: 'Nothing is sold that is not there: 0 ≤ reserved ≤ on hand.',
    sql: `SELECT sku, pool, on_hand, reserved FROM stock_levels WHERE reserved < 0 OR reserved > on_hand`,
  },
  {
    id: 'I2',
    promise: 'Reserved equals live and sold units, less those that were shipped or given back.',
    sql: `
      SELECT s.sku, s.pool, s.reserved, coalesce(l.quantity, 0) AS lines
        FROM stock_levels s
        FULL JOIN (SELECT l.sku, l.pool, sum(l.quantity - l.shipped - l.given_back) AS quantity
                     FROM reservation_lines l JOIN reservations r ON r.id = l.reservation_id
                    WHERE ${held} GROUP BY l.sku, l.pool) l USING (sku, pool)
       WHERE coalesce(s.reserved, -1) <> coalesce(l.quantity, 0)`,
  },
  {
    id: 'I3',
    promise: 'On hand equals the sum of its movements, and no movement was ever changed.',
    sql: `
      SELECT s.sku, s.pool, s.on_hand, coalesce(m.total, 0) AS movements, m.broken_links
        FROM stock_levels s
        LEFT JOIN (SELECT sku, pool, sum(delta) AS total, count(*) FILTER (WHERE running <> on_hand_after) AS broken_links
                     FROM (SELECT sku, pool, delta, on_hand_after,
                                  sum(delta) OVER (PARTITION BY sku, pool ORDER BY level_version) AS running
                             FROM stock_movements) chain
                    GROUP BY sku, pool) m USING (sku, pool)
       WHERE s.on_hand <> coalesce(m.total, 0) OR m.broken_links > 0`,
  },
  {
    id: 'I7',
    promise: 'No active reservation outlives its end by more than 5 s, and none is ended before it.',
    sql: `
      SELECT id, status, expires_at, ended_at FROM reservations
       WHERE (status = 'active' AND expires_at < clock_timestamp() - interval '5 seconds')
          OR (status = 'expired' AND ended_at < expires_at - interval '1 millisecond')`,
  },
  {
    id: 'I9',
    promise: 'One idempotency key names one thing, and one thing has one key.',
    sql: `
      SELECT k.operation, k.resource_id, count(*) AS keys
        FROM idempotency_keys k
        LEFT JOIN orders o ON o.id = k.resource_id
        LEFT JOIN reservations r ON r.id = k.resource_id
       WHERE k.operation IN ('orders', 'reservations')
       GROUP BY k.operation, k.resource_id, o.id, r.id
      HAVING count(*) > 1 OR (k.operation = 'orders' AND o.id IS NULL) OR (k.operation = 'reservations' AND r.id IS NULL)`,
  },
  {
    id: 'I10',
    promise:
      'Every change of an order or a reservation has its message, and no message reports a change that was not made.',
    sql: `
      SELECT o.id, o.status FROM orders o
       WHERE o.status <> 'pending' AND ${hasEventsYet('o.created_at')}
         AND NOT EXISTS (SELECT FROM outbox m WHERE m.aggregate_id = o.id AND m.type = 'order.' || o.status)
       UNION ALL
      SELECT o.id, 'accepted' FROM orders o
       WHERE ${hasEventsYet('o.created_at')}
         AND NOT EXISTS (SELECT FROM outbox m WHERE m.aggregate_id = o.id AND m.type = 'order.accepted')
       UNION ALL
      SELECT m.aggregate_id, m.type FROM outbox m LEFT JOIN reservations r ON r.id = m.aggregate_id
       WHERE m.type IN ('reservation.confirmed', 'reservation.released', 'reservation.expired')
         AND m.type IS DISTINCT FROM 'reservation.' || r.status
       UNION ALL
      SELECT r.id, r.status FROM reservations r
       WHERE r.order_id IS NULL AND r.status IN ('confirmed', 'released', 'expired')
         AND ${hasEventsYet('r.created_at')}
         AND NOT EXISTS (SELECT FROM outbox m WHERE m.aggregate_id = r.id AND m.type = 'reservation.' || r.status)
       UNION ALL
      SELECT m.aggregate_id, m.type FROM outbox m LEFT JOIN orders o ON o.id = m.aggregate_id
       WHERE m.aggregate_type = 'order'
         AND (o.id IS NULL OR (m.type = 'order.placed' AND o.placed_at IS NULL)
              OR (m.type = 'order.rejected' AND o.status <> 'rejected'
                  AND NOT EXISTS (SELECT FROM outbox later
                                   WHERE later.aggregate_id = o.id AND later.type = 'order.reopened'
                                     AND later.sequence > m.sequence)))`,
  },
  {
    id: 'I11',
    promise:
      'No message is acknowledged before its effect: an accepted order’s when its saga is taken, a reservation’s when it has its alarm.',
    sql: `
      SELECT m.id, m.type FROM sagas s JOIN outbox m ON m.aggregate_id = s.order_id
       WHERE s.status = 'running' AND s.version = 1
         AND m.type = 'order.accepted' AND m.applied_at IS NOT NULL
       UNION ALL
      SELECT m.id, m.type FROM outbox m
       WHERE m.applied_at > clock_timestamp() - interval '1 day'
         AND m.type IN ('reservation.created', 'reservation.extended') AND m.relay_epoch = 0`,
  },
  {
    id: 'I12',
    promise:
      'No saga and no payment task is forgotten: unfinished means due at a known time, or stuck and visible.',
    sql: `
      SELECT o.id, s.status, s.next_run_at
        FROM orders o LEFT JOIN sagas s ON s.order_id = o.id
       WHERE (o.status = 'pending' AND s.order_id IS NULL)
          OR (s.status IN ('running', 'compensating') AND s.next_run_at < clock_timestamp() - interval '60 seconds')
       UNION ALL
      SELECT order_id, status, next_run_at FROM payment_tasks
       WHERE status = 'due' AND next_run_at < clock_timestamp() - interval '60 seconds'`,
  },
  {
    id: 'I13',
    promise: 'Fencing tokens only grow, and nobody wrote under an older one.',
    sql: `
      SELECT order_id::text AS id, version::text AS at FROM
        (SELECT order_id, version, fencing_token, lag(fencing_token) OVER (PARTITION BY order_id ORDER BY version) AS before
           FROM saga_transitions) t
       WHERE fencing_token < before
       UNION ALL
      SELECT l.reservation_id::text, l.sku FROM reservation_lines l JOIN stock_levels s USING (sku, pool)
       WHERE l.fencing_token > s.fencing_token
       UNION ALL
      SELECT sku, fencing_token::text FROM reservation_lines GROUP BY sku, pool, fencing_token HAVING count(*) > 1`,
  },
  {
    id: 'I16',
    promise: 'Nothing is dropped: whatever is stuck says why.',
    sql: `
      SELECT order_id, step FROM sagas WHERE status = 'stuck' AND last_error IS NULL
       UNION ALL
      SELECT order_id, kind FROM payment_tasks WHERE status = 'stuck' AND last_error IS NULL`,
  },
  {
    id: 'I17',
    promise: 'An order and its reservation belong to one caller and one customer.',
    sql: `
      SELECT o.id, o.principal, r.principal AS reservation_principal
        FROM orders o JOIN reservations r ON r.id = o.reservation_id
       WHERE o.principal <> r.principal OR o.customer_id <> r.customer_id OR r.order_id IS DISTINCT FROM o.id`,
  },
  {
    id: 'I18',
    promise: 'Ends are final: an order and its saga agree, and nothing moves after its end.',
    sql: `
      SELECT o.id::text, o.status, s.status AS saga
        FROM orders o JOIN sagas s ON s.order_id = o.id
       WHERE (s.status = 'compensated' AND o.status NOT IN ('rejected', 'cancelled', 'refunded'))
          OR (s.status <> 'compensated' AND o.status IN ('rejected', 'cancelled', 'refunded')
              AND NOT ${givenUp} AND NOT ${refundFailed})
          OR (s.status = 'completed' AND o.status <> 'placed')
       UNION ALL
      SELECT order_id::text, from_status, to_status FROM saga_transitions
        WHERE from_status = 'compensated' AND cause <> 'refund-retried'`,
  },
  {
    id: 'I19',
    promise:
      'Pools and units conserve: transfers lose nothing, every stock row has its product, pools offer no safety stock, and every numbered unit is where the stock row and the reservation say.',
    sql: `
      SELECT sku, CASE WHEN p.sku IS NULL THEN 'a stock row without a product' ELSE 'no stock row' END AS what
        FROM products p FULL JOIN (SELECT DISTINCT sku FROM stock_levels) s USING (sku)
       WHERE p.sku IS NULL OR s.sku IS NULL
       UNION ALL
      SELECT p.sku, format('%s units are offered, %s of them safety stock', sum(o.offered), sum(o.offered) - greatest(0, sum(o.free) - p.safety_stock))
        FROM products p
        JOIN (SELECT sku, on_hand - reserved AS free, greatest(0, on_hand - reserved - safety_stock) AS offered FROM stock_levels) o USING (sku)
       GROUP BY p.sku
      HAVING sum(o.offered) > greatest(0, sum(o.free) - p.safety_stock)
       UNION ALL
      SELECT sku, 'transfers add up to ' || sum(delta)
        FROM stock_movements WHERE kind = 'transfer' GROUP BY sku HAVING sum(delta) <> 0
       UNION ALL
      SELECT sku, format('%s units, %s of them taken, where %s and %s are counted', coalesce(u.units, 0), coalesce(u.taken, 0),
                         coalesce(s.on_hand, 0), coalesce(s.reserved, 0))
        FROM (SELECT sku, on_hand, reserved FROM stock_levels WHERE pool = 'units') s
        FULL JOIN (SELECT sku, count(*) AS units, count(reservation_id) AS taken FROM stock_units GROUP BY sku) u USING (sku)
       WHERE (coalesce(u.units, 0), coalesce(u.taken, 0)) <> (coalesce(s.on_hand, 0), coalesce(s.reserved, 0))
       UNION ALL
      SELECT sku, format('reservation %s has %s units for a line of %s', reservation_id, coalesce(u.units, 0), coalesce(l.quantity, 0))
        FROM (SELECT l.sku, l.reservation_id, l.quantity - l.shipped - l.given_back AS quantity
                FROM reservation_lines l JOIN reservations r ON r.id = l.reservation_id
               WHERE l.pool = 'units' AND (${held})) l
        FULL JOIN (SELECT sku, reservation_id, count(*) AS units
                     FROM stock_units WHERE reservation_id IS NOT NULL GROUP BY sku, reservation_id) u USING (sku, reservation_id)
       WHERE coalesce(u.units, 0) <> coalesce(l.quantity, 0)`,
  },
  {
    id: 'I25',
    promise:
      'No more units were shipped or came back than were sold; every shipped unit is in a shipment and in the ledger of its stock.',
    sql: `
      SELECT reservation_id::text AS id, sku, format('%s sold, %s shipped, %s given back, %s returned',
                                                     quantity, shipped, given_back, returned) AS what
        FROM reservation_lines
       WHERE shipped + given_back > quantity OR returned > shipped OR least(shipped, given_back, returned) < 0
       UNION ALL
      SELECT reservation_id::text, sku, format('%s in shipments, %s shipped', coalesce(h.quantity, 0), coalesce(l.shipped, 0))
        FROM (SELECT h.reservation_id, line ->> 'sku' AS sku, sum((line ->> 'quantity')::int) AS quantity
                FROM shipments h CROSS JOIN jsonb_array_elements(h.lines) AS line
               WHERE h.status = 'shipped' GROUP BY 1, 2) h
        FULL JOIN (SELECT reservation_id, sku, sum(shipped) AS shipped
                     FROM reservation_lines WHERE shipped > 0 GROUP BY 1, 2) l USING (reservation_id, sku)
       WHERE coalesce(h.quantity, 0) <> coalesce(l.shipped, 0)
       UNION ALL
      SELECT sku, pool, format('%s left by the ledger, %s shipped', coalesce(m.quantity, 0), coalesce(l.shipped, 0))
        FROM (SELECT sku, pool, -sum(delta) AS quantity FROM stock_movements WHERE kind = 'ship' GROUP BY 1, 2) m
        FULL JOIN (SELECT sku, pool, sum(shipped) AS shipped
                     FROM reservation_lines WHERE shipped > 0 GROUP BY 1, 2) l USING (sku, pool)
       WHERE coalesce(m.quantity, 0) <> coalesce(l.shipped, 0)`,
  },
  {
    id: 'I26',
    promise:
      'A payment task and its operations agree: what is done was accepted, what was asked for has its task, and goods wait for nothing else.',
    sql: `
      SELECT k.order_id, k.id, k.kind, k.status
        FROM payment_tasks k
       WHERE k.amount > 0
         AND NOT EXISTS (SELECT FROM payment_operations p
                          WHERE p.task_id = k.id AND p.kind = k.kind AND p.amount = k.amount
                            AND (k.status <> 'done' OR p.status IN ('approved', 'pending') OR p.failure_reason IS NOT NULL))
       UNION ALL
      SELECT p.order_id, p.id, p.kind, p.status
        FROM payment_operations p LEFT JOIN payment_tasks k ON k.id = p.task_id
       WHERE p.task_id IS NOT NULL AND k.order_id IS DISTINCT FROM p.order_id
       UNION ALL
      SELECT h.order_id, h.id, 'shipment', h.status
        FROM shipments h
       WHERE h.status = 'pending'
         AND NOT EXISTS (SELECT FROM payment_tasks k WHERE k.shipment_id = h.id AND k.status IN ('due', 'stuck'))`,
  },
  {
    id: 'I24',
    promise: 'Every product has a price in a currency and a multiple that can be charged.',
    // New prices are checked (422); those of earlier builds are found here.
    sql: `
      SELECT p.sku, p.unit_amount, p.currency
        FROM products p
        LEFT JOIN (VALUES ${multiples}) AS c (code, multiple) ON c.code = p.currency
       WHERE c.code IS NULL OR p.unit_amount % c.multiple <> 0`,
  },
];

export const invariants: readonly Invariant[] = [...others, ...moneyInvariants].sort(
  (a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)),
);
