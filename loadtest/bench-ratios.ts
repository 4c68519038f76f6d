import type { QueueBackend } from '../test/support/redis-server';

/**
 * One number divided by another of the same run, or one alone, and its aim: `at least` or `at most` so much, or only the
 * unit when it is for comparison.
 */
export type Ratio = [name: string, of: string, to: string | undefined, aim: string];

/** The names of whole purchases that are measured. */
export const buying = (buyers: number, more: string) =>
  `${buyers} ${buyers === 1 ? 'buyer' : 'buyers'}, ${more}`;
export const placedName = (buyers: number, more: string) => `placed, ${buying(buyers, more)}`;
export const onQueue = (queue: QueueBackend, build?: string) =>
  `queue on ${queue}${build === undefined ? '' : `, build ${build}`}`;
export const withWorkers = (count: number, queue: QueueBackend) =>
  `${count} ${count === 1 ? 'worker' : 'workers'}, ${onQueue(queue)}`;

export const withPrepared = (prepared: 'on' | 'off', queue: QueueBackend) =>
  `prepared statements ${prepared}, ${onQueue(queue)}`;

export const listening = (heard: 'heard' | 'unheard', queue: QueueBackend) =>
  `${heard} by two endpoints and ten readers, ${onQueue(queue)}`;

export const purchaseParts = 'parts of a purchase, 1 buyer';

const orders = 'orders over HTTP, grouped, 256 buyers';
const reservations = 'reservations over HTTP, grouped, 256 buyers';
const noOp = 'no-op, the API’s own stack';
const stock = 'stock taken in process, grouped';
const oneUpdate = 'one UPDATE of a hot row';

/** The aims of the design, as ratios of two numbers measured on the same machine within minutes. */
const ownRatios: readonly Ratio[] = [
  ['orders over HTTP, against the same server doing nothing', orders, noOp, 'at least 40 %'],
  ['orders with a worker running, against none', `${orders}, worker running`, orders, 'at least 80 %'],
  [
    'reservations with a worker running, against none',
    `${reservations}, worker running`,
    reservations,
    'at least 80 %',
  ],
  against(
    'p99 at 512 buyers, grouped against row-lock',
    'p99 of orders, *, 512 buyers',
    ['grouped', 'row-lock'],
    'at most 10 %',
  ),
  [`${stock}, against ${oneUpdate} by pgbench`, stock, `${oneUpdate}, pgbench`, 'at least 15 ×'],
  [`${stock}, against ${oneUpdate} through pg`, stock, `${oneUpdate}, through pg`, 'at least 15 ×'],
  [
    `whole intake in process, against ${oneUpdate} through pg`,
    'intake in process, grouped',
    `${oneUpdate}, through pg`,
    '×',
  ],
  against(
    'orders with the dashboard open, against closed',
    'orders over HTTP, dashboard *',
    ['open in three tabs', 'closed'],
    'at least 95 %',
  ),
  against(
    'p99 of new orders while many reservations end, against before',
    'p99 of orders * they end',
    ['while', 'before'],
    'at most 2 ×',
  ),
  withPast('CPU of an order taken', 'CPU of orders over HTTP', 'at most 110 %'),
  withPast('orders taken', 'orders over HTTP', 'at least 90 %'),
  withPast('orders placed', 'placed end to end', 'at least 90 %'),
  [
    'the slowest of an operator’s lists with a long past, against one order by its key',
    'the slowest list, long past',
    'one order by its key, long past',
    'at most 10 ×',
  ],
];

/** Two measurements whose names differ in one place. */
function against(name: string, measured: string, [one, other]: [string, string], aim: string): Ratio {
  return [name, measured.replace('*', one), measured.replace('*', other), aim];
}

function withPast(name: string, measured: string, aim: string): Ratio {
  return against(
    `${name} with a long past, against none`,
    `${measured}, *`,
    ['long past', 'empty database'],
    aim,
  );
}

/** Of whole purchases with one queue backend. */
function ratiosOfPlacing(queue: QueueBackend): Ratio[] {
  const many = buying(64, onQueue(queue));
  const workers = (count: number) => placedName(64, withWorkers(count, queue));
  return [
    [`placed, ${many}, against the same server doing nothing`, `placed, ${many}`, noOp, '%'],
    [
      `p50 of a purchase, ${buying(1, onQueue(queue))}, against the sum of its parts`,
      `p50 of a purchase, ${buying(1, onQueue(queue))}`,
      purchaseParts,
      'at most 3 ×',
    ],
    [`WAL of a placed order, ${onQueue(queue)}`, `WAL of placed, ${many}`, undefined, 'at most 12 KiB'],
    ...['placed', 'CPU of placed', 'PostgreSQL’s CPU of placed'].map((what) =>
      against(
        `${what}, ${many}, without prepared statements, against with them`,
        `${what}, ${buying(64, `prepared statements *, ${onQueue(queue)}`)}`,
        ['off', 'on'],
        '%',
      ),
    ),
    ...(
      [
        ['placed', 'at least 80 %'],
        ['PostgreSQL’s CPU of placed', 'at most 110 %'],
        ['WAL of placed', '%'],
      ] as const
    ).map(([what, aim]) =>
      against(
        `${what}, ${many}, heard by two endpoints and ten readers, against unheard`,
        `${what}, ${buying(64, `* by two endpoints and ten readers, ${onQueue(queue)}`)}`,
        ['heard', 'unheard'],
        aim,
      ),
    ),
    ...[2, 5, 10].flatMap((count) =>
      ['PostgreSQL’s CPU', 'statements'].map((what): Ratio => {
        const name = `${what} of a placed order with ${withWorkers(count, queue)}, against one`;
        return [name, `${what} of ${workers(count)}`, `${what} of ${workers(1)}`, 'at most 1.3 ×'];
      }),
    ),
    [
      `statements of a further worker, idle, ${onQueue(queue)}`,
      `statements of a further worker, idle, ${onQueue(queue)}`,
      undefined,
      'at most 3 /s',
    ],
  ];
}

/** Of this build to another in the same run. */
function ratiosOfBuilds(queue: QueueBackend, build: string): Ratio[] {
  const ratio = (what: string, buyers: number, aim: string): Ratio => [
    `${what.replace(/ of $/, ' of a placed order') || 'placed'}, ${buying(buyers, onQueue(queue))}, against build ${build}`,
    `${what}${placedName(buyers, onQueue(queue))}`,
    `${what}${placedName(buyers, onQueue(queue, build))}`,
    aim,
  ];
  return [
    ...[1, 16].flatMap((buyers) => [ratio('', buyers, '×'), ratio('CPU of ', buyers, '%')]),
    ratio('', 64, 'at least 2.4 ×'),
    ratio('CPU of ', 64, 'at most 40 %'),
    ratio('PostgreSQL’s CPU of ', 64, 'at most 30 %'),
    ratio('statements of ', 64, '%'),
    ratio('WAL of ', 64, '%'),
  ];
}

export const ratiosOf = (build?: string): Ratio[] => [
  ...ownRatios,
  ...(['postgres', 'redis'] as const).flatMap((queue) => [
    ...ratiosOfPlacing(queue),
    ...(build === undefined ? [] : ratiosOfBuilds(queue, build)),
  ]),
];
