import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Database } from '../../database/database';
import { type OrderCounts, type PlacedMoney, countsBetween, placedBetween } from './order-counts';

/** What the longest chart looks back. */
export const chartSeconds = 300;
/** After this nothing more comes of a second: its last transaction has committed. */
const settlesAfterSeconds = 8;
/** Read at once; more where only sums are wanted. */
const stepSeconds = 60;
const dayStepSeconds = 600;

export interface PlacedToday {
  since: Date;
  orders: number;
  money: { amount: number; currency: string }[];
}

/**
 * Orders and reservations by the second they happened in, from the database itself: a number here is what a count of the
 * rows gives, whichever process did it and whatever has crashed since.
 *
 * Seconds that cannot change any more are remembered, and the day's total is those added up, so that nothing is read twice
 * but the last few seconds.
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

  /** Null while what was before us is still being counted, which a start late on a busy day takes a few seconds for. */
  async refresh(now: Date): Promise<PlacedToday | null> {
    const second = Math.floor(now.getTime() / 1_000);
    const midnight = second - (second % 86_400);
    if (midnight !== this.since && !this.catchingUp)
      Object.assign(this, { since: midnight, settledUntil: midnight, settled: [] });

    const settles = Math.max(midnight, second - settlesAfterSeconds);
    if (this.catchingUp || settles - this.settledUntil > dayStepSeconds) {
      this.catchingUp ??= this.settle(settles)
        .catch((error: Error) => this.logger.warn(`the day was not counted: ${error.message}`))
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
