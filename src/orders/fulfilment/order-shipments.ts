import { Injectable } from '@nestjs/common';
import { type Principal, ownerFilter } from '../../auth/auth.guard';
import { Database, type Tx } from '../../database/database';
import { replayOf } from '../../idempotency/idempotency.repository';
import { newId, publicId } from '../../ids';
import { lockReservation } from '../../inventory/reservations/reservations.repository';
import { ship } from '../../inventory/shipments/shipping';
import type { WantedUnits } from '../../inventory/shipments/sold-units';
import { keepFromOlderBuilds, lockPlaced } from '../checkout-saga/placed-orders.repository';
import { noSuchOrder } from '../orders.errors';
import { announceFacts, ownerOfOrder } from '../orders.repository';

/** A request for the goods of a placed order, and who makes it. */
export interface FulfilmentRequest<Body> {
  orderId: string;
  body: Body;
  key: string;
  principal: Principal;
}

/**
 * The goods of an order leave. Its saga's row is locked first, as by a cancellation or a refund: whichever comes first wins,
 * and the other is refused.
 */
@Injectable()
export class OrderShipments {
  constructor(private readonly db: Database) {}

  /** A repeat under the same key ships nothing more. */
  async ship({
    orderId,
    body,
    key,
    principal,
  }: FulfilmentRequest<{ lines?: WantedUnits[]; reference?: string }>): Promise<{ replayed: boolean }> {
    const id = newId();
    const claim = { principal: principal.name, operation: 'orders/shipments', resourceId: id };
    return this.db.transaction(
      'move-goods',
      async (tx) => {
        await refuseForeign(tx, orderId, principal);
        const before = await replayOf(tx, key, { ...claim, request: { id: orderId, ...body } });
        if (before) return { replayed: before !== id };
        const { saga, order } = await lockPlaced(tx, orderId);
        await keepFromOlderBuilds(tx, saga);
        const reservation = (await lockReservation(tx, order.reservationId))!;
        const { lines, reference } = await ship(tx, reservation, { id, ...body, actor: principal.name });
        const payload = { shipmentId: publicId('shp', id), lines, reference };
        await announceFacts(tx, orderId, [{ type: 'order.shipped', payload }]);
        return { replayed: false };
      },
      { rerunWhenCommitIsUnknown: true },
    );
  }
}

/** Another shop's order is not found. */
export async function refuseForeign(tx: Tx, orderId: string, principal: Principal): Promise<void> {
  const owner = await ownerOfOrder(tx, orderId);
  if (owner === undefined || (ownerFilter(principal) ?? owner) !== owner) throw noSuchOrder();
}
