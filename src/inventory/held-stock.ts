import type { Tx } from '../database/database';
import type { HoldfastError } from '../errors';
import { newId, publicId } from '../ids';
import { reservationHasOrder, reservationOfAnotherCustomer } from './inventory.errors';
import {
  type Reservation,
  attachOrder,
  changeStatus,
  insertReservations,
  lockReservation,
  markReturned,
} from './reservations.repository';
import { isDue, noSuchReservation, refuseEnded } from './reservation-rules';
import type { Money } from './reserve';
import { giveBack, takeTogether } from './stock-levels';

/** What an order does to the reservation that holds its stock. Each call joins the order's transaction. */

/**
 * Binds an order to a reservation that its shop made before. Precedence of refusals: not found, another customer's,
 * another order's, expired, released, confirmed, another total.
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

/** What a pin found: pinned now or before, or ended, so that no charge may be asked for. */
export type PinOutcome = 'pinned' | 'expired' | 'released';

/**
 * Takes the reservation out of its TTL's hands before its charge is asked for. Decided under the row's lock by the
 * clock read after it, so a reservation whose time ran out while we queued for the lock is not charged for.
 */
export async function pin(tx: Tx, reservationId: string, orderId: string): Promise<PinOutcome> {
  const reservation = await lockOwn(tx, reservationId, orderId);
  if (reservation.status === 'pinned') return 'pinned';
  if (reservation.status === 'released') return 'released';
  if (reservation.status === 'expired' || isDue(reservation)) return 'expired';
  if (reservation.status === 'confirmed')
    throw new Error(`Bug: ${reservationId} was confirmed before its charge.`);
  await changeStatus(tx, reservation, { to: 'pinned' });
  return 'pinned';
}

/** The charge was held back before anything was asked, so the time that the buyer was promised runs on. */
export async function unpin(tx: Tx, reservationId: string, orderId: string): Promise<void> {
  const reservation = await lockOwn(tx, reservationId, orderId);
  if (reservation.status === 'pinned') await changeStatus(tx, reservation, { to: 'active' });
}

/** The charge is captured: the stock is sold. It stays in `reserved` until it is shipped, so no stock row is touched. */
export async function confirmPinned(tx: Tx, reservationId: string, orderId: string): Promise<void> {
  const reservation = await lockOwn(tx, reservationId, orderId);
  if (reservation.status === 'confirmed') return;
  if (reservation.status !== 'pinned') {
    throw new Error(`Bug: order ${orderId} was charged for a reservation that is ${reservation.status}.`);
  }
  await changeStatus(tx, reservation, { to: 'confirmed', endReason: 'order placed' });
}

/**
 * Puts an order's stock back on sale, once, whatever state its reservation is in: a live one is released, an active
 * one past its end expires, a confirmed one is returned, an ended one has nothing left to give.
 */
export async function undoReservation(
  tx: Tx,
  reservationId: string,
  orderId: string,
  endReason: string,
): Promise<void> {
  const reservation = await lockOwn(tx, reservationId, orderId);
  if (reservation.status === 'released' || reservation.status === 'expired') return;
  if (reservation.status === 'confirmed') {
    if (reservation.returnedAt) return;
    await markReturned(tx, reservation);
  } else if (isDue(reservation)) {
    await changeStatus(tx, reservation, { to: 'expired', endReason: 'expired' });
  } else {
    await changeStatus(tx, reservation, { to: 'released', endReason });
  }
  await giveBack(tx, [reservation.id]);
}

/**
 * Takes the stock of an ended reservation once more, for the same order at the same prices. Undefined, with nothing
 * changed: somebody else has it by now.
 */
export async function reserveAgain(
  tx: Tx,
  reservationId: string,
  orderId: string,
  ttlSeconds: number,
): Promise<string | undefined> {
  const ended = await lockOwn(tx, reservationId, orderId);
  const [grants] = await takeTogether(tx, [ended.lines]);
  const lines = ended.lines.flatMap((line, nth) => {
    const grant = grants === 'over-limit' ? undefined : grants?.[nth];
    return grant?.taken ? [{ ...line, fencingToken: grant.fencingToken }] : [];
  });
  if (lines.length < ended.lines.length) return undefined;
  const [reserved] = await insertReservations(tx, [{ ...ended, id: newId(), lines, ttlSeconds }], ttlSeconds);
  return reserved!.id;
}

async function lockOwn(tx: Tx, reservationId: string, orderId: string): Promise<Reservation> {
  const reservation = await lockReservation(tx, reservationId);
  if (reservation?.orderId !== orderId)
    throw new Error(`Bug: order ${orderId} lost its reservation ${reservationId}.`);
  return reservation;
}
