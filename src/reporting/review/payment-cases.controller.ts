import { Body, Controller, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ReasonDto } from '../../audit-log/reason.dto';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { ValidationFailed, unavailable } from '../../errors';
import { Responses, instant, money, moneyType, publicIdOf, responseType, text } from '../../http/responses';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../../idempotency/idempotency.repository';
import { publicId } from '../../ids';
import {
  PaymentCases,
  paymentCaseNotFound,
  paymentCaseNotVoidable,
} from '../../orders/payment-check/payment-cases';
import type { PaymentFact } from '../../payment/payment-facts.repository';

const paymentCaseType = responseType('PaymentCase', {
  id: publicIdOf('fct'),
  object: z.literal('payment_case'),
  type: text('refund_failed'),
  orderId: publicIdOf('ord').nullable(),
  reference: text('re_3Q…'),
  amount: moneyType,
  moneyAtRisk: moneyType,
  at: instant(),
  settledAt: instant().nullable(),
  settledBy: text('ops').nullable(),
});

const problems = [ValidationFailed, paymentCaseNotFound, idempotencyKeyReused];

@ApiTags('admin: operations')
@Controller('v1/admin/payment-cases')
@Roles('admin')
export class PaymentCasesController {
  constructor(private readonly cases: PaymentCases) {}

  @Post(':id/settle')
  @ApiOperation({
    summary: 'Settle a payment case',
    description: 'It was settled elsewhere, or nothing is to be done. No money moves. Kept in the audit log.',
  })
  @Responses({ 200: paymentCaseType }, problems)
  async settlePaymentCase(
    @Param('id') id: string,
    @Body() { reason }: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answer(await this.cases.settle(id, { reason, key }, actor), reply);
  }

  @Post(':id/void')
  @ApiOperation({
    summary: 'Void the authorization of a payment case',
    description:
      'For an authorization that no order here keeps. The provider is asked; then the case is settled.',
  })
  @Responses({ 200: paymentCaseType }, [...problems, paymentCaseNotVoidable, unavailable])
  async voidPaymentCase(
    @Param('id') id: string,
    @Body() { reason }: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answer(await this.cases.void(id, { reason, key }, actor), reply);
  }
}

function answer({ fact, replayed }: { fact: PaymentFact; replayed: boolean }, reply: FastifyReply) {
  if (replayed) void reply.header('idempotent-replayed', 'true');
  return {
    id: publicId('fct', fact.id),
    object: 'payment_case' as const,
    type: fact.type,
    orderId: fact.orderId && publicId('ord', fact.orderId),
    reference: fact.reference,
    amount: money(fact.amount, fact.currency),
    moneyAtRisk: money(fact.amountAtRisk, fact.currency),
    at: fact.at.toISOString(),
    settledAt: fact.settledAt?.toISOString() ?? null,
    settledBy: fact.settledBy,
  };
}
