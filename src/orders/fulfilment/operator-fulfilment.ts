import { Injectable } from '@nestjs/common';
import { type Change, operatorAction } from '../../audit-log/operator-action';
import type { Principal } from '../../auth/auth.guard';
import { Database, type Tx } from '../../database/database';
import { newId, publicId } from '../../ids';
import { OrderShipments, type ShipBody } from './order-shipments';

interface OperatorRequest<Body> {
  orderId: string;
  body: Body;
  reason: string;
  /** Required: what moves goods or money must not be done twice. */
  key: string;
  actor: Principal;
}

/** What a shop does after the sale, done by an operator: the same acts, kept in the audit log with their reason. */
@Injectable()
export class OperatorFulfilment {
  constructor(
    private readonly db: Database,
    private readonly shipments: OrderShipments,
  ) {}

  /** True: this key did it before. */
  ship(request: OperatorRequest<ShipBody>): Promise<boolean> {
    const { orderId, body, actor } = request;
    return this.act('shipments', request, async (tx, id) => {
      const { lines, reference } = await this.shipments.shipIn(tx, { id, orderId, body, actor: actor.name });
      const goods = lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(', ');
      return { action: 'order.ship', after: { shipmentId: publicId('shp', id), goods, reference } };
    });
  }

  private async act<Body>(
    verb: string,
    { orderId, body, reason, key, actor }: OperatorRequest<Body>,
    work: (tx: Tx, id: string) => Promise<Change>,
  ): Promise<boolean> {
    const id = newId();
    const { status } = await operatorAction(
      this.db,
      {
        transaction: 'operator-action',
        actor,
        reason,
        object: { type: 'order', id: publicId('ord', orderId) },
        once: {
          key,
          operation: `admin/orders/${orderId}/${verb}`,
          request: { ...body, reason },
          resourceId: id,
        },
      },
      (tx) => work(tx, id),
    );
    return status === 'replayed';
  }
}
