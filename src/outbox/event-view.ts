import { z } from 'zod';
import { instant, int, publicIdOf, responseType } from '../http/responses';
import { publicId } from '../ids';
import type { FeedEvent } from './event-feed.repository';
import { type MessageType, messageRoutes } from './outbox.repository';

export const eventTypes = Object.keys(messageRoutes) as MessageType[];

/** What an event says beside its data. */
export const eventShape = {
  object: z.literal('event'),
  id: publicIdOf('evt'),
  type: z.enum(eventTypes).meta({ id: 'EventType', example: 'order.placed' }),
  aggregateType: z.enum(['order', 'reservation']),
  aggregateId: publicIdOf('ord'),
  sequence: int(2).describe('Counts the events of its order or reservation.'),
  createdAt: instant(),
};

export const eventType = responseType('Event', {
  ...eventShape,
  data: z
    .record(z.string(), z.unknown())
    .meta({ example: { reservationId: 'rsv_01jd3v7q8ne05v7c0kq1e5m9tz' } }),
});

export const aggregatePrefix = ({ aggregateType }: Pick<FeedEvent, 'aggregateType'>) =>
  aggregateType === 'order' ? 'ord' : 'rsv';

export const eventView = (event: FeedEvent): z.infer<typeof eventType> => ({
  object: 'event',
  id: publicId('evt', event.id),
  type: event.type,
  aggregateType: event.aggregateType,
  aggregateId: publicId(aggregatePrefix(event), event.aggregateId),
  sequence: event.sequence,
  data: withPublicIds(event.payload),
  createdAt: event.createdAt.toISOString(),
});

function withPublicIds(payload: Record<string, unknown>): Record<string, unknown> {
  const { orderId, reservationId } = payload as { orderId?: string | null; reservationId?: string };
  return {
    ...payload,
    ...(orderId ? { orderId: publicId('ord', orderId) } : {}),
    ...(reservationId ? { reservationId: publicId('rsv', reservationId) } : {}),
  };
}
