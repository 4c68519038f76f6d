import { Body, Controller, Get, Headers, Param, Post, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Caller, type Principal, Roles } from '../auth/auth.guard';
import { ValidationFailed, unavailable } from '../errors';
import { Responses, instant, int, responseType, secondsUntil, text } from '../http/responses';
import { IdempotencyKey, keyProblems } from '../idempotency/idempotency.repository';
import { reservationExpired } from '../inventory/inventory.errors';
import { answerWith, waitMs, waitSecondsMax } from './order-answer';
import { OrderWatch } from './order-watch';
import { PaymentAttemptDto } from './orders.dto';
import {
  noActionRequired,
  orderAbandoned,
  orderCancelled,
  orderIdOf,
  orderNotFound,
  orderNotPending,
  paymentAttemptsSpent,
  paymentDeclined,
  paymentInProgress,
} from './orders.errors';
import { orderType } from './orders.responses';
import { OrdersService } from './orders.service';
import { PaymentAttempts } from './payment-attempts';
import { requestedPayment } from './payment.dto';

const nextActionType = responseType('NextAction', {
  object: z.literal('next_action'),
  type: z.literal('stripe_payment_intent'),
  clientSecret: text('pi_3Q…_secret_…').describe(
    'For Stripe.js in the buyer’s browser. Do not store or log it.',
  ),
  stripeAccount: text('acct_1N…').nullable().describe('The connected account of the payment; null: our own.'),
  expiresAt: instant(),
  expiresInSeconds: int(599),
});

/** What a buyer does after the order was accepted. */
@ApiTags('orders')
@Controller('v1/orders')
export class OrderPaymentsController {
  constructor(
    private readonly attempts: PaymentAttempts,
    private readonly orders: OrdersService,
    private readonly watch: OrderWatch,
  ) {}

  @Get(':id/next-action')
  @Roles('client')
  @ApiOperation({
    summary: 'What the buyer must do to authenticate the payment',
    description:
      'While `payment.status` is `requires_action`. Read at the payment provider each time; only for the key that owns the order.',
  })
  @Responses({ 200: nextActionType }, [orderNotFound, noActionRequired, unavailable])
  async nextAction(
    @Param('id') id: string,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    void reply.header('cache-control', 'no-store');
    const { now, expiresAt, ...action } = await this.attempts.nextAction(orderIdOf(id), caller);
    return {
      object: 'next_action' as const,
      ...action,
      expiresAt: expiresAt.toISOString(),
      expiresInSeconds: secondsUntil(expiresAt, now),
    };
  }

  @Post(':id/payments')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Pay a pending order with another card',
    description:
      'After a decline, while the stock is held for another card (`payment.retryUntil`). Answers like `POST /v1/orders`.',
  })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: `wait=N, at most ${waitSecondsMax} seconds. Any other value is ignored (RFC 7240).`,
  })
  @Responses({ 201: orderType, 202: orderType }, [
    orderNotFound,
    orderNotPending,
    paymentInProgress,
    paymentAttemptsSpent,
    reservationExpired,
    paymentDeclined,
    orderCancelled,
    orderAbandoned,
    ValidationFailed,
    ...keyProblems,
  ])
  async payAgain(
    @Param('id') id: string,
    @Body() { payment }: PaymentAttemptDto,
    @IdempotencyKey() key: string,
    @Headers('prefer') prefer: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const orderId = orderIdOf(id);
    const request = {
      orderId,
      key,
      sent: payment,
      payment: requestedPayment(payment, caller.stripeAccount ?? null),
    };
    const { replayed } = await this.attempts.payAgain(request, caller);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    await this.watch.waitForEnd(orderId, waitMs(prefer), caller);
    return answerWith(await this.orders.get(orderId, caller), reply);
  }
}
