import type { Queryable } from '../database/database';
import { isOfThisCell, parseIdOfAnyCell, publicId } from '../ids';
import { wonDisputeStatuses } from '../payment/payment-facts.repository';

/** One order in the payment provider's ledger, in minor units. */
export interface LedgerRow {
  orderId: string;
  /** The connected account of its newest payment; null: our own. Absent in ledgers of older sandboxes. */
  account?: string | null;
  currency: string;
  authorized: number;
  captured: number;
  /** Also in the provider's dashboard. A failed refund does not count: the money is back. */
  refunded: number;
  voided: number;
  /** Taken by disputes that are open or lost. */
  disputed?: number;
}

/** The same order in our database. `settled`: its saga has nothing left to do. */
export interface OrderFacts {
  id: string;
  status: string;
  total: number;
  currency: string;
  /** The connected account of its present payment. */
  account?: string | null;
  settled: boolean;
  /** Recorded as taken and not given back, in minor units. Default: the total. */
  kept?: number;
  /** Recorded as set aside until it is taken with the goods. */
  held?: number;
  /** The refund of an ended order that did not reach the customer, if no other was made since. */
  failedRefund?: number;
  /** Recorded as refunded by others, in minor units. */
  refundedOutside?: number;
  /** Recorded as taken by disputes that are open or lost. */
  disputed?: number;
}

export interface LedgerViolation {
  invariant: 'I4' | 'I5' | 'I8' | 'I20';
  orderId: string;
  what: string;
}

/** What the comparison needs of every order. */
export async function orderFacts(queryable: Queryable): Promise<OrderFacts[]> {
  const rows = await queryable.rows<OrderFacts>(
    `
    SELECT o.id, o.status, o.total_amount AS total, o.currency, o.payment ->> 'stripeAccount' AS account,
           s.status IN ('completed', 'compensated')
             AND NOT EXISTS (SELECT FROM payment_operations u
                              WHERE u.order_id = o.id AND u.task_id IS NOT NULL AND u.status IN ('sent', 'unknown')) AS settled,
           coalesce(m.captured, 0)::float8 - coalesce(m.refunded, 0)::float8 AS kept,
           CASE WHEN o.capture = 'on_shipment' AND o.status = 'placed' AND NOT coalesce(f.has_expired, false)
                THEN coalesce(m.held, 0)::float8 ELSE 0 END AS held,
           coalesce(r.failed, 0)::float8 AS "failedRefund",
           coalesce(f.refunded, 0)::float8 AS "refundedOutside",
           coalesce(f.disputed, 0)::float8 AS disputed
      FROM orders o
      JOIN sagas s ON s.order_id = o.id
      LEFT JOIN (SELECT order_id, payment_attempt,
                        max(amount) FILTER (WHERE kind IN ('capture', 'charge') AND status = 'approved'
                                              AND decline_code IS NULL) AS captured,
                        sum(amount) FILTER (WHERE kind = 'refund' AND status IN ('approved', 'pending')) AS refunded,
                        CASE WHEN NOT bool_or(kind IN ('capture', 'void') AND status = 'approved')
                             THEN max(amount) FILTER (WHERE kind = 'authorize' AND status = 'approved') END AS held
                   FROM payment_operations
                  GROUP BY order_id, payment_attempt) m ON m.order_id = o.id AND m.payment_attempt = o.payment_attempt
      LEFT JOIN (SELECT order_id, sum(amount) FILTER (WHERE status = 'failed' AND failure_reason IS NOT NULL) AS failed
                   FROM (SELECT DISTINCT ON (order_id, request) order_id, status, failure_reason, amount
                           FROM payment_operations WHERE kind = 'refund' ORDER BY order_id, request, id DESC) newest
                  GROUP BY order_id) r ON r.order_id = o.id
      LEFT JOIN (SELECT order_id, bool_or(type = 'authorization_expired') AS has_expired,
                        sum(amount) FILTER (WHERE type = 'refunded_outside'
                                              AND status NOT IN ('failed', 'canceled')) AS refunded,
                        sum(amount) FILTER (WHERE type = 'dispute_opened'
                                              AND status <> ALL ($1::text[])
                                              AND NOT starts_with(status, 'warning_')) AS disputed
                   FROM payment_facts GROUP BY order_id) f ON f.order_id = o.id
    `,
    [wonDisputeStatuses],
  );
  return rows.map((row) => ({ ...row, id: publicId('ord', row.id) }));
}

/**
 * Compares our orders with the provider's ledger: what was captured and not refunded is what we recorded for a placed order,
 * and nothing for all others; what is set aside waits to be captured with the goods, or is voided. An order in flight may
 * have money captured or authorized, but never more than its total.
 */
export function compareWithLedger(orders: OrderFacts[], ledger: LedgerRow[]): LedgerViolation[] {
  const violations: LedgerViolation[] = [];
  const books = new Map(ledger.map((row) => [row.orderId, row]));
  for (const order of orders) {
    const row = books.get(order.id);
    books.delete(order.id);
    const kept = row ? row.captured - row.refunded : 0;
    const report = (invariant: LedgerViolation['invariant'], what: string) =>
      violations.push({ invariant, orderId: order.id, what });

    if (row && row.currency !== order.currency)
      report('I20', `charged in ${row.currency}, ordered in ${order.currency}`);
    if (row && row.account !== undefined && row.account !== (order.account ?? null))
      report(
        'I20',
        `charged at ${row.account ?? 'our own account'}, ordered at ${order.account ?? 'our own'}`,
      );
    if (kept > order.total) report('I5', `${kept} kept for a total of ${order.total}`);
    if (!order.settled) continue;
    const due = moneyDue(order);
    if (order.status === 'placed' && kept !== due) report('I4', `placed for ${due}, but ${kept} kept`);
    if (order.status !== 'placed' && kept !== due)
      report('I4', `${order.status}, but ${kept} kept${due === 0 ? '' : ` of ${due}`}`);
    if (row?.disputed !== undefined && row.disputed !== (order.disputed ?? 0))
      report('I4', `${row.disputed} taken by disputes, of which ${order.disputed ?? 0} are recorded`);
    const open = row ? row.authorized - row.captured - row.voided : 0;
    const held = order.held ?? 0;
    if (open !== held)
      report('I8', `${order.status}, but ${open} still set aside${held === 0 ? '' : `, not ${held}`}`);
  }
  // guard: lost-orders-are-reported
  for (const row of books.values()) {
    // guard: charges-of-other-cells-are-left-out
    if (isOfAnotherCell(row)) continue;
    const [kept, open] = [row.captured - row.refunded, row.authorized - row.captured - row.voided];
    if (kept > 0 || open > 0)
      violations.push({ invariant: 'I4', orderId: row.orderId, what: lost(row, kept, open) });
  }
  return violations;
}

/** Cells may share the provider's account. What another cell sold is for its own audit. */
function isOfAnotherCell({ orderId }: LedgerRow): boolean {
  const id = parseIdOfAnyCell('ord', orderId);
  return id !== undefined && !isOfThisCell(id);
}

/** What the provider must keep for an order that has ended. What others refunded is not owed any more, once it is recorded. */
function moneyDue({
  status,
  total,
  kept = total,
  failedRefund = 0,
  refundedOutside = 0,
}: OrderFacts): number {
  if (status === 'placed') return kept - refundedOutside;
  return failedRefund > 0 ? failedRefund - refundedOutside : 0;
}

/** A database restored from a backup lacks the orders that came after it. */
function lost({ currency }: LedgerRow, kept: number, open: number): string {
  const held = [
    ...(kept > 0 ? [`keeps ${kept} ${currency}`] : []),
    ...(open > 0 ? [`has ${open} ${currency} set aside`] : []),
  ].join(' and ');
  return `this database has no such order, but the provider ${held} for it: refund or void it there`;
}
