import { z } from 'zod';
import { bool, decimal, instant, int, moneyType, responseType, text } from '../../http/responses';
import { stepType } from '../../orders/orders.responses';
import { queueNames } from '../../queue/queues';

/** The overview and its parts. Durations carry their unit in their name, shares go from 0 to 1. */

const at = instant('2026-11-20T14:03:31.000Z');
const queueNameType = z.enum(queueNames).meta({ id: 'QueueName' });

const queueType = responseType('QueueState', {
  name: queueNameType,
  waiting: int(14).nullable().describe('Null, like the other counts, while the queue cannot be asked.'),
  active: int(32).nullable(),
  delayed: int(212).nullable(),
  failed: int(0).nullable(),
  oldestSeconds: decimal(0.2)
    .nullable()
    .describe('Age of the job that has waited longest; null without one.'),
  donePerSecond: decimal(371.2).describe('Mean of the last ten seconds.'),
  doneSeries: z.array(int(371)).describe('The last 60 whole seconds, oldest first.'),
  workersAlive: int(2),
  heartbeatSeconds: decimal(0.4)
    .nullable()
    .describe('Age of the newest heartbeat of a worker of this queue; null without one.'),
});

const workerType = responseType('WorkerState', {
  id: text('shop-7:4711').describe('Host and process, as in the transitions of a saga.'),
  startedAt: at,
  heartbeatSeconds: decimal(0.4).describe('Age of its last heartbeat.'),
  alive: bool(true),
  stopping: bool(false),
  queues: z.array(z.strictObject({ name: queueNameType, concurrency: int(25), active: int(11) })),
  version: text('0.1.0'),
});

export const queuesType = responseType('Queues', {
  object: z.literal('queues'),
  backend: z.enum(['redis', 'postgres']),
  trouble: text('connect ECONNREFUSED')
    .nullable()
    .describe('Why the queues cannot be asked. Orders go on all the same.'),
  board: text('/queues/board').nullable().describe('The BullMQ board; null where queues are switched off.'),
  queues: z.array(queueType),
  workers: z.array(workerType).describe('Newest first, without those that have been silent for ten minutes.'),
});

export const outboxType = responseType('Outbox', {
  object: z.literal('outbox'),
  waiting: int(41).describe('Messages that were not applied yet, counted to 10 000.'),
  capped: bool(false).describe('There are more than were counted.'),
  due: int(3).describe('Due now, and not yet handed to a queue.'),
  relayed: int(38).describe('Handed over at least once, and waiting for their consumer.'),
  oldestSeconds: decimal(0.1).nullable().describe('Age of the oldest that is due; null when none is.'),
  deadLetters: int(2),
});
export type OutboxReport = z.infer<typeof outboxType>;

export const troubleCodes = ['no_worker', 'provider_silent', 'task_failing', 'queue_unreachable'] as const;

const troubleType = responseType('ServiceTrouble', {
  code: z.enum(troubleCodes),
  since: at.nullable().describe('Null when it is not known.'),
  detail: text(
    'Orders are accepted but do not move on. Start a worker, or read the log of the last one.',
  ).describe('What it leads to and what to do.'),
});
export type Trouble = z.infer<typeof troubleType>;

const rate = {
  now: decimal(176.3).describe('Per second, mean of the last three whole seconds.'),
  peak: z
    .strictObject({ perSecond: int(421), at })
    .nullable()
    .describe('The busiest second of the last five minutes; null when nothing happened.'),
};
const rateType = responseType('Rate', rate);

const column = z.array(int(176));
const ratesType = responseType('Rates', {
  ordersAccepted: rateType,
  reservationsTaken: z.strictObject({
    ...rate,
    withoutOrder: decimal(8.3).describe('Reservations per second that no order was sent with.'),
  }),
  ordersPlaced: z.strictObject({
    ...rate,
    today: z
      .strictObject({
        since: instant('2026-11-20T00:00:00.000Z'),
        orders: int(38_412),
        money: z.array(moneyType),
      })
      .nullable()
      .describe('Since midnight (UTC); null after a start while they are being counted.'),
  }),
  soldOut: z.strictObject({
    ...rate,
    sku: text('DROP-042').nullable().describe('What most of them wanted in the last minute.'),
    goneAt: at.nullable().describe('When its last unit was promised, as far as that was seen.'),
  }),
  declined: rateType,
  expired: rateType,
  intake: z
    .strictObject({ p50Ms: decimal(4.5).nullable(), p99Ms: decimal(18.5).nullable(), boundMs: int(250) })
    .describe('Of the requests that take stock, over the last ten seconds.'),
  series: z
    .strictObject({
      from: at,
      ordersAccepted: column,
      reservationsTaken: column,
      ordersPlaced: column,
      soldOut: column,
      declined: column,
      intakeP99Ms: z.array(decimal(18.5).nullable()),
    })
    .meta({ id: 'RateSeries' })
    .describe('The last 300 whole seconds, oldest first.'),
});

const units = {
  onHand: int(184_310),
  confirmed: int(61_204).describe('Sold, not yet shipped.'),
  pinned: int(6_795).describe('Being charged for.'),
  active: int(9_086),
  available: int(107_225),
};

const delayType = responseType('Delay', {
  seconds: decimal(0.3).describe('0 when nothing is late or waits.'),
  limitSeconds: int(5).describe('The promise or the alarm.'),
});

const promisesType = responseType('Promises', {
  ok: bool(true),
  checkedAt: at,
  ageSeconds: decimal(12.5),
  overdue: bool(false).describe('No worker audits any more, so this may be out of date.'),
  tookMs: int(41),
  held: int(19),
  total: int(19),
  invariants: z.array(
    z.strictObject({
      id: text('I1'),
      promise: text('Nothing is sold that is not there: 0 ≤ reserved ≤ on hand.'),
      violations: int(0),
    }),
  ),
});

export const overviewType = responseType('Overview', {
  object: z.literal('overview'),
  at: at.describe('When it was computed.'),
  troubles: z.array(troubleType).describe('What keeps the service as a whole from working, worst first.'),
  environment: z.enum(['development', 'test', 'production']),
  loadTests: bool(true).describe('Whether load tests can be run here; not in production.'),
  review: z
    .strictObject({
      cases: int(6),
      stuckSagas: int(3),
      unknownPayments: int(1),
      deadLetters: int(2),
      paymentCases: int(1),
      failingEndpoints: int(0).describe('Webhook endpoints that were disabled because they only failed.'),
      moneyAtRisk: z.array(moneyType).describe('A sum for each currency.'),
      oldestSeconds: decimal(840.5).nullable().describe('Null without cases.'),
    })
    .meta({ id: 'ReviewCounts' }),
  rates: ratesType,
  steps: z
    .strictObject({
      inFlight: int(812),
      capped: bool(false).describe('There are more than were counted (20 000).'),
      straight: z
        .array(z.strictObject({ step: stepType, count: int(601), medianMs: decimal(182.5).nullable() }))
        .describe('The steps of a checkout, in order.'),
      unknown: int(1),
      compensating: int(7),
      stuck: int(3),
      declinedPerSecond: decimal(12.3),
      expiredPerSecond: decimal(2.3),
    })
    .meta({ id: 'Steps' }),
  units: z
    .strictObject({
      skus: int(184),
      ...units,
      returningSoon: int(812).describe('Of the active ones: back on sale within 60 s if nobody pays.'),
    })
    .meta({ id: 'UnitsOnHand' }),
  products: z
    .array(
      responseType('BusyProduct', {
        sku: text('DROP-042'),
        name: text('Drop 42'),
        strategy: text('grouped'),
        stock: z.strictObject(units),
        takenPerSecond: decimal(3.1),
        refusedPerSecond: decimal(204.5),
        lockWaitP99Ms: decimal(2.5).nullable().describe('Null when nobody took any.'),
      }),
    )
    .describe('What was asked for in the last minute, most wanted first, at most seven.'),
  delays: z
    .strictObject({
      expiry: delayType,
      outbox: delayType,
      sagaPastDue: delayType,
      unknownPayment: delayType,
      webhook: delayType,
    })
    .meta({ id: 'Delays' }),
  queues: queuesType,
  promises: promisesType.nullable().describe('The last audit; null before the first.'),
});
export type OverviewResponse = z.infer<typeof overviewType>;

export const auditType = responseType('Audit', {
  ok: bool(true),
  checkedAt: instant(),
  tookMs: int(41),
  invariants: z.array(
    z.strictObject({
      id: text('I1'),
      promise: text('Nothing is sold that is not there: 0 ≤ reserved ≤ on hand.'),
      violations: z.array(z.record(z.string(), z.unknown())).describe('The rows that break it, at most 50.'),
    }),
  ),
});

const lockWaitMs = z.strictObject({ p50: decimal(0.5), p99: decimal(10.5) });
const conflictRate = decimal(0.01).describe('Tries in vain per reservation.');
const batchSize = decimal(41.7).describe('Requests that shared a transaction, on average.');
const adaptive = z.strictObject({
  hot: bool(true),
  since: instant(),
  reason: text('half of 95 buyers a second waited more than 5 ms for its row'),
});

export const contentionListType = responseType('ContentionList', {
  object: z.literal('list'),
  data: z.array(
    z.strictObject({
      sku: text('DROP-042'),
      strategy: text('grouped'),
      reservationsPerSecond: decimal(812.4),
      lockWaitMs,
      conflictRate,
      batchSize,
      waiting: int(212).describe('Requests that have no response yet.'),
      peakPerSecond: int(1_204),
      adaptive,
    }),
  ),
});

export const contentionHistoryType = responseType('ContentionHistory', {
  object: z.literal('contention_history'),
  sku: text('DROP-042'),
  strategy: text('adaptive').describe('The strategy in force.'),
  adaptive: adaptive.nullable().describe('Null unless the strategy is `adaptive`.'),
  from: at,
  sliceSeconds: decimal(2.5),
  slices: z
    .array(
      z.strictObject({
        strategy: text('grouped').nullable(),
        takenPerSecond: decimal(812.4),
        refusedPerSecond: decimal(0.5),
        p50Ms: decimal(2.5).nullable(),
        p99Ms: decimal(10.5).nullable(),
        conflictRate: decimal(0.01).nullable(),
      }),
    )
    .describe('The last ten minutes, oldest first; null in a slice in which nobody came.'),
  switches: z.array(
    z.strictObject({
      at,
      from: text('row-lock'),
      to: text('adaptive'),
      by: text('bootstrap-admin'),
      reason: text('the doors open at two').nullable(),
    }),
  ),
  strategies: z
    .array(
      responseType('StrategyMeasurement', {
        strategy: text('row-lock'),
        measuredAt: at,
        lockWaitMs,
        conflictRate,
        batchSize,
        peakPerSecond: decimal(246.5),
      }),
    )
    .describe("Each strategy's last measurement on this SKU, most reservations first."),
});
export type ContentionHistoryResponse = z.infer<typeof contentionHistoryType>;
