import { isDeepStrictEqual } from 'node:util';
import { Database, type Queryable } from '../../src/database/database';
import { type Reservation, isDue } from '../../src/inventory/reservations/reservation';
import { reservationColumns } from '../../src/inventory/reservations/reservations.repository';
import { reservationView } from '../../src/inventory/reservations/reservations.responses';
import { type Order, orderColumns } from '../../src/orders/shown-orders.repository';
import { orderView } from '../../src/orders/orders.responses';

interface Shown {
  id: string;
  version: number;
}

/** What the clock alone changes has no version. */
const withoutCountdowns = (shown: Shown): Shown =>
  JSON.parse(JSON.stringify(shown), (key, value) => (key.endsWith('InSeconds') ? undefined : value)) as Shown;

/**
 * After each transaction reads every order and reservation, and throws when one shows something else under the version that
 * it had before, or has a lower one.
 */
export class VersionWatchingDatabase extends Database {
  private readonly seen = new Map<string, Shown>();

  override async transaction<T>(...given: Parameters<Database['transaction']>): Promise<T> {
    const result = (await super.transaction(...given)) as T;
    for (const shown of await shownNow(this)) this.compare(withoutCountdowns(shown), given[0]);
    return result;
  }

  private compare(shown: Shown, transaction: string): void {
    const before = this.seen.get(shown.id);
    const wrong =
      before &&
      (shown.version < before.version ||
        (shown.version === before.version && !isDeepStrictEqual(shown, before)));
    if (wrong)
      throw new Error(
        `After ${transaction}, ${shown.id} had version ${before.version} and has ${shown.version}:\n${JSON.stringify(before)}\n${JSON.stringify(shown)}`,
      );
    this.seen.set(shown.id, shown);
  }
}

async function shownNow(db: Queryable): Promise<Shown[]> {
  const orders = await db.rows<Order>(
    `SELECT ${orderColumns} FROM orders o JOIN sagas s ON s.order_id = o.id JOIN reservations r ON r.id = o.reservation_id`,
  );
  const reservations = await db.rows<Reservation>(`SELECT ${reservationColumns} FROM reservations r`);
  return [
    ...orders.map(orderView),
    ...reservations.filter((reservation) => !isDue(reservation)).map(reservationView),
  ];
}
