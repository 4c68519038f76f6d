import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database } from '../database/database';
import { ValidationFailed } from '../errors';
import { Answers } from '../http/answers';
import { Caller, type Principal, Roles } from '../http/auth';
import { pageBounds, pageOf } from '../http/paging';
import { operationsOf } from '../payment/payment-operations';
import { transitionsOf } from './checkout-saga/saga.repository';
import { orderIdOf } from './orders.controller';
import { AdminOrderListQuery } from './orders.dto';
import { orderNotFound } from './orders.errors';
import { listOrders } from './orders.repository';
import { orderListType, sagaType } from './orders.schemas';
import { OrdersService } from './orders.service';
import { orderView, sagaView } from './orders.views';

@ApiTags('admin: orders')
@ApiBearerAuth()
@Controller('v1/admin/orders')
@Roles('admin', 'viewer')
export class AdminOrdersController {
  constructor(
    private readonly orders: OrdersService,
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
    const order = await this.orders.get(orderIdOf(id), caller);
    const [transitions, operations] = await Promise.all([
      transitionsOf(this.db, order.id),
      operationsOf(this.db, order.id),
    ]);
    return sagaView(order, transitions, operations);
  }
}
