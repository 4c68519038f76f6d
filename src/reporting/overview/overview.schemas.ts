import { documented } from '../../http/responses';
import { stepNames } from '../../orders/checkout-saga/checkout.saga';
import { queueNames } from '../../queue/queues';
import { troubleCodes } from './troubles';

const at = '2026-11-20T14:03:31.000Z';
const money = { amount: 128_450, currency: 'EUR' };
const rate = { now: 176.3, peak: { perSecond: 421, at } };
const environments = ['development', 'test', 'production'];

const queue = {
  name: 'checkout',
  waiting: 14,
  active: 32,
  delayed: 212,
  failed: 0,
  oldestSeconds: 0.2,
  donePerSecond: 371.2,
  doneSeries: [371],
  workersAlive: 2,
  heartbeatSeconds: 0.4,
};
const worker = {
  id: 'shop-7:4711',
  startedAt: at,
  heartbeatSeconds: 0.4,
  alive: true,
  stopping: false,
  queues: [{ name: 'checkout', concurrency: 25, active: 11 }],
  version: '0.1.0',
};
const queuesExample = {
  object: 'queues',
  backend: 'redis',
  trouble: 'connect ECONNREFUSED',
  board: '/queues/board',
  queues: [queue],
  workers: [worker],
};
const queueNulls = [
  'trouble',
  'board',
  ...['waiting', 'active', 'delayed', 'failed', 'oldestSeconds', 'heartbeatSeconds'].map(
    (member) => `queues[].${member}`,
  ),
];
const queueEnums = {
  backend: ['redis', 'postgres'],
  'queues[].name': queueNames,
  'workers[].queues[].name': queueNames,
};
const within = (path: string, names: string[]) => names.map((name) => `${path}.${name}`);

export const queuesType = documented('Queues', queuesExample, { nullable: queueNulls, enums: queueEnums });

export const outboxType = documented(
  'Outbox',
  {
    object: 'outbox',
    waiting: 41,
    capped: false,
    due: 3,
    relayed: 38,
    oldestSeconds: 0.1,
    deadLetters: 2,
  },
  { nullable: ['oldestSeconds'] },
);

const ratesExample = {
  ordersAccepted: rate,
  reservationsTaken: { ...rate, withoutOrder: 8.3 },
  ordersPlaced: { ...rate, today: { since: '2026-11-20T00:00:00.000Z', orders: 38_412, money: [money] } },
  soldOut: { ...rate, sku: 'DROP-042', goneAt: at },
  declined: rate,
  expired: rate,
  intake: { p50Ms: 4.5, p99Ms: 18.5, boundMs: 250 },
  series: {
    from: at,
    ordersAccepted: [176],
    reservationsTaken: [184],
    ordersPlaced: [171],
    soldOut: [204],
    declined: [12],
    intakeP99Ms: [18.5],
  },
};
const rateNulls = [
  ...['ordersAccepted', 'reservationsTaken', 'ordersPlaced', 'soldOut', 'declined', 'expired'].map(
    (name) => `rates.${name}.peak`,
  ),
  ...within('rates', ['ordersPlaced.today', 'soldOut.sku', 'soldOut.goneAt', 'intake.p50Ms', 'intake.p99Ms']),
  'rates.series.intakeP99Ms[]',
];

const units = { onHand: 184_310, confirmed: 61_204, pinned: 6_795, active: 9_086, available: 107_225 };
const delay = { seconds: 0.3, limitSeconds: 5 };

export const overviewType = documented(
  'Overview',
  {
    object: 'overview',
    at,
    troubles: [
      {
        code: 'no_worker',
        since: at,
        detail: 'Orders are accepted but do not move on. Start a worker, or read the log of the last one.',
      },
    ],
    environment: 'development',
    loadTests: true,
    review: {
      cases: 6,
      stuckSagas: 3,
      unknownPayments: 1,
      deadLetters: 2,
      moneyAtRisk: [money],
      oldestSeconds: 840.5,
    },
    rates: ratesExample,
    steps: {
      inFlight: 812,
      capped: false,
      straight: [{ step: 'authorize-payment', count: 601, medianMs: 182.5 }],
      unknown: 1,
      compensating: 7,
      stuck: 3,
      declinedPerSecond: 12.3,
      expiredPerSecond: 2.3,
    },
    units: { skus: 184, ...units, returningSoon: 812 },
    products: [
      {
        sku: 'DROP-042',
        name: 'Drop 42',
        strategy: 'grouped',
        stock: units,
        takenPerSecond: 3.1,
        refusedPerSecond: 204.5,
        lockWaitP99Ms: 2.5,
      },
    ],
    delays: {
      expiry: delay,
      outbox: { ...delay, limitSeconds: 10 },
      sagaPastDue: { ...delay, limitSeconds: 30 },
      unknownPayment: { ...delay, limitSeconds: 1_800 },
      webhook: { ...delay, limitSeconds: 60 },
    },
    queues: queuesExample,
    promises: {
      ok: true,
      checkedAt: at,
      ageSeconds: 12.5,
      overdue: false,
      tookMs: 41,
      held: 19,
      total: 19,
      invariants: [
        { id: 'I1', promise: 'Nothing is sold that is not there: 0 ≤ reserved ≤ on hand.', violations: 0 },
      ],
    },
  },
  {
    nullable: [
      'troubles[].since',
      'review.oldestSeconds',
      ...rateNulls,
      'steps.straight[].medianMs',
      'products[].lockWaitP99Ms',
      ...within('queues', queueNulls),
      'promises',
    ],
    enums: {
      'troubles[].code': troubleCodes,
      environment: environments,
      'steps.straight[].step': stepNames,
      ...Object.fromEntries(Object.entries(queueEnums).map(([path, values]) => [`queues.${path}`, values])),
    },
  },
);

export const contentionHistoryType = documented(
  'ContentionHistory',
  {
    object: 'contention_history',
    sku: 'DROP-042',
    strategy: 'adaptive',
    adaptive: {
      hot: true,
      since: at,
      reason: 'half of 95 buyers a second waited more than 5 ms for its row',
    },
    from: at,
    sliceSeconds: 2.5,
    slices: [
      {
        strategy: 'grouped',
        takenPerSecond: 812.4,
        refusedPerSecond: 0.5,
        p50Ms: 2.5,
        p99Ms: 10.5,
        conflictRate: 0.01,
      },
    ],
    switches: [
      { at, from: 'row-lock', to: 'adaptive', by: 'bootstrap-admin', reason: 'the doors open at two' },
    ],
    strategies: [
      {
        strategy: 'row-lock',
        measuredAt: at,
        lockWaitMs: { p50: 50.5, p99: 200.5 },
        conflictRate: 0.01,
        batchSize: 1.5,
        peakPerSecond: 246.5,
      },
    ],
  },
  {
    nullable: [
      'adaptive',
      'switches[].reason',
      ...['strategy', 'p50Ms', 'p99Ms', 'conflictRate'].map((member) => `slices[].${member}`),
    ],
  },
);
