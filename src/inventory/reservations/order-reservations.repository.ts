import { type Tx, columnsOf } from '../../database/database';
import type { HoldfastError } from '../../errors';
import { newId, publicId } from '../../ids';
import type { Money } from '../../money';
import { reservationHasOrder, reservationOfAnotherCustomer } from '../inventory.errors';
import { attachOrder, findReservation, insertReservations, lockReservation } from './reservations.repository';
import { noSuchReservation, refuseEnded, type Reservation, type ReservationStatus } from './reservation';
import { giveBack, lineOf, partsOf, takeFromAnyPool } from '../stock/stock-levels.repository';

/** What an order's saga does to its reservation, in the order's transaction. */

/**
 * Attaches an order to a reservation that its shop made before. Precedence of refusals: not found, another customer's,
 * another order's, expired, released, confirmed, a different total.
 */
export async function attach(
  tx: Tx,
  wanted: {
    reservationId: string;
    orderId: string;
    owner: string | null;
    customerId: string;
    accepts: (total: Money) => HoldfastError | undefined;
  },
): Promise<Reservation> {
  const reservation = await lockReservation(tx, wanted.reservationId);
  if (!reservation || reservation.principal !== (wanted.owner ?? reservation.principal))
    throw noSuchReservation();
  if (reservation.customerId !== wanted.customerId) {
    throw reservationOfAnotherCustomer('Order with the customerId that the reservation was made for.');
  }
  if (reservation.orderId) {
    throw reservationHasOrder(
      `Order ${publicId('ord', reservation.orderId)} was placed on it already. Look at that order, or reserve again.`,
      { orderId: publicId('ord', reservation.orderId) },
    );
  }
  refuseEnded(reservation);
  const refused = wanted.accepts({ amount: reservation.totalAmount, currency: reservation.currency });
  if (refused) throw refused;

  await attachOrder(tx, reservation.id, wanted.orderId);
  return reservation;
}

/** `expired` and `released`: no charge may be made. */
export type PinOutcome = 'pinned' | 'expired' | 'released';

/** The row of an order's reservation, locked; `now` was read after the lock. */
interface ReservationRow extends Pick<
  Reservation,
  'id' | 'status' | 'expiresAt' | 'maxExpiresAt' | 'returnedAt' | 'version' | 'now'
> {
  orderId: string;
}

/**
 * The reservation of an order, as its saga changes it: in memory, under the row lock, and written by
 * `saveOrderReservations` together with many others.
 */
export class OrderReservation {
  private status: ReservationStatus;
  private endReason: string | null = null;
  private givesBack = false;
  private until: Date;

  constructor(private readonly before: ReservationRow) {
    this.status = before.status;
    this.until = before.expiresAt;
  }

  get reservationId(): string {
    return this.before.id;
  }

  /**
   * A charge is about to be made, so the reservation no longer expires. A reservation that expired while we waited for the
   * lock is not charged.
   */
  pin(): PinOutcome {
    if (this.status === 'pinned') return 'pinned';
    if (this.status === 'released') return 'released';
    if (this.status === 'expired' || this.isDue) return 'expired';
    if (this.status === 'confirmed')
      throw new Error(`Bug: ${this.reservationId} was confirmed before its charge.`);
    // guard: charge-pins-reservation
    this.status = 'pinned';
    return 'pinned';
  }

  /** The charge was not sent after all, so the reservation can expire again. */
  unpin(): void {
    if (this.status === 'pinned') this.status = 'active';
  }

  /**
   * The card was declined, and nothing of its charge is left: the stock stays reserved for another card, within the
   * reservation's lifetime. Undefined: that is over.
   */
  holdFor(seconds: number): Date | undefined {
    const { now, maxExpiresAt } = this.before;
    if (this.status !== 'pinned' || maxExpiresAt <= now) return undefined;
    this.status = 'active';
    this.until = new Date(Math.min(now.getTime() + seconds * 1_000, maxExpiresAt.getTime()));
    return this.until;
  }

  /** What became of a reservation that is held for another card. */
  get held(): { until: Date } | 'expired' | 'released' {
    if (this.status === 'released') return 'released';
    return this.status === 'active' && !this.isDue ? { until: this.until } : 'expired';
  }

  /** No charge can be waited for longer than this. */
  get maxExpiresAt(): Date {
    return this.before.maxExpiresAt;
  }

  /** The charge is captured: the stock is sold. It stays in `reserved` until it is shipped, so no stock row is touched. */
  confirm(): void {
    if (this.status === 'confirmed') return;
    if (this.status !== 'pinned')
      throw new Error(`Bug: ${this.reservationId} was charged for and is ${this.status}.`);
    this.status = 'confirmed';
    this.endReason = 'order placed';
  }

  /**
   * Puts the stock back on sale, once, in any state: a live reservation is released, an active one past its end expires, a
   * confirmed one is returned, an ended one changes nothing.
   */
  undo(endReason: string): void {
    if (this.status === 'released' || this.status === 'expired' || this.givesBack) return;
    if (this.status === 'confirmed' && this.before.returnedAt) return;
    this.givesBack = true;
    if (this.status === 'confirmed') return;
    const expires = this.isDue;
    this.status = expires ? 'expired' : 'released';
    this.endReason = expires ? 'expired' : endReason;
  }

  /** What to write, or undefined when nothing changed. */
  change() {
    const { id, status: from, version, now } = this.before;
    if (this.status === from && !this.givesBack) return undefined;
    const isEnd = this.status !== 'active' && this.status !== 'pinned';
    return {
      id,
      from,
      version,
      to: this.status,
      // Only a new end: PostgreSQL's clock is finer than JavaScript's.
      expiresAt: this.until === this.before.expiresAt ? null : this.until,
      endReason: this.endReason,
      endedAt: isEnd ? now : null,
      returnedAt: this.givesBack && this.status === 'confirmed' ? now : null,
      givesBack: this.givesBack,
    };
  }

  private get isDue(): boolean {
    return this.status === 'active' && this.until <= this.before.now;
  }
}

/** Locks the reservations of these orders in the order of their ids, as everywhere; returns them by order. */
export async function lockOrderReservations(
  tx: Tx,
  orders: { orderId: string; reservationId: string }[],
): Promise<Map<string, OrderReservation>> {
  const rows = await tx.rows<ReservationRow>(
    `
    WITH held AS MATERIALIZED (
      SELECT id, order_id AS "orderId", status, expires_at AS "expiresAt", max_expires_at AS "maxExpiresAt",
             returned_at AS "returnedAt", version
        FROM reservations
       WHERE id = ANY ($1::uuid[])
       ORDER BY id
         FOR UPDATE
    )
    SELECT held.*, clock_timestamp() AS now FROM held
    `,
    [orders.map(({ reservationId }) => reservationId)],
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return new Map(
    orders.map(({ orderId, reservationId }) => {
      const row = byId.get(reservationId);
      if (row?.orderId !== orderId)
        throw new Error(`Bug: order ${orderId} lost its reservation ${reservationId}.`);
      return [orderId, new OrderReservation(row)];
    }),
  );
}

/** Writes what changed, and puts returned stock back on sale. */
export async function saveOrderReservations(tx: Tx, held: OrderReservation[]): Promise<void> {
  const changes = held.flatMap((stock) => stock.change() ?? []);
  if (changes.length === 0) return;
  const changed = await tx.affected(
    `
    UPDATE reservations r
       SET status = c.to_status,
           expires_at = coalesce(c.expires_at, r.expires_at),
           end_reason = coalesce(c.end_reason, r.end_reason),
           ended_at = coalesce(r.ended_at, c.ended_at),
           returned_at = c.returned_at,
           version = r.version + 1
      FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
                  $8::timestamptz[])
             AS c (id, from_status, version, to_status, end_reason, ended_at, returned_at, expires_at)
     WHERE r.id = c.id AND r.status = c.from_status AND r.version = c.version
    `,
    columnsOf(changes, 'id', 'from', 'version', 'to', 'endReason', 'endedAt', 'returnedAt', 'expiresAt'),
  );
  if (changed !== changes.length) throw new Error('Bug: a reservation changed under its own lock.');
  await giveBack(
    tx,
    changes.filter((change) => change.givesBack).map((change) => change.id),
  );
}

/**
 * Takes the stock of an ended reservation once more, for the same order at the same prices. Undefined, with nothing
 * changed: the stock is sold to others.
 */
export async function reserveAgain(
  tx: Tx,
  order: { orderId: string; reservationId: string },
  ttlSeconds: number,
): Promise<OrderReservation | undefined> {
  const ended = await findReservation(tx, order.reservationId);
  if (!ended) throw new Error(`Bug: order ${order.orderId} lost its reservation ${order.reservationId}.`);
  const id = newId();
  const demands = ended.lines.map((line) => ({ ...line, pool: line.parts[0]!.pool }));
  const grants = await takeFromAnyPool(tx, demands, id);
  if (grants.some(({ taken }) => !taken)) return undefined;
  const lines = ended.lines.map((line, nth) => ({ ...line, ...lineOf(partsOf(grants[nth]!)) }));
  const again = { ...ended, id, lines, ttlSeconds };
  await insertReservations(tx, [again], ttlSeconds);
  const held = await lockOrderReservations(tx, [{ orderId: order.orderId, reservationId: again.id }]);
  return held.get(order.orderId);
}
