import { type Queryable, Database } from '../../database/database';
import { firstIdAt } from '../../ids';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';

/** What happened in one second. */
export interface OrderCounts {
  accepted: number;
  placed: number;
  declined: number;
  expired: number;
  /** Reservations, including those made by an order. */
  taken: number;
  /** Of those: made without an order, and not ordered yet. */
  withoutOrder: number;
}

/** The clocks of processes differ, and an id is made a moment before its row. */
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

/** Placed orders per currency. */
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

/** Ids are ordered by time, so a period is a short range of the primary key; `created_at` decides. */
const rangeOf = (from: number, to: number) => [
  firstIdAt((from - marginSeconds) * 1_000),
  firstIdAt((to + marginSeconds) * 1_000),
  new Date(from * 1_000),
  new Date(to * 1_000),
];

/** The span of the longest chart. */
export const chartSeconds = 300;
/** After this a second is complete: its last transaction has committed. */
const settlesAfterSeconds = 8;
/** How much is read at once; more where only sums are needed. */
const stepSeconds = 60;
const dayStepSeconds = 600;

export interface PlacedToday {
  since: Date;
  orders: number;
  money: { amount: number; currency: string }[];
}

/**
 * Orders and reservations per second, counted from the rows themselves, so that no crash of a process makes them wrong.
 *
 * Complete seconds are remembered, and the day's total is their sum, so that only the last few seconds are read twice.
 */
@Injectable()
export class OrderRates {
  private readonly settled = new Map<number, OrderCounts>();
  private settledUntil = 0;

  constructor(private readonly db: Database) {}

  /** Each of the last `chartSeconds` whole seconds in which something happened. */
  async refresh(now: Date): Promise<Map<number, OrderCounts>> {
    const second = Math.floor(now.getTime() / 1_000);
    this.settledUntil = Math.max(this.settledUntil, second - chartSeconds);
    while (this.settledUntil < second - settlesAfterSeconds) {
      const until = Math.min(this.settledUntil + stepSeconds, second - settlesAfterSeconds);
      for (const [at, counts] of await countsBetween(this.db, this.settledUntil, until))
        this.settled.set(at, counts);
      this.settledUntil = until;
    }
    for (const at of this.settled.keys()) if (at < second - chartSeconds) this.settled.delete(at);
    return new Map([...this.settled, ...(await countsBetween(this.db, this.settledUntil, second))]);
  }
}

/** The orders placed since midnight (UTC), and their money. */
@Injectable()
export class PlacedSinceMidnight implements OnModuleDestroy {
  private readonly logger = new Logger('overview');
  private since = 0;
  private settledUntil = 0;
  private settled: PlacedMoney[] = [];
  private catchingUp: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly db: Database) {}

  /** Null while the day so far is being counted, which takes a few seconds late on a busy day. */
  async refresh(now: Date): Promise<PlacedToday | null> {
    const second = Math.floor(now.getTime() / 1_000);
    const midnight = second - (second % 86_400);
    if (midnight !== this.since && !this.catchingUp)
      Object.assign(this, { since: midnight, settledUntil: midnight, settled: [] });

    const settles = Math.max(midnight, second - settlesAfterSeconds);
    if (this.catchingUp || settles - this.settledUntil > dayStepSeconds) {
      this.catchingUp ??= this.settle(settles)
        .catch((error: Error) => this.logger.warn(`today's orders were not counted: ${error.message}`))
        .finally(() => (this.catchingUp = undefined));
      return null;
    }
    await this.settle(settles);
    const all = added(this.settled, await placedBetween(this.db, this.settledUntil, second + 1));
    return {
      since: new Date(midnight * 1_000),
      orders: all.reduce((sum, { orders }) => sum + orders, 0),
      money: all.map(({ amount, currency }) => ({ amount, currency })),
    };
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.catchingUp;
  }

  private async settle(until: number): Promise<void> {
    while (this.settledUntil < until && !this.stopped) {
      const to = Math.min(this.settledUntil + dayStepSeconds, until);
      this.settled = added(this.settled, await placedBetween(this.db, this.settledUntil, to));
      this.settledUntil = to;
    }
  }
}

function added(one: PlacedMoney[], other: PlacedMoney[]): PlacedMoney[] {
  const sums = new Map<string, PlacedMoney>();
  for (const { currency, orders, amount } of [...one, ...other]) {
    const sum = sums.get(currency) ?? { currency, orders: 0, amount: 0 };
    sums.set(currency, { currency, orders: sum.orders + orders, amount: sum.amount + amount });
  }
  return [...sums.values()].sort((a, b) => b.orders - a.orders || (a.currency < b.currency ? -1 : 1));
}
