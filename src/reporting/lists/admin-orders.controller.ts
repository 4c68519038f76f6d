import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { Responses } from '../../http/responses';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { pageBounds, pageOf } from '../../http/paging';
import { dateOf } from '../../http/validation';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../../idempotency/idempotency.repository';
import { publicId } from '../../ids';
import type { ReasonAndKey } from '../../audit-log/operator-action';
import { ReasonDto } from '../../audit-log/reason.dto';
import { ProviderLookup } from '../../payment/provider-lookup';
import type { SagaStatus } from '../../orders/saga-state';
import { type OrderFilter, listAllOrders, AdminOrderListQuery } from './order-list';
import {
  orderNotFound,
  sagaDriven,
  sagaGoesBack,
  paymentDisputed,
  sagaNotStuck,
  sagaSettled,
  noSuchOrder,
  orderIdOf,
} from '../../orders/orders.errors';
import type { OrderStatus } from '../../orders/order.entity';
import { orderListType, orderView } from '../../orders/orders.responses';
import { type SagaAction, SagaActions } from '../../orders/saga-actions/saga-actions';
import { moneyOf } from '../order-timeline/saga-money';
import { optionsOf } from '../order-timeline/saga-options';
import { type SagaFacts, findSagaFacts } from '../order-timeline/saga-facts';
import { sagaView } from '../order-timeline/saga-view';
import { sagaOptionsType, sagaType } from '../order-timeline/saga.responses';

const sagaActionProblems = [ValidationFailed, orderNotFound, sagaSettled, sagaDriven, idempotencyKeyReused];

@ApiTags('admin: orders')
@Controller('v1/admin/orders')
@Roles('admin', 'viewer')
export class AdminOrdersController {
  constructor(
    private readonly sagaActions: SagaActions,
    private readonly provider: ProviderLookup,
    private readonly db: Database,
  ) {}

  @Get()
  @ApiOperation({ summary: 'All orders', description: 'Newest first. All filters together must hold.' })
  @Responses({ 200: orderListType }, [ValidationFailed])
  async listAllOrders(@Query() query: AdminOrderListQuery) {
    const { limit, after } = pageBounds(query);
    const rows = await listAllOrders(this.db, filterOf(query), { limit, before: after });
    return pageOf(rows, limit, (row) => row.id, orderView);
  }

  @Get(':id/saga')
  @ApiOperation({
    summary: "One saga's timeline",
    description:
      'Its story in at most three sentences; every transition and attempt; what was asked of the payment provider; what is next.',
  })
  @Responses({ 200: sagaType }, [orderNotFound])
  async getSaga(@Param('id') id: string) {
    return sagaView(await this.facts(orderIdOf(id)));
  }

  @Get(':id/saga/options')
  @ApiOperation({
    summary: 'What can be done about a saga',
    description:
      'Our record beside the provider’s, which is asked at most every 10 s; and for each act whether it is possible, why, and what it leads to.',
  })
  @Responses({ 200: sagaOptionsType }, [orderNotFound])
  async getSagaOptions(@Param('id') id: string) {
    const facts = await this.facts(orderIdOf(id));
    const { reference } = moneyOf(facts.operations, facts.order.currency);
    const orderId = publicId('ord', facts.order.id);
    const account = facts.operations[0]?.stripeAccount;
    return optionsOf(facts, await this.provider.find({ orderId, reference, account }));
  }

  @Post(':id/saga/retry')
  @Roles('admin')
  @ApiOperation({
    summary: 'Ask again now',
    description:
      'Under the same keys as before, so it cannot charge twice. A failed refund is made again under a new key: do not use it if the customer was paid in another way. Kept in the audit log.',
  })
  @Responses({ 200: sagaType }, [...sagaActionProblems, paymentDisputed])
  retrySaga(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.perform('retry', id, { reason: dto.reason, key }, caller, reply);
  }

  @Post(':id/saga/compensate')
  @Roles('admin')
  @ApiOperation({
    summary: 'Undo everything',
    description:
      'Whatever step the saga is at: what was captured is refunded, what was authorized is voided, the stock goes back on sale, the order is rejected as cancelled. Kept in the audit log.',
  })
  @Responses({ 200: sagaType }, [...sagaActionProblems, sagaGoesBack, paymentDisputed])
  compensateSaga(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.perform('compensate', id, { reason: dto.reason, key }, caller, reply);
  }

  @Post(':id/saga/resolve')
  @Roles('admin')
  @ApiOperation({
    summary: 'Mark as resolved',
    description:
      'The order ends now and its stock goes back on sale. No money is moved; what the provider never answered goes on being asked for, and a charge that turns up is placed after all or given back (LATE_PAYMENT). Kept in the audit log.',
  })
  @Responses({ 200: sagaType }, [...sagaActionProblems, sagaNotStuck])
  resolveSaga(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.perform('resolve', id, { reason: dto.reason, key }, caller, reply);
  }

  private async perform(
    action: SagaAction,
    id: string,
    order: ReasonAndKey,
    caller: Principal,
    reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    if (await this.sagaActions.perform(action, orderId, order, caller))
      void reply.header('idempotent-replayed', 'true');
    return sagaView(await this.facts(orderId));
  }

  private async facts(orderId: string): Promise<SagaFacts> {
    const facts = await findSagaFacts(this.db, orderId);
    if (!facts) throw noSuchOrder();
    return facts;
  }
}

function filterOf(query: AdminOrderListQuery): OrderFilter {
  return {
    statuses: listed<OrderStatus>(query.status),
    sagaStatuses: listed<SagaStatus>(query.sagaStatus),
    steps: listed<string>(query.step),
    customerId: query.customerId ?? null,
    paymentUnknown: query.paymentStatus === 'unknown',
    from: dateOf(query.from),
    to: dateOf(query.to),
  };
}

/** Words that the query's own check has let through. */
const listed = <Word extends string>(words: string | undefined): Word[] | null =>
  words === undefined ? null : ([...new Set(words.split(','))] as Word[]);
