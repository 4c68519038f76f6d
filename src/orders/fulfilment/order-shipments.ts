import { Injectable } from '@nestjs/common';
import { type Principal, ownerFilter } from '../../auth/auth.guard';
import { Database, type Tx } from '../../database/database';
import { replayOf } from '../../idempotency/idempotency.repository';
import { newId, publicId } from '../../ids';
import { lockReservation } from '../../inventory/reservations/reservations.repository';
import type { ShipmentEntity } from '../../inventory/shipments/shipment.entity';
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

export interface ShipBody {
  /** Left out: all that is left. */
  lines?: WantedUnits[];
  reference?: string;
}

interface Shipping {
  /** The shipment's. */
  id: string;
  orderId: string;
  body: ShipBody;
  actor: string;
}

/**
 * The goods of an order leave. Its saga's row is locked first, as by a cancellation or a refund: whichever comes first wins,
 * and the other is refused.
 */
@Injectable()
export class OrderShipments {
  constructor(private readonly db: Database) {}

  /** A repeat under the same key ships nothing more. */
  async ship({ orderId, body, key, principal }: FulfilmentRequest<ShipBody>): Promise<{ replayed: boolean }> {
    const id = newId();
    const claim = { principal: principal.name, operation: 'orders/shipments', resourceId: id };
    return this.db.transaction(
      'move-goods',
      async (tx) => {
        await refuseForeign(tx, orderId, principal);
        const before = await replayOf(tx, key, { ...claim, request: { id: orderId, ...body } });
        if (before) return { replayed: before !== id };
        await this.shipIn(tx, { id, orderId, body, actor: principal.name });
        return { replayed: false };
      },
      { rerunWhenCommitIsUnknown: true },
    );
  }

  /** Within the transaction that has claimed the request's key. */
  async shipIn(tx: Tx, { id, orderId, body, actor }: Shipping): Promise<ShipmentEntity> {
    const { saga, order } = await lockPlaced(tx, orderId);
    await keepFromOlderBuilds(tx, saga);
    const reservation = (await lockReservation(tx, order.reservationId))!;
    const shipment = await ship(tx, reservation, { id, ...body, actor });
    const { lines, reference } = shipment;
    const payload = { shipmentId: publicId('shp', id), lines, reference };
    await announceFacts(tx, orderId, [{ type: 'order.shipped', payload }]);
    return shipment;
  }
}

/** Another shop's order is not found. */
export async function refuseForeign(tx: Tx, orderId: string, principal: Principal): Promise<void> {
  const owner = await ownerOfOrder(tx, orderId);
  if (owner === undefined || (ownerFilter(principal) ?? owner) !== owner) throw noSuchOrder();
}
