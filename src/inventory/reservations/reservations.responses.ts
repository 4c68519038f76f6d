import { z } from 'zod';
import {
  instant,
  int,
  metadataType,
  money,
  moneyType,
  pageType,
  publicIdOf,
  responseType,
  secondsUntil,
  text,
} from '../../http/responses';
import { publicId } from '../../ids';
import { isDue, type Reservation, type ReservationLine } from './reservation';

export const reservationStatusType = z
  .enum(['active', 'pinned', 'confirmed', 'released', 'expired'])
  .meta({ id: 'ReservationStatus' });

const lineType = responseType('ReservationLine', {
  sku: text('TEE-BLACK-M'),
  quantity: int(2),
  unitPrice: moneyType,
  fencingToken: int(17),
  shipped: int(1),
  givenBack: int(0).describe('Sold units that were given back before they were shipped.'),
  returned: int(0).describe('Shipped units that came back.'),
  units: z.array(int(7)).optional().describe('Their numbers, where each unit has one.'),
});

export const reservationType = responseType('Reservation', {
  id: publicIdOf('rsv'),
  object: z.literal('reservation'),
  version: int(1).describe(
    'Grows with every change of the reservation. Of two answers the one with the higher version is newer.',
  ),
  status: reservationStatusType,
  customerId: text('cus_42'),
  lines: z.array(lineType),
  total: moneyType,
  expiresAt: instant('2026-11-20T10:10:00.000Z'),
  expiresInSeconds: int(599).describe('0 once it has ended.'),
  maxExpiresAt: instant('2026-11-20T10:30:00.000Z').describe('No extension goes beyond this.'),
  extensionsUsed: int(0),
  endReason: text('expired').nullable().describe('In words; null while it lives.'),
  orderId: publicIdOf('ord').nullable(),
  createdAt: instant(),
  metadata: metadataType,
});
export type ReservationResponse = z.infer<typeof reservationType>;

export const reservationListType = pageType(reservationType);

const reservedType = z.strictObject({ units: int(6), reservations: int(5) });

export const returningType = responseType('Returning', {
  object: z.literal('returning'),
  sku: text('TEE-BLACK-M').nullable().describe('Null: all products.'),
  asOf: instant(),
  units: z
    .array(int(4))
    .describe('60 sums of 10 s each, the next 10 s first; what is overdue is in the first.'),
  withinMinute: int(6).describe('The first six sums together.'),
  active: reservedType,
  pinned: reservedType.describe('Pinned reservations have no timer.'),
});
export type Returning = z.infer<typeof returningType>;

export function reservationView(reservation: Reservation): ReservationResponse {
  const due = isDue(reservation);
  return {
    id: publicId('rsv', reservation.id),
    object: 'reservation',
    version: reservation.version,
    status: due ? 'expired' : reservation.status,
    customerId: reservation.customerId,
    lines: reservation.lines.map((line) => lineView(line, reservation.currency)),
    total: money(reservation.totalAmount, reservation.currency),
    expiresAt: reservation.expiresAt.toISOString(),
    expiresInSeconds: secondsUntil(reservation.expiresAt, reservation.now),
    maxExpiresAt: reservation.maxExpiresAt.toISOString(),
    extensionsUsed: reservation.extensionsUsed,
    endReason: due ? 'expired' : reservation.endReason,
    orderId: reservation.orderId && publicId('ord', reservation.orderId),
    createdAt: reservation.createdAt.toISOString(),
    metadata: reservation.metadata,
  };
}

const lineView = (line: ReservationLine, currency: string) => ({
  sku: line.sku,
  quantity: line.quantity,
  unitPrice: money(line.unitAmount, currency),
  fencingToken: line.fencingToken,
  shipped: line.shipped ?? 0,
  givenBack: line.givenBack ?? 0,
  returned: line.returned ?? 0,
  ...(line.units ? { units: line.units } : {}),
});
