import type { Queryable } from '../../database/database';
import { firstIdAt } from '../../ids';

/** What happened in one second. */
export interface OrderCounts {
  accepted: number;
  placed: number;
  declined: number;
  expired: number;
  /** Reservations, those that an order brought with it included. */
  taken: number;
  /** Of those: made by themselves, and not ordered yet. */
  withoutOrder: number;
}

/** Processes' clocks differ, and an id is made a moment before its row. */
const marginSeconds = 2;

/** Seconds of the Unix epoch, `from` included and `to` not. Only seconds in which something happened. */
export async function countsBetween(
  db: Queryable,
  from: number,
  to: number,
): Promise<Map<number, OrderCounts>> {
  const found = new Map<number, OrderCounts>();
  const at = (second: number) => {
    const counts = found.get(second) ?? noCounts();
    found.set(second, counts);
    return counts;
  };
  const range = rangeOf(from, to);
  const messages = await db.rows<{ second: number; type: string; reason: string | null; count: number }>(
    `
    SELECT extract(epoch FROM date_trunc('second', created_at))::bigint AS second, type, payload ->> 'reason' AS reason,
           count(*)::int AS count
      FROM outbox
     WHERE id >= $1::uuid AND id < $2::uuid AND created_at >= $3::timestamptz AND created_at < $4::timestamptz
       AND type IN ('order.accepted', 'order.placed', 'order.rejected', 'reservation.expired')
     GROUP BY 1, 2, 3
    `,
    range,
  );
  for (const { second, type, reason, count } of messages) {
    if (type === 'order.accepted') at(second).accepted += count;
    if (type === 'order.placed') at(second).placed += count;
    if (type === 'reservation.expired') at(second).expired += count;
    if (type === 'order.rejected' && reason === 'payment_declined') at(second).declined += count;
  }
  const reservations = await db.rows<{ second: number; taken: number; withoutOrder: number }>(
    `
    SELECT extract(epoch FROM date_trunc('second', created_at))::bigint AS second, count(*)::int AS taken,
           (count(*) FILTER (WHERE order_id IS NULL))::int AS "withoutOrder"
      FROM reservations
     WHERE id >= $1::uuid AND id < $2::uuid AND created_at >= $3::timestamptz AND created_at < $4::timestamptz
     GROUP BY 1
    `,
    range,
  );
  for (const { second, taken, withoutOrder } of reservations)
    Object.assign(at(second), { taken, withoutOrder });
  return found;
}

export interface PlacedMoney {
  currency: string;
  orders: number;
  amount: number;
}

/** What was placed, a row for each currency. */
export function placedBetween(db: Queryable, from: number, to: number): Promise<PlacedMoney[]> {
  return db.rows<PlacedMoney>(
    `
    SELECT o.currency, count(*)::int AS orders, sum(o.total_amount)::bigint AS amount
      FROM outbox m JOIN orders o ON o.id = m.aggregate_id
     WHERE m.id >= $1::uuid AND m.id < $2::uuid AND m.created_at >= $3::timestamptz AND m.created_at < $4::timestamptz
       AND m.type = 'order.placed'
     GROUP BY o.currency
    `,
    rangeOf(from, to),
  );
}

export const noCounts = (): OrderCounts => ({
  accepted: 0,
  placed: 0,
  declined: 0,
  expired: 0,
  taken: 0,
  withoutOrder: 0,
});

/** Ids are ordered by time, so a stretch of time is a short range of the primary key; the row's own time decides. */
const rangeOf = (from: number, to: number) => [
  firstIdAt((from - marginSeconds) * 1_000),
  firstIdAt((to + marginSeconds) * 1_000),
  new Date(from * 1_000),
  new Date(to * 1_000),
];
