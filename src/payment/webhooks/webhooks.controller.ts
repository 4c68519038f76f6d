import { Controller, Headers, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import Stripe from 'stripe';
import { clockMs } from '../../clock';
import { CONFIG, type Config } from '../../config/config';
import { Database } from '../../database/database';
import { malformedRequest, refusal } from '../../errors';
import { failpoint } from '../../failpoints';
import { Responses, bool, responseType } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { BodyRules } from '../../http/body';
import { parsePublicId } from '../../ids';
import { storeProviderEvent } from './provider-events.repository';

const signatureInvalid = refusal(401, 'webhook_signature_invalid', 'The webhook signature does not verify');

const receivedType = responseType('WebhookReceived', { received: bool(true) });

/** Stripe's own tolerance: an older signature may be replayed. */
// guard: webhook-signature-age
const toleranceSeconds = 300;

/**
 * Stripe's webhooks: verified on the raw bytes and stored. An event only says that it is time to ask the provider, so a
 * forged, replayed or reordered one decides nothing.
 */
@ApiTags('payments')
@Controller('v1/payments/webhooks')
export class WebhooksController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
  ) {}

  @Post('stripe')
  @Roles('public')
  @HttpCode(200)
  @BodyRules({ anyShape: true })
  @ApiOperation({
    operationId: 'receiveStripeWebhook',
    summary: 'Where Stripe delivers its events',
    description: 'A delivery that was seen before is answered 200 and ignored.',
  })
  @ApiHeader({ name: 'Stripe-Signature', required: true })
  @Responses({ 200: receivedType }, [signatureInvalid, malformedRequest])
  async stripe(
    @Req() request: FastifyRequest & { rawBody?: Buffer },
    @Headers('Stripe-Signature') signature?: string,
  ) {
    const rawBody = request.rawBody?.toString('utf8') ?? '';
    const event = this.verified(rawBody, signature);
    await failpoint('webhook.before-store');
    await storeProviderEvent(this.db, { ...subjectOf(event), rawBody });
    await failpoint('webhook.stored');
    return { received: true };
  }

  private verified(rawBody: string, signature: string | undefined): Stripe.Event {
    let event: Stripe.Event;
    try {
      event = Stripe.webhooks.constructEvent(
        rawBody,
        signature ?? '',
        this.config.stripeWebhookSecret,
        toleranceSeconds,
        undefined,
        clockMs(),
      );
    } catch {
      throw signatureInvalid(
        "Sign the raw body with the endpoint's secret and the current time; check STRIPE_WEBHOOK_SECRET.",
      );
    }
    if (typeof event !== 'object' || event === null || !isName(event.id) || !isName(event.type)) {
      throw malformedRequest('The event has no id or no type.');
    }
    return event;
  }
}

/** The payment and the order that the event names, if any. */
function subjectOf(event: Stripe.Event) {
  const object = (event.data?.object ?? {}) as {
    id?: unknown;
    payment_intent?: unknown;
    metadata?: { orderId?: unknown };
  };
  const reference = object.payment_intent ?? object.id;
  const orderId = object.metadata?.orderId;
  return {
    id: event.id,
    type: event.type,
    providerReference: isName(reference) ? reference : null,
    orderId: (typeof orderId === 'string' ? parsePublicId('ord', orderId) : undefined) ?? null,
  };
}

/** Stripe's ids and types: visible ASCII, and not long. */
const isName = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value);
