import { Body, Controller, Get, Headers, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiNoContentResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { ValidationFailed } from '../errors';
import { Responses, StreamOf } from '../http/responses';
import { Caller, type Principal, Roles, ownerFilter } from '../auth/auth.guard';
import { sendWithEtag } from '../http/etag';
import { tooManyStreams } from '../auth/event-streams';
import { pageBounds, pageOf } from '../http/paging';
import { EmptyBody } from '../http/validation';
import { IdempotencyKey, fingerprintsOf, keyProblems } from '../idempotency/idempotency.repository';
import { newId } from '../ids';
import {
  InsufficientStock,
  NotOnSale,
  reservationAlreadyConfirmed,
  reservationAlreadyReleased,
  reservationExpired,
  reservationHasOrder,
  reservationLimitReached,
  unitsPerCustomerExceeded,
  reservationNotFound,
  reservationOfAnotherCustomer,
  totalChanged,
} from '../inventory/inventory.errors';
import { checkedTtl } from '../inventory/reservations/reservation-request';
import { OldWorkers } from './checkout-saga/old-workers';
import { Intake } from './intake/intake';
import { answerWith, waitMs, waitSecondsMax } from './order-answer';
import { OrderStream, OrderWatch } from './order-watch';
import type { OnDecline } from './order.entity';
import { type OnDeclineDto, OrderDto, OrderListQuery } from './orders.dto';
import {
  orderAlreadyRejected,
  orderAbandoned,
  orderCancelled,
  orderNotFound,
  orderNotPlaced,
  orderShipped,
  paymentInProgress,
  paymentDisputed,
  paymentDeclined,
  orderIdOf,
} from './orders.errors';
import { listOrders } from './shown-orders.repository';
import { orderListType, orderType, orderView } from './orders.responses';
import { OrdersService } from './orders.service';
import { paymentOf } from './payment.dto';
import { reservationIdOf } from '../inventory/reservations/reservation';

@ApiTags('orders')
@Controller('v1/orders')
export class OrdersController {
  constructor(
    private readonly intake: Intake,
    private readonly orders: OrdersService,
    private readonly watch: OrderWatch,
    private readonly stream: OrderStream,
    private readonly db: Database,
    @Inject(CONFIG) private readonly config: Config,
    private readonly oldWorkers: OldWorkers,
  ) {}

  @Post()
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Place an order',
    description:
      'Stock is taken inside the request; the charge follows. With `Prefer: wait=N` the answer is the end, if it comes in time.',
  })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: `wait=N, at most ${waitSecondsMax} seconds. Any other value is ignored (RFC 7240).`,
  })
  @Responses({ 201: orderType, 202: orderType }, [
    InsufficientStock,
    NotOnSale,
    totalChanged,
    paymentDeclined,
    orderCancelled,
    orderAbandoned,
    reservationNotFound,
    reservationExpired,
    reservationOfAnotherCustomer,
    reservationHasOrder,
    reservationAlreadyReleased,
    reservationAlreadyConfirmed,
    reservationLimitReached,
    unitsPerCustomerExceeded,
    ValidationFailed,
    ...keyProblems,
  ])
  async placeOrder(
    @Body() dto: OrderDto,
    @IdempotencyKey() key: string,
    @Headers('prefer') prefer: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if ((dto.lines === undefined) === (dto.reservationId === undefined)) {
      throw new ValidationFailed({
        pointer: '/lines',
        code: 'lines_or_reservation',
        detail: 'Give either lines or a reservationId, not both and not neither.',
      });
    }
    const capture = dto.capture ?? 'automatic';
    if (capture !== 'automatic') await this.oldWorkers.refuseWhileThereAre(`capture: ${capture}`);
    const { orderId, replayed, order } = await this.intake.accept({
      claim: {
        principal: caller.name,
        operation: 'orders',
        key,
        ...fingerprintsOf(dto),
        resourceId: newId(),
      },
      owner: ownerFilter(caller),
      customerId: dto.customerId,
      ...paymentOf(dto, caller.stripeAccount ?? null),
      capture,
      onDecline: this.checkedOnDecline(dto.onDecline),
      lines: dto.lines ?? [],
      reservationId: dto.reservationId === undefined ? null : reservationIdOf(dto.reservationId),
      pool: dto.pool,
      ttlSeconds: checkedTtl(dto.ttlSeconds, this.config),
      expectedTotal: dto.expectedTotal,
      metadata: dto.metadata ?? {},
    });
    if (replayed) void reply.header('idempotent-replayed', 'true');
    const ms = waitMs(prefer);
    // Without a wait the response is what was written: pending, even if a worker was quicker.
    if (ms === 0 && order) return answerWith(order, reply);
    await this.watch.waitForEnd(orderId, ms, caller);
    return answerWith(await this.orders.get(orderId, caller), reply);
  }

  @Get()
  @Roles('client', 'viewer', 'admin')
  @ApiOperation({ summary: 'List your orders', description: 'Newest first.' })
  @Responses({ 200: orderListType }, [ValidationFailed])
  async listOrders(@Query() query: OrderListQuery, @Caller() caller: Principal) {
    const { limit, after } = pageBounds(query);
    const filter = {
      principal: ownerFilter(caller),
      customerId: query.customerId ?? null,
      statuses: query.status?.split(',') ?? null,
    };
    return pageOf(await listOrders(this.db, filter, limit, after), limit, (row) => row.id, orderView);
  }

  @Get(':id')
  @Roles('client', 'viewer', 'admin')
  @ApiOperation({ summary: 'One order' })
  @Responses({ 200: orderType }, [orderNotFound])
  async getOrder(
    @Param('id') id: string,
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const order = await this.orders.get(orderIdOf(id), caller);
    return sendWithEtag(request, reply, String(order.version), orderView(order));
  }

  @Get(':id/events')
  @Roles('client', 'viewer', 'admin')
  @ApiOperation({
    summary: 'The order as it changes, until it ends',
    description:
      'Server-sent events of type `order`, each the whole order; a comment every few seconds. After a lost connection send `Last-Event-ID`: you get the present order if it is not the one you have seen.',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'The `id` of the last event you got.' })
  @ApiProduces('text/event-stream')
  @ApiNoContentResponse({ description: 'The order has ended, and `Last-Event-ID` says that you know.' })
  @StreamOf(orderType)
  @Responses({}, [orderNotFound, tooManyStreams])
  streamOrder(
    @Param('id') id: string,
    @Headers('last-event-id') seen: string | undefined,
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.stream.open({ orderId: orderIdOf(id), caller, seen }, request, reply);
  }

  @Post(':id/cancel')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Cancel an order',
    description: 'A pending order is compensated, a placed one refunded; its stock goes back on sale.',
  })
  @Responses({ 200: orderType, 202: orderType }, [
    orderNotFound,
    orderAlreadyRejected,
    orderShipped,
    paymentInProgress,
    paymentDisputed,
    ...keyProblems,
  ])
  cancelOrder(
    @Param('id') id: string,
    @IdempotencyKey() key: string,
    @Headers('prefer') prefer: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
    @EmptyBody() _: void,
  ) {
    return this.requestCancellation(id, 'cancel', key, prefer, caller, reply);
  }

  @Post(':id/refund')
  @Roles('client', 'admin')
  @ApiOperation({ summary: 'Refund a placed order', description: 'All of it; its stock goes back on sale.' })
  @Responses({ 200: orderType, 202: orderType }, [
    orderNotFound,
    orderNotPlaced,
    orderAlreadyRejected,
    orderShipped,
    paymentInProgress,
    paymentDisputed,
    ...keyProblems,
  ])
  refundOrder(
    @Param('id') id: string,
    @IdempotencyKey() key: string,
    @Headers('prefer') prefer: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
    @EmptyBody() _: void,
  ) {
    return this.requestCancellation(id, 'refund', key, prefer, caller, reply);
  }

  /** The longest hold is a setting, so no decorator can name it. */
  private checkedOnDecline(onDecline: OnDeclineDto | undefined): OnDecline | null {
    const max = this.config.reservationTtlSecondsMax;
    if (onDecline && onDecline.holdSeconds > max)
      throw new ValidationFailed({
        pointer: '/onDecline/holdSeconds',
        code: 'max',
        detail: `holdSeconds must be at most ${max}.`,
      });
    return onDecline ?? null;
  }

  private async requestCancellation(
    id: string,
    by: 'cancel' | 'refund',
    key: string,
    prefer: string | undefined,
    caller: Principal,
    reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    const { replayed } = await this.orders.requestCancellation(orderId, by, key, caller);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    await this.watch.waitForEnd(orderId, waitMs(prefer), caller);
    const order = await this.orders.get(orderId, caller);
    const ended = order.saga.status === 'compensated';
    if (!ended) void reply.header('retry-after', '1');
    void reply.status(ended ? 200 : 202);
    return orderView(order);
  }
}
