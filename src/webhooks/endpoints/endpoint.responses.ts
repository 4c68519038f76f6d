import { z } from 'zod';
import { bool, instant, int, pageType, publicIdOf, responseType, text } from '../../http/responses';
import { publicId } from '../../ids';
import type { Delivery } from '../delivery/deliveries.repository';
import type { Endpoint } from './endpoints.repository';

const replayType = responseType('WebhookReplay', {
  id: publicIdOf('rpl'),
  from: instant().nullable().describe('Null: these events, or all that are kept.'),
  sent: int(12).describe('Events that were taken so far.'),
  status: z.enum(['running', 'done', 'cancelled']).meta({ example: 'running' }),
});

const shape = {
  id: publicIdOf('whe'),
  object: z.literal('webhook_endpoint'),
  url: text('https://shop.example/webhooks'),
  types: z.array(text('order.*')).nullable().describe('Null: all.'),
  description: text('the warehouse').nullable(),
  status: z.enum(['enabled', 'disabled']).meta({ example: 'enabled' }),
  disabledReason: z
    .enum(['gone', 'failing', 'by_owner', 'by_operator'])
    .nullable()
    .describe('`gone`: it answered 410. `failing`: nothing but failures for five days.'),
  createdAt: instant(),
  lastDeliveredAt: instant().nullable(),
  behindSeconds: int(0).describe('How old the oldest event is that it has not taken; 0: it has taken all.'),
  replay: replayType.nullable().describe('The newest.'),
};

export const endpointType = responseType('WebhookEndpoint', {
  ...shape,
  secret: text('whsec_…').optional().describe('Only in the first answer of `POST` and of `rotate-secret`.'),
});
export const endpointListType = pageType(endpointType);

export const adminEndpointType = responseType('AdminWebhookEndpoint', {
  ...shape,
  principal: text('shop-berlin'),
  probed: bool(false).describe('It only fails, so its oldest event alone is tried, now and then.'),
  failures: int(0).describe('In a row.'),
  waiting: int(0).describe('Orders and reservations of which an event was not taken.'),
  lastFailure: z
    .strictObject({ responseStatus: int(500).nullable(), error: text('timeout').nullable() })
    .nullable(),
});
export const adminEndpointListType = pageType(adminEndpointType);

export const deliveryType = responseType('WebhookDelivery', {
  id: publicIdOf('dlv'),
  object: z.literal('webhook_delivery'),
  eventId: publicIdOf('evt'),
  type: text('order.placed'),
  attempts: int(1),
  status: z.enum(['waiting', 'delivered', 'given_up']).meta({ example: 'delivered' }),
  responseStatus: int(200).nullable(),
  error: text('timeout')
    .nullable()
    .describe(
      'Why there was no answer: timeout, address_not_allowed, name_not_found, connection_refused, tls_failed, connection_failed.',
    ),
  durationMs: int(42).nullable(),
  nextAttemptAt: instant().nullable(),
  createdAt: instant(),
});
export const deliveryListType = pageType(deliveryType);

const view = (endpoint: Endpoint) => ({
  id: publicId('whe', endpoint.id),
  object: 'webhook_endpoint' as const,
  url: endpoint.url,
  types: endpoint.types,
  description: endpoint.description,
  status: endpoint.status,
  disabledReason: endpoint.disabledReason,
  createdAt: endpoint.createdAt.toISOString(),
  lastDeliveredAt: endpoint.lastDeliveredAt?.toISOString() ?? null,
  behindSeconds: endpoint.behindSeconds,
  replay: endpoint.replay && {
    ...endpoint.replay,
    id: publicId('rpl', endpoint.replay.id),
    from: endpoint.replay.from && new Date(endpoint.replay.from).toISOString(),
  },
});

export const endpointView = (endpoint: Endpoint, secret?: string): z.infer<typeof endpointType> => ({
  ...view(endpoint),
  ...(secret === undefined ? {} : { secret }),
});

export const adminEndpointView = (endpoint: Endpoint): z.infer<typeof adminEndpointType> => ({
  ...view(endpoint),
  principal: endpoint.principal,
  probed: endpoint.isProbed,
  failures: endpoint.failures,
  waiting: endpoint.waiting,
  lastFailure: endpoint.lastFailure,
});

export const deliveryView = (delivery: Delivery): z.infer<typeof deliveryType> => ({
  id: publicId('dlv', delivery.id),
  object: 'webhook_delivery',
  eventId: publicId('evt', delivery.eventId),
  type: delivery.type,
  attempts: delivery.attempts,
  status: delivery.status,
  responseStatus: delivery.responseStatus,
  error: delivery.error,
  durationMs: delivery.durationMs,
  nextAttemptAt: delivery.nextAttemptAt?.toISOString() ?? null,
  createdAt: delivery.createdAt.toISOString(),
});
