import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../../database/database';
import { newId, publicId } from '../../ids';
import type { Reservation } from '../../inventory/reservations/reservation';
import { lockReservation } from '../../inventory/reservations/reservations.repository';
import type { ShipmentEntity } from '../../inventory/shipments/shipment.entity';
import { planShipment, ship, wholeOf } from '../../inventory/shipments/shipping';
import type { WantedUnits } from '../../inventory/shipments/sold-units';
import { Relay } from '../../outbox/relay';
import { operationsOf } from '../../payment/payment-operations.repository';
import { keepFromOlderBuilds, lockPlaced } from '../checkout-saga/placed-orders.repository';
import { captureFirst } from '../orders.errors';
import { type OrderFacts, announceFacts } from '../orders.repository';
import { type CaptureState, captureStateOf, hasExpired, insertCapture } from './captures';
import { type FulfilmentRequest, requestOnce } from './request-once';

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
  constructor(
    readonly db: Database,
    readonly relay: Relay,
  ) {}

  /** A repeat under the same key ships nothing more. */
  async ship(request: FulfilmentRequest<ShipBody>): Promise<{ replayed: boolean; shipmentId: string }> {
    const { orderId, body, principal } = request;
    const names = { transaction: 'move-goods', operation: 'orders/shipments' } as const;
    const { replayed, id: shipmentId } = await requestOnce(this, names, request, (tx, id) =>
      this.shipIn(tx, { id, orderId, body, actor: principal.name }),
    );
    return { replayed, shipmentId };
  }

  /**
   * Within the transaction that has claimed the request's key. A pending shipment waits for the payment to be captured; the
   * caller pokes the relay after the commit.
   */
  async shipIn(tx: Tx, { id, orderId, body, actor }: Shipping): Promise<ShipmentEntity> {
    const { saga, order } = await lockPlaced(tx, orderId);
    await keepFromOlderBuilds(tx, saga);
    const state = await captureStateOf(tx, order, await operationsOf(tx, orderId));
    const reservation = (await lockReservation(tx, order.reservationId))!;
    if (state !== 'captured') return this.captureFirst(tx, { reservation, order, state, id, body, actor });
    const shipment = await ship(tx, reservation, { id, ...body, actor });
    const { lines, reference } = shipment;
    const payload = { shipmentId: publicId('shp', id), lines, reference };
    await announceFacts(tx, orderId, [{ type: 'order.shipped', payload }]);
    return shipment;
  }

  /** The whole order, whose money is only set aside: it is captured, and the goods leave in the commit that records that. */
  private async captureFirst(
    tx: Tx,
    { reservation, order, state, id, body, actor }: Uncaptured,
  ): Promise<ShipmentEntity> {
    if (state === 'expired') throw hasExpired();
    if (state === 'capturing')
      throw captureFirst('A capture is under way. Ship when the payment of the order is captured.').forNow();
    const { lines, isAll } = await wholeOf(tx, reservation.id, body.lines);
    if (!isAll)
      throw captureFirst(
        'The money of this order is only set aside. Ship the whole order, or capture first (POST …/capture) and then ship in parts.',
      );
    const shipment = await planShipment(tx, reservation, { id, lines, reference: body.reference, actor });
    await insertCapture(tx, {
      id: newId(),
      order,
      amount: order.amount,
      shipmentId: id,
      actor,
      now: reservation.now,
    });
    return shipment;
  }
}

interface Uncaptured extends Omit<Shipping, 'orderId'> {
  reservation: Reservation;
  order: OrderFacts;
  state: Exclude<CaptureState, 'captured'>;
}
