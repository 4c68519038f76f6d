import { z } from 'zod';
import { instant, int, moneyType, responseType, text } from '../../http/responses';
import { productType } from '../../inventory/catalogue/products.responses';
import { reservationType, returningType } from '../../inventory/reservations/reservations.responses';
import { sagaType } from '../order-timeline/saga.responses';
import { contentionHistoryType, overviewType } from '../overview/overview.responses';
import { caseType } from '../review/review-formatting';

/** What the topics of the stream carry. */

const helloType = responseType('StreamHello', {
  version: text('0.1.0'),
  build: text('5f2b8c01d3aa').describe('Of the dashboard.'),
  expiresInSeconds: int(28_800).nullable().describe('How long the session lasts; null for a key.'),
});
export type StreamHello = z.infer<typeof helloType>;

const byeType = z.strictObject({ reason: z.literal('session-ended') });

const productMessageType = responseType('ProductMessage', {
  object: z.literal('product_message'),
  at: instant(),
  product: productType,
  returning: returningType,
});
export type ProductMessage = z.infer<typeof productMessageType>;

const reservationsMessageType = responseType('ReservationsMessage', {
  object: z.literal('reservations'),
  at: instant(),
  data: z.array(reservationType).describe('The first 100 rows of the filtered list, in its order.'),
  matching: int(281).describe('How many match, counted to 10 000.'),
});
export type ReservationsMessage = z.infer<typeof reservationsMessageType>;

const reviewMessageType = responseType('ReviewMessage', {
  object: z.literal('review'),
  at: instant(),
  counts: z.strictObject({
    stuck: int(3),
    unknown: int(1),
    dead_letter: int(2),
    payment: int(1),
    webhook: int(0),
  }),
  moneyAtRisk: z.array(moneyType),
  data: z.array(caseType).describe('The first 50, most money first.'),
});
export type ReviewMessage = z.infer<typeof reviewMessageType>;

export const streamMessageType = responseType('StreamMessage', {
  topic: text('overview'),
  at: instant(),
  value: z
    .union([
      overviewType,
      sagaType,
      productMessageType,
      reservationsMessageType,
      reviewMessageType,
      contentionHistoryType,
      helloType,
      byeType,
      z.record(z.string(), z.unknown()).describe('`run:{id}`: a LoadTest.'),
    ])
    .optional()
    .describe('The whole value. The first message is `hello`; after `bye`, the last, do not reconnect.'),
  problem: z
    .strictObject({ status: int(503), code: text('unavailable'), detail: text('Try again in a second.') })
    .optional()
    .describe('Instead of a value that could not be computed this time; the stream goes on.'),
});
