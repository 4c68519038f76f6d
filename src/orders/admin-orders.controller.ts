import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Database } from '../database/database';
import { ValidationFailed } from '../errors';
import { Answers } from '../http/answers';
import { Caller, type Principal, Roles } from '../http/auth';
import { pageBounds, pageOf } from '../http/paging';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../idempotency/idempotency';
import { ReasonDto } from '../inventory/inventory.dto';
import { operationsOf } from '../payment/payment-operations';
import { transitionsOf } from './checkout-saga/saga.repository';
import { orderIdOf } from './orders.controller';
import { AdminOrderListQuery } from './orders.dto';
import { orderNotFound, sagaDriven, sagaGoesBack, sagaNotStuck, sagaSettled } from './orders.errors';
import { listOrders } from './orders.repository';
import { orderListType, sagaType } from './orders.schemas';
import { OrdersService } from './orders.service';
import { orderView, sagaView } from './orders.views';
import { type DeskAct, SagaDesk } from './saga-desk';

const deskProblems = [
  ValidationFailed.kind,
  orderNotFound.kind,
  sagaSettled.kind,
  sagaDriven.kind,
  idempotencyKeyReused.kind,
];

@ApiTags('admin: orders')
@ApiBearerAuth()
@Controller('v1/admin/orders')
@Roles('admin', 'viewer')
export class AdminOrdersController {
  constructor(
    private readonly orders: OrdersService,
    private readonly desk: SagaDesk,
    private readonly db: Database,
  ) {}

  @Get()
  @ApiOperation({ summary: 'All orders', description: 'Newest first.' })
  @Answers({ 200: orderListType }, [ValidationFailed.kind])
  async list(@Query() query: AdminOrderListQuery) {
    const { limit, after } = pageBounds(query);
    const filter = {
      principal: null,
      customerId: query.customerId ?? null,
      statuses: query.status?.split(',') ?? null,
      sagaStatuses: query.sagaStatus?.split(',') ?? null,
    };
    return pageOf(await listOrders(this.db, filter, limit, after), limit, (row) => row.id, orderView);
  }

  @Get(':id/saga')
  @ApiOperation({
    summary: "One saga's timeline",
    description: 'Every transition, and every operation at the payment provider.',
  })
  @Answers({ 200: sagaType }, [orderNotFound.kind])
  async saga(@Param('id') id: string, @Caller() caller: Principal) {
    return this.timeline(orderIdOf(id), caller);
  }

  @Post(':id/saga/retry')
  @Roles('admin')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Ask again now',
    description: 'Under the same keys as before, so it cannot charge twice. Kept in the audit log.',
  })
  @Answers({ 200: sagaType }, deskProblems)
  retry(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.act('retry', id, { reason: dto.reason, key }, caller, reply);
  }

  @Post(':id/saga/compensate')
  @Roles('admin')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Undo everything',
    description:
      'Whatever step the saga is at: what was captured is refunded, what was authorized is voided, the stock goes back on sale, the order is rejected as cancelled. Kept in the audit log.',
  })
  @Answers({ 200: sagaType }, [...deskProblems, sagaGoesBack.kind])
  compensate(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.act('compensate', id, { reason: dto.reason, key }, caller, reply);
  }

  @Post(':id/saga/resolve')
  @Roles('admin')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Mark as resolved',
    description:
      'The order ends now and its stock goes back on sale. No money is moved; what the provider never answered goes on being asked for, and a charge that turns up is placed after all or given back (LATE_PAYMENT). Kept in the audit log.',
  })
  @Answers({ 200: sagaType }, [...deskProblems, sagaNotStuck.kind])
  resolve(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.act('resolve', id, { reason: dto.reason, key }, caller, reply);
  }

  private async act(
    act: DeskAct,
    id: string,
    order: { reason: string; key: string | undefined },
    caller: Principal,
    reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    if (await this.desk.act(act, orderId, order, caller)) void reply.header('idempotent-replayed', 'true');
    return this.timeline(orderId, caller);
  }

  private async timeline(orderId: string, caller: Principal) {
    const order = await this.orders.get(orderId, caller);
    const [transitions, operations] = await Promise.all([
      transitionsOf(this.db, order.id),
      operationsOf(this.db, order.id),
    ]);
    return sagaView(order, transitions, operations);
  }
}
