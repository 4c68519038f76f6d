import type { Tx } from '../../database/database';
import { parsePublicId, publicId } from '../../ids';
import { type MessageType, appendMessages } from '../../outbox/outbox.repository';
import {
  reservationAlreadyConfirmed,
  reservationAlreadyReleased,
  reservationExpired,
  reservationHasOrder,
  reservationNotFound,
  reservationPinned,
} from '../inventory.errors';
import { unitsPool } from '../products/pools';
import type { ReservationEntity, ReservationStatus } from './reservation.entity';
import type { StockPart } from '../stock/stock-levels.repository';

export type { ReservationStatus };

/** One per SKU; in the table, one per pool that gave a part of it. Its token is the highest of them. */
export interface ReservationLine {
  sku: string;
  quantity: number;
  unitAmount: number;
  fencingToken: number;
  parts: StockPart[];
  /** Of its units; 0 in one that was just made. See `SoldPart`. */
  shipped?: number;
  givenBack?: number;
  returned?: number;
  /** Unit numbers, for products whose units have numbers, while the reservation holds them. */
  units?: number[] | null;
}

export interface Reservation extends Omit<ReservationEntity, 'endedAt'> {
  lines: ReservationLine[];
  /** The database's clock, read after the row; decides whether the reservation is due. */
  now: Date;
}

export type NewReservation = Pick<
  Reservation,
  'id' | 'principal' | 'customerId' | 'orderId' | 'totalAmount' | 'currency' | 'metadata' | 'lines'
> & { ttlSeconds: number };

/** A reservation as it was just written. */
export interface Reserved extends NewReservation {
  createdAt: Date;
  expiresAt: Date;
  maxExpiresAt: Date;
}

/** What a read would return at that moment. Undefined where units have numbers, which only a read knows. */
export function asWritten(reserved: Reserved): Reservation | undefined {
  const isNumbered = reserved.lines.some(({ parts }) => parts.some(({ pool }) => pool === unitsPool));
  if (isNumbered) return undefined;
  return {
    ...reserved,
    status: 'active',
    extensionsUsed: 0,
    endReason: null,
    returnedAt: null,
    version: 1,
    now: reserved.createdAt,
  };
}

/** Which changes a state allows, and the refusals of the others. Pure functions. */

/** Active in its row but past its end: it counts as expired before the sweeper has ended it. */
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

/** What a message reports about a reservation, after the change. */
export interface ReservationEvent extends Pick<Reservation, 'id' | 'principal' | 'orderId' | 'version'> {
  expiresAt?: Date;
}

/** What the message of a change reports: the reservation as it is after it. */
export const next = ({ id, principal, orderId, version }: Reservation): ReservationEvent => ({
  id,
  principal,
  orderId,
  version: version + 1,
});

/** Writes the messages of changes that no saga made, in the transaction of the change. */
export async function announce(
  tx: Tx,
  type: MessageType,
  reservations: ReservationEvent[],
  more: Record<string, unknown> = {},
): Promise<void> {
  await appendMessages(
    tx,
    reservations.map(({ id, principal, orderId, version, expiresAt }) => ({
      aggregateType: 'reservation',
      aggregateId: id,
      principal,
      sequence: version,
      type,
      payload: { orderId, expiresAt: expiresAt?.toISOString(), ...more },
    })),
  );
}
