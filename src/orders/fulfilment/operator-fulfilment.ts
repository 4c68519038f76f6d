import { Injectable } from '@nestjs/common';
import { type Change, operatorAction } from '../../audit-log/operator-action';
import type { Principal } from '../../auth/auth.guard';
import { Database, type Tx } from '../../database/database';
import { newId, publicId } from '../../ids';
import type { WantedUnits } from '../../inventory/shipments/sold-units';
import { Relay } from '../../outbox/relay';
import { type CaptureBody, OrderCaptures } from './order-captures';
import { OrderRefunds, type RefundBody, refuseBadBody } from './order-refunds';
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
    private readonly relay: Relay,
    private readonly shipments: OrderShipments,
    private readonly refunds: OrderRefunds,
    private readonly captures: OrderCaptures,
  ) {}

  /** True: this key did it before. */
  ship(request: OperatorRequest<ShipBody>): Promise<boolean> {
    const { orderId, body, actor } = request;
    return this.act('shipments', request, async (tx, id) => {
      const { lines, reference } = await this.shipments.shipIn(tx, { id, orderId, body, actor: actor.name });
      const after = { shipmentId: publicId('shp', id), goods: listed(lines), reference };
      return { action: 'order.ship', after };
    });
  }

  /** The shop's reason is the operator's. True: this key did it before. */
  refund(request: OperatorRequest<Omit<RefundBody, 'reason'>>): Promise<boolean> {
    const { orderId, reason, key, actor } = request;
    const body = { ...request.body, reason };
    refuseBadBody(body);
    return this.act('refunds', request, async (tx, id) => {
      const refund = { id, orderId, body, key, actor: actor.name };
      const { amount, currency, lines } = await this.refunds.refundIn(tx, refund);
      const after = {
        refundId: publicId('rfd', id),
        amount: { amount, currency },
        goods: lines && listed(lines),
      };
      return { action: 'order.refund', after };
    });
  }

  /** True: this key did it before. */
  capture(request: OperatorRequest<CaptureBody>): Promise<boolean> {
    const { orderId, body, actor } = request;
    return this.act('capture', request, async (tx, id) => {
      const capture = { id, orderId, body, actor: actor.name };
      const { amount, total, currency } = await this.captures.captureIn(tx, capture);
      const after = {
        captureId: publicId('cap', id),
        amount: { amount, currency },
        voided: { amount: total - amount, currency },
      };
      return { action: 'order.capture', after };
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
    this.relay.poke();
    return status === 'replayed';
  }
}

const listed = (lines: readonly WantedUnits[]): string =>
  lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(', ');
