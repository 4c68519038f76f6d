import { Body, Controller, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal, Roles } from '../auth/auth.guard';
import { ValidationFailed } from '../errors';
import { Responses } from '../http/responses';
import { IdempotencyKey, keyProblems } from '../idempotency/idempotency.repository';
import { moreThanSold } from '../inventory/inventory.errors';
import { ShipDto } from '../inventory/shipments/shipments.dto';
import { CaptureDto, RefundDto } from './fulfilment/fulfilment.dto';
import { OrderCaptures } from './fulfilment/order-captures';
import { OrderRefunds } from './fulfilment/order-refunds';
import { OrderShipments } from './fulfilment/order-shipments';
import {
  authorizationExpired,
  captureFirst,
  moreThanCaptured,
  nothingToCapture,
  orderIdOf,
  orderNotFound,
  orderNotPlaced,
  paymentDisputed,
} from './orders.errors';
import { orderType, orderView } from './orders.responses';
import { OrdersService } from './orders.service';

/** What happens to an order after it was placed. */
@ApiTags('orders')
@Controller('v1/orders')
export class FulfilmentController {
  constructor(
    private readonly shipments: OrderShipments,
    private readonly refunds: OrderRefunds,
    private readonly captures: OrderCaptures,
    private readonly orders: OrdersService,
  ) {}

  @Post(':id/shipments')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Ship goods of a placed order',
    description:
      'All that is left, or `lines`. The units leave `onHand` and `reserved`; what is available stays as it is. After a shipment the order can only be refunded in part. 202 when an `on_shipment` order is captured first: its goods leave when that is done.',
  })
  @Responses({ 201: orderType, 202: orderType }, [
    ValidationFailed,
    orderNotFound,
    orderNotPlaced,
    moreThanSold,
    captureFirst,
    authorizationExpired,
    ...keyProblems,
  ])
  async shipOrder(
    @Param('id') id: string,
    @Body() body: ShipDto,
    @IdempotencyKey() key: string,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    const { replayed, shipmentId } = await this.shipments.ship({ orderId, body, key, principal: caller });
    if (replayed) void reply.header('idempotent-replayed', 'true');
    const order = await this.orders.get(orderId, caller);
    const isPending = order.shipments.find(({ id }) => id === shipmentId)?.status === 'pending';
    void reply.status(isPending ? 202 : 201);
    if (isPending) void reply.header('retry-after', '1');
    return orderView(order);
  }

  @Post(':id/capture')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Capture an order that is captured when it ships',
    description:
      'All of it, or `amount`; then the rest is lifted. Once: afterwards its goods ship in any number of shipments. Shipping the whole order captures it too.',
  })
  @Responses({ 202: orderType }, [
    ValidationFailed,
    orderNotFound,
    orderNotPlaced,
    nothingToCapture,
    authorizationExpired,
    ...keyProblems,
  ])
  async captureOrder(
    @Param('id') id: string,
    @Body() body: CaptureDto,
    @IdempotencyKey() key: string,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    const { replayed } = await this.captures.request({ orderId, body, key, principal: caller });
    if (replayed) void reply.header('idempotent-replayed', 'true');
    void reply.header('retry-after', '1');
    return orderView(await this.orders.get(orderId, caller));
  }
  @Post(':id/refunds')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Refund a part of a placed order',
    description:
      'An `amount`, or `lines`, or neither for all that is left; any number of times, never more than was captured. An amount moves no stock. Lines refund their price; units that were not shipped go back on sale first, shipped ones only with `restock: sellable`. When all is refunded the order is `refunded`, and units that were not shipped go back on sale.',
  })
  @Responses({ 202: orderType }, [
    ValidationFailed,
    orderNotFound,
    orderNotPlaced,
    paymentDisputed,
    moreThanCaptured,
    moreThanSold,
    ...keyProblems,
  ])
  async refundParts(
    @Param('id') id: string,
    @Body() body: RefundDto,
    @IdempotencyKey() key: string,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    const { replayed } = await this.refunds.request({ orderId, body, key, principal: caller });
    if (replayed) void reply.header('idempotent-replayed', 'true');
    void reply.header('retry-after', '1');
    return orderView(await this.orders.get(orderId, caller));
  }
}
