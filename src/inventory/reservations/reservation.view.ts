import { publicId } from '../../ids';
import type { Reservation, ReservationLine } from './reservations.repository';
import { isDue } from './reservation-rules';
import { money, secondsUntil } from '../../http/responses';

export function reservationView(reservation: Reservation) {
  const due = isDue(reservation);
  return {
    id: publicId('rsv', reservation.id),
    object: 'reservation' as const,
    status: due ? ('expired' as const) : reservation.status,
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
  ...(line.units ? { units: line.units } : {}),
});
