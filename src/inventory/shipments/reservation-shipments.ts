import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/auth.guard';
import { Database, type Tx } from '../../database/database';
import { replayOf } from '../../idempotency/idempotency.repository';
import { newId, publicId } from '../../ids';
import { reservationHasOrder, reservationNotConfirmed } from '../inventory.errors';
import { announce, next, refuseEnded, type Reservation } from '../reservations/reservation';
import { lockOwn } from '../reservations/reservations.service';
import { type Restock, ship, takeBack } from './shipping';
import type { WantedUnits } from './sold-units';

/** Goods of reservations without an order leave and come back, for shops that charge elsewhere. */
@Injectable()
export class ReservationShipments {
  constructor(private readonly db: Database) {}

  ship(
    id: string,
    request: { lines?: WantedUnits[]; reference?: string },
    key: string,
    principal: Principal,
  ): Promise<{ replayed: boolean }> {
    return this.change('ship', { id, request, key, principal }, async (tx, reservation) => {
      const {
        id: shipmentId,
        lines,
        reference,
      } = await ship(tx, reservation, {
        ...request,
        actor: principal.name,
      });
      const payload = { shipmentId: publicId('shp', shipmentId), lines, reference };
      await announce(tx, 'reservation.shipped', [next(reservation)], payload);
    });
  }

  takeBack(
    id: string,
    { lines, restock = 'none' }: { lines: WantedUnits[]; restock?: Restock },
    key: string,
    principal: Principal,
  ): Promise<{ replayed: boolean }> {
    const request = { lines, restock };
    return this.change('return', { id, request, key, principal }, async (tx, reservation) => {
      const returned = await takeBack(tx, reservation, {
        lines: lines.map((line) => ({ ...line, restock })),
        reason: publicId('rsv', id),
        actor: principal.name,
      });
      await announce(tx, 'reservation.returned', [next(reservation)], { lines: returned, restock });
    });
  }

  /** A repeat under the same key changes nothing. */
  private async change(
    verb: 'ship' | 'return',
    { id, request, key, principal }: { id: string; request: object; key: string; principal: Principal },
    work: (tx: Tx, reservation: Reservation) => Promise<void>,
  ): Promise<{ replayed: boolean }> {
    // A second run, because the answer to our COMMIT was lost, is no replay.
    const resourceId = newId();
    const claim = { principal: principal.name, operation: `reservations/${verb}`, resourceId };
    return this.db.transaction(
      'move-goods',
      async (tx) => {
        const before = await replayOf(tx, key, { ...claim, request: { id, ...request } });
        if (before) return { replayed: before !== resourceId };
        const reservation = await lockOwn(tx, id, principal);
        refuseUnlessSold(reservation);
        await work(tx, reservation);
        return { replayed: false };
      },
      { rerunWhenCommitIsUnknown: true },
    );
  }
}

/** Precedence: has an order, expired, released, not confirmed yet. */
function refuseUnlessSold(reservation: Reservation): void {
  if (reservation.orderId) {
    const orderId = publicId('ord', reservation.orderId);
    throw reservationHasOrder(
      `Its goods belong to order ${orderId}. Use POST /v1/orders/${orderId}/shipments, or /refunds for what comes back.`,
      { orderId },
    );
  }
  if (reservation.status === 'confirmed') return;
  refuseEnded(reservation);
  throw reservationNotConfirmed('Its stock is reserved and not sold yet. Confirm the reservation first.');
}
