import type { Tx } from '../../database/database';
import { parsePublicId, publicId } from '../../ids';
import { type MessageType, appendMessages } from '../../outbox/outbox';
import {
  reservationAlreadyConfirmed,
  reservationAlreadyReleased,
  reservationExpired,
  reservationHasOrder,
  reservationNotFound,
  reservationPinned,
} from '../inventory.errors';
import type { StockPart } from '../stock/stock-levels';

/**
 * The states of a reservation.
 *
 * active    → pinned     a charge is about to be asked for (its order's saga)
 * active    → confirmed  sold by a shop that charges elsewhere
 * active    → expired    its time is up; noticed by whoever looks next, ended by the sweeper
 * pinned    → confirmed  charged: sold
 * active, pinned → released   given back on purpose
 *
 * Confirmed, released and expired are final. Confirmed units stay in `reserved` until they are shipped, or until
 * `returned_at` says that a refunded order gave them back.
 */
export type ReservationStatus = 'active' | 'pinned' | 'confirmed' | 'released' | 'expired';

/** One per SKU; in the table, one per pool that gave a part of it. Its token is the highest of them. */
export interface ReservationLine {
  sku: string;
  quantity: number;
  unitAmount: number;
  fencingToken: number;
  parts: StockPart[];
  /** The numbers of its units, where each has one and the reservation holds them. */
  units?: number[] | null;
}

export interface Reservation {
  id: string;
  principal: string;
  customerId: string;
  orderId: string | null;
  status: ReservationStatus;
  totalAmount: number;
  currency: string;
  expiresAt: Date;
  maxExpiresAt: Date;
  extensionsUsed: number;
  endReason: string | null;
  returnedAt: Date | null;
  metadata: Record<string, string>;
  version: number;
  createdAt: Date;
  lines: ReservationLine[];
  /** The database's clock, read after the row was: what decides whether it is due. */
  now: Date;
}

export interface NewReservation {
  id: string;
  principal: string;
  customerId: string;
  orderId: string | null;
  totalAmount: number;
  currency: string;
  ttlSeconds: number;
  metadata: Record<string, string>;
  lines: ReservationLine[];
}

/** A reservation as it was just written. */
export interface Reserved extends NewReservation {
  createdAt: Date;
  expiresAt: Date;
}

/** What may be done to a reservation in which state, and in whose words it is refused. Pure: no query is made here. */

/** Active in its row but past its end: expired to everybody who looks, whether or not the sweeper has been here. */
export function isDue(reservation: Reservation): boolean {
  return reservation.status === 'active' && reservation.expiresAt <= reservation.now;
}

/** Precedence: expired, released, confirmed. */
export function refuseEnded(reservation: Reservation): void {
  if (reservation.status === 'expired' || isDue(reservation)) throw expired(reservation);
  if (reservation.status === 'released') {
    throw reservationAlreadyReleased(
      `Reservation ${publicId('rsv', reservation.id)} was given back. Reserve again.`,
    );
  }
  refuseConfirmed(reservation);
}

/** For what its shop does with a reservation without an order. Precedence: expired, released, confirmed, pinned, its order. */
export function refuseUnlessActive(reservation: Reservation): void {
  refuseEnded(reservation);
  if (reservation.status === 'pinned') throw inFlight(reservation);
  if (reservation.orderId) {
    throw reservationHasOrder(
      `Order ${publicId('ord', reservation.orderId)} will confirm it when its charge is captured. To buy something else, cancel that order.`,
      { orderId: publicId('ord', reservation.orderId) },
    );
  }
}

export const noSuchReservation = () =>
  reservationNotFound('None of your reservations has this id. Check it, or reserve again.');

export const expired = (reservation: Reservation) =>
  reservationExpired(
    `Reservation ${publicId('rsv', reservation.id)} expired at ${reservation.expiresAt.toISOString()}. Reserve again.`,
  );

export const inFlight = (reservation: Reservation) =>
  reservationPinned(
    `Order ${publicId('ord', reservation.orderId!)} is being charged and will end it. Look at the order, or cancel it.`,
  );

export function refuseConfirmed(reservation: Reservation): void {
  if (reservation.status === 'confirmed') {
    throw reservationAlreadyConfirmed(
      `Reservation ${publicId('rsv', reservation.id)} is sold. It cannot be changed any more.`,
    );
  }
}

/** A malformed id is not found. */
export function reservationIdOf(text: string): string {
  const id = parsePublicId('rsv', text);
  if (!id) throw noSuchReservation();
  return id;
}

/** A reservation as its message tells of it, after the change. */
export interface ReservationEvent {
  id: string;
  orderId: string | null;
  version: number;
  expiresAt?: Date;
}

/** Writes what became of reservations that no saga moved, in the transaction that did it. */
export async function announce(tx: Tx, type: MessageType, reservations: ReservationEvent[]): Promise<void> {
  await appendMessages(
    tx,
    reservations.map(({ id, orderId, version, expiresAt }) => ({
      aggregateType: 'reservation',
      aggregateId: id,
      sequence: version,
      type,
      payload: { orderId, expiresAt: expiresAt?.toISOString() },
    })),
  );
}
