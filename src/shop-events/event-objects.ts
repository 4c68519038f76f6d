import { z } from 'zod';
import type { Queryable } from '../database/database';
import { responseType, text } from '../http/responses';
import { findReservations } from '../inventory/reservations/reservations.repository';
import { reservationType, reservationView } from '../inventory/reservations/reservations.responses';
import { orderType, orderView } from '../orders/orders.responses';
import { findOrders } from '../orders/shown-orders.repository';
import type { FeedEvent } from '../outbox/event-feed.repository';
import { eventShape, eventView } from '../outbox/event-view';

export const shopEventType = responseType('ShopEvent', {
  ...eventShape,
  data: z
    .object({
      object: z
        .union([orderType, reservationType])
        .nullable()
        .describe(
          'The order or reservation as it stands now, never older than the event. `version` says which of two is newer.',
        ),
    })
    .catchall(z.unknown())
    .describe('What the event reports, and its order or reservation.'),
});
export type ShopEvent = z.infer<typeof shopEventType>;

export const shopEventListType = responseType('ShopEventList', {
  object: z.literal('list'),
  data: z.array(shopEventType),
  hasMore: z.boolean().meta({ example: false }),
  nextCursor: text('MDE5M2Y…').describe('Send it as `cursor` next time, also when `data` is empty.'),
});
export type ShopEventList = z.infer<typeof shopEventListType>;

/** Events with their orders and reservations, each read after its events, in one statement of its kind. */
export async function renderEvents(queryable: Queryable, events: FeedEvent[]): Promise<ShopEvent[]> {
  const idsOf = (type: FeedEvent['aggregateType']) => [
    ...new Set(
      events.filter(({ aggregateType }) => aggregateType === type).map(({ aggregateId }) => aggregateId),
    ),
  ];
  const [orderIds, reservationIds] = [idsOf('order'), idsOf('reservation')];
  const [orders, reservations] = await Promise.all([
    orderIds.length > 0 ? findOrders(queryable, orderIds) : [],
    reservationIds.length > 0 ? findReservations(queryable, reservationIds) : [],
  ]);
  const objects = new Map<string, ShopEvent['data']['object']>([
    ...orders.map((order) => [order.id, orderView(order)] as const),
    ...reservations.map((reservation) => [reservation.id, reservationView(reservation)] as const),
  ]);
  return events.map((event) => {
    const view = eventView(event);
    return { ...view, data: { ...view.data, object: objects.get(event.aggregateId) ?? null } };
  });
}
