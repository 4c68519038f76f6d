import { Body, Controller, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { IsReason } from '../../audit-log/reason.dto';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { Responses } from '../../http/responses';
import { IdempotencyKey, keyProblems } from '../../idempotency/idempotency.repository';
import { moreThanSold } from '../../inventory/inventory.errors';
import { ShipDto } from '../../inventory/shipments/shipments.dto';
import { CaptureDto, RefundPartDto } from '../../orders/fulfilment/fulfilment.dto';
import { OperatorFulfilment } from '../../orders/fulfilment/operator-fulfilment';
import {
  authorizationExpired,
  captureFirst,
  moreThanCaptured,
  noSuchOrder,
  nothingToCapture,
  orderIdOf,
  orderNotFound,
  orderNotPlaced,
  paymentDisputed,
} from '../../orders/orders.errors';
import { findSagaFacts } from '../order-timeline/saga-facts';
import { sagaType } from '../order-timeline/saga.responses';
import { sagaView } from '../order-timeline/saga-view';

class OperatorShipDto extends ShipDto {
  @ApiProperty({ description: 'Why, in a few words, for the audit log.', example: 'left with the courier' })
  @IsReason()
  reason!: string;
}

class OperatorRefundDto extends RefundPartDto {
  @ApiProperty({
    description: 'Why, in a few words, for the audit log and as the reason of the refund.',
    example: 'arrived broken',
  })
  @IsReason()
  reason!: string;
}

class OperatorCaptureDto extends CaptureDto {
  @ApiProperty({ description: 'Why, in a few words, for the audit log.', example: 'ships today' })
  @IsReason()
  reason!: string;
}

const problems = [ValidationFailed, orderNotFound, orderNotPlaced, ...keyProblems];

/** What happens to an order after it was placed, done by an operator. Each answers with the order's saga, as its page shows it. */
@ApiTags('admin: orders')
@Controller('v1/admin/orders')
@Roles('admin')
export class AdminFulfilmentController {
  constructor(
    private readonly fulfilment: OperatorFulfilment,
    private readonly db: Database,
  ) {}

  @Post(':id/shipments')
  @ApiOperation({
    summary: 'Ship goods of a placed order',
    description:
      'As `POST /v1/orders/{id}/shipments`, and kept in the audit log. All that is left, or `lines`.',
  })
  @Responses({ 200: sagaType }, [...problems, moreThanSold, captureFirst, authorizationExpired])
  async shipAsOperator(
    @Param('id') id: string,
    @Body() { reason, ...body }: OperatorShipDto,
    @IdempotencyKey() key: string,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    return this.answer(orderId, await this.fulfilment.ship({ orderId, body, reason, key, actor }), reply);
  }

  @Post(':id/refunds')
  @ApiOperation({
    summary: 'Refund a part of a placed order',
    description:
      'As `POST /v1/orders/{id}/refunds`, and kept in the audit log. An `amount`, or `lines`, or neither for all that is left.',
  })
  @Responses({ 200: sagaType }, [...problems, paymentDisputed, moreThanCaptured, moreThanSold])
  async refundAsOperator(
    @Param('id') id: string,
    @Body() { reason, ...body }: OperatorRefundDto,
    @IdempotencyKey() key: string,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    return this.answer(orderId, await this.fulfilment.refund({ orderId, body, reason, key, actor }), reply);
  }

  @Post(':id/capture')
  @ApiOperation({
    summary: 'Capture an order that is captured when it ships',
    description:
      'As `POST /v1/orders/{id}/capture`, and kept in the audit log. All of it, or `amount`; then the rest is lifted.',
  })
  @Responses({ 200: sagaType }, [...problems, nothingToCapture, authorizationExpired])
  async captureAsOperator(
    @Param('id') id: string,
    @Body() { reason, ...body }: OperatorCaptureDto,
    @IdempotencyKey() key: string,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    return this.answer(orderId, await this.fulfilment.capture({ orderId, body, reason, key, actor }), reply);
  }

  private async answer(orderId: string, replayed: boolean, reply: FastifyReply) {
    if (replayed) void reply.header('idempotent-replayed', 'true');
    const facts = await findSagaFacts(this.db, orderId);
    if (!facts) throw noSuchOrder();
    return sagaView(facts);
  }
}
