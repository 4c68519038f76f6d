import type { Config } from '../../config/config';
import { ValidationFailed } from '../../errors';
import { parsePublicId, publicId } from '../../ids';
import {
  reservationAlreadyConfirmed,
  reservationAlreadyReleased,
  reservationExpired,
  reservationHasOrder,
  reservationNotFound,
  reservationPinned,
} from '../inventory.errors';
import type { Reservation } from './reservations.repository';

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

/** A malformed id is not found. */
export function reservationIdOf(text: string): string {
  const id = parsePublicId('rsv', text);
  if (!id) throw noSuchReservation();
  return id;
}

/** The largest TTL is a setting, so no decorator can check it. */
export function checkedTtl(ttlSeconds: number | undefined, config: Config): number {
  if (ttlSeconds !== undefined && ttlSeconds > config.reservationTtlSecondsMax) {
    throw new ValidationFailed([
      {
        pointer: '/ttlSeconds',
        code: 'max',
        detail: `ttlSeconds must be at most ${config.reservationTtlSecondsMax}.`,
      },
    ]);
  }
  return ttlSeconds ?? config.reservationTtlSeconds;
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
