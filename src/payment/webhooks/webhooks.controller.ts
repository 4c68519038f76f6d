import { Controller, Headers, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import Stripe from 'stripe';
import { clockMs } from '../../clock';
import { CONFIG, type Config } from '../../config/config';
import { malformedRequest, refusal } from '../../errors';
import { failpoint } from '../../failpoints';
import { Responses, bool, responseType } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { BodyRules } from '../../http/body';
import { isOfThisCell, parseIdOfAnyCell } from '../../ids';
import { ProviderEventInbox } from './provider-event-inbox';
import { type ProviderEvent, isRoutine } from './provider-events.repository';

const signatureInvalid = refusal(401, 'webhook_signature_invalid', 'The webhook signature does not verify');

const receivedType = responseType('WebhookReceived', { received: bool(true) });

/** Stripe keeps its events small; one with a large object and all its metadata has some hundred KB. */
const eventBytesMax = 1_048_576;

const ignoredEvents = new Counter({
  name: 'holdfast_webhooks_ignored_total',
  help: 'Webhooks with a valid signature that were not stored: thin events of Stripe (v2), which concern no payment, and those about an order of another cell.',
});

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
    private readonly inbox: ProviderEventInbox,
  ) {}

  @Post('stripe')
  @Roles('public')
  @HttpCode(200)
  @BodyRules({ anyShape: true, limitBytes: eventBytesMax })
  @ApiOperation({
    operationId: 'receiveStripeWebhook',
    summary: 'Where Stripe delivers its events',
    description:
      'A delivery that was seen before is answered 200 and ignored, and so is a thin event (v2), or one about an order of another cell.',
  })
  @ApiHeader({ name: 'Stripe-Signature', required: true })
  @Responses({ 200: receivedType }, [signatureInvalid, malformedRequest])
  async stripe(
    @Req() request: FastifyRequest & { rawBody?: Buffer },
    @Headers('Stripe-Signature') signature?: string,
  ) {
    const rawBody = request.rawBody?.toString('utf8') ?? '';
    const event = this.verified(rawBody, signature);
    const stored = storedEvent(event, rawBody);
    if (isThin(event) || isOfAnotherCell(stored)) {
      ignoredEvents.inc();
      return { received: true };
    }
    await failpoint('webhook.before-store');
    await this.inbox.store(stored);
    await failpoint('webhook.stored');
    return { received: true };
  }

  private verified(rawBody: string, signature: string | undefined): Stripe.Event {
    if (!this.config.stripeWebhookSecrets.some((secret) => isSigned(rawBody, signature, secret)))
      throw signatureInvalid(
        "Sign the raw body with the endpoint's secret and the current time; check STRIPE_WEBHOOK_SECRET.",
      );
    const event = JSON.parse(rawBody) as Stripe.Event | null;
    if (typeof event !== 'object' || event === null || !isName(event.id) || !isName(event.type)) {
      throw malformedRequest('The event has no id or no type.');
    }
    return event;
  }
}

/** Stripe's API v2 sends these. They have no object, and Stripe would repeat them for days if they were refused. */
const isThin = ({ object }: { object: string }) => object === 'v2.core.event';

/** Every cell has an endpoint at the provider, and gets the events of all cells that share the account. */
// guard: webhooks-of-other-cells-are-ignored
const isOfAnotherCell = ({ orderId }: ProviderEvent) => orderId !== null && !isOfThisCell(orderId);

function isSigned(rawBody: string, signature: string | undefined, secret: string): boolean {
  try {
    const { webhooks } = Stripe;
    return webhooks.signature!.verifyHeader(
      rawBody,
      signature ?? '',
      secret,
      toleranceSeconds,
      undefined,
      clockMs(),
    );
  } catch {
    return false;
  }
}

/** The event as it is stored, with the payment and the order that it names, if any. */
function storedEvent(event: Stripe.Event, rawBody: string): ProviderEvent {
  const { id, type } = event;
  const object = (event.data?.object ?? {}) as {
    id?: unknown;
    payment_intent?: unknown;
    metadata?: { orderId?: unknown; kind?: unknown; number?: unknown } | null;
  };
  const reference = object.payment_intent ?? object.id;
  const { orderId: named, kind, number } = object.metadata ?? {};
  const orderId = (typeof named === 'string' ? parseIdOfAnyCell('ord', named) : undefined) ?? null;
  // A routine event says what our own request did. Its content is large, is read by nobody, and describes a buyer.
  const purpose = { data: { object: { metadata: { orderId: named, kind, number } } } };
  return {
    id,
    type,
    providerReference: isName(reference) ? reference : null,
    orderId,
    stripeAccount: isName(event.account) ? event.account : null,
    rawBody: orderId !== null && isRoutine(event) ? JSON.stringify(purpose) : withoutSecrets(event, rawBody),
  };
}

/** Secrets of payments let anybody confirm them; the address of a receipt is the buyer's. */
const unstored: readonly string[] = ['client_secret', 'receipt_email'];

function withoutSecrets(event: Stripe.Event, rawBody: string): string {
  let isFound = false;
  const scrubbed = JSON.stringify(event, (name, value: unknown) => {
    if (!unstored.includes(name) || value === null) return value;
    isFound = true;
    return undefined;
  });
  return isFound ? scrubbed : rawBody;
}

/** Stripe's ids and types: visible ASCII, and not long. */
const isName = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value);
