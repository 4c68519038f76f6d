import type { QueueBackend } from '../test/support/redis-server';

/** One number divided by another of the same run, or one alone, and its aim. */
export interface Ratio {
  name: string;
  of: string;
  /** None when the number itself has the aim. */
  to?: string;
  /** None when the ratio is for comparison only. */
  aim?: { atLeast: number } | { atMost: number };
  show: 'percent' | 'times' | 'KiB';
}

/** The names of whole purchases that are measured. */
export const buying = (buyers: number, more: string) =>
  `${buyers} ${buyers === 1 ? 'buyer' : 'buyers'}, ${more}`;
export const placedName = (buyers: number, more: string) => `placed, ${buying(buyers, more)}`;
export const onQueue = (queue: QueueBackend, build?: string) =>
  `queue on ${queue}${build === undefined ? '' : `, build ${build}`}`;
export const withWorkers = (count: number, queue: QueueBackend) =>
  `${count} ${count === 1 ? 'worker' : 'workers'}, ${onQueue(queue)}`;

const orders = 'orders over HTTP, grouped, 256 buyers';
const reservations = 'reservations over HTTP, grouped, 256 buyers';
const noOp = 'no-op, the API’s own stack';
const empty = 'empty database';
const past = 'long past';
const percent = 'percent';
const times = 'times';

/** The aims of the design, as ratios of two numbers measured on the same machine within minutes. */
const ownRatios: readonly Ratio[] = [
  {
    name: 'orders over HTTP, against the same server doing nothing',
    of: orders,
    to: noOp,
    aim: { atLeast: 0.4 },
    show: percent,
  },
  ...[orders, reservations].map((name): Ratio => ({
    name: `${name.split(',')[0]} with a worker running, against none`,
    of: `${name}, worker running`,
    to: name,
    aim: { atLeast: 0.8 },
    show: percent,
  })),
  {
    name: 'p99 at 512 buyers, grouped against row-lock',
    of: 'p99 of orders, grouped, 512 buyers',
    to: 'p99 of orders, row-lock, 512 buyers',
    aim: { atMost: 0.1 },
    show: percent,
  },
  ...['by pgbench', 'through pg'].map((how): Ratio => ({
    name: `stock taken in process, grouped, against one UPDATE of a hot row ${how}`,
    of: 'stock taken in process, grouped',
    to: `one UPDATE of a hot row, ${how.replace('by ', '')}`,
    aim: { atLeast: 15 },
    show: times,
  })),
  {
    name: 'whole intake in process, against one UPDATE of a hot row through pg',
    of: 'intake in process, grouped',
    to: 'one UPDATE of a hot row, through pg',
    show: times,
  },
  {
    name: 'orders with the dashboard open, against closed',
    of: 'orders over HTTP, dashboard open in three tabs',
    to: 'orders over HTTP, dashboard closed',
    aim: { atLeast: 0.95 },
    show: percent,
  },
  {
    name: 'p99 of new orders while many reservations end, against before',
    of: 'p99 of orders while they end',
    to: 'p99 of orders before they end',
    aim: { atMost: 2 },
    show: times,
  },
  {
    name: 'CPU of an order taken with a long past, against none',
    of: `CPU of orders over HTTP, ${past}`,
    to: `CPU of orders over HTTP, ${empty}`,
    aim: { atMost: 1.1 },
    show: percent,
  },
  {
    name: 'orders taken with a long past, against none',
    of: `orders over HTTP, ${past}`,
    to: `orders over HTTP, ${empty}`,
    aim: { atLeast: 0.9 },
    show: percent,
  },
  {
    name: 'orders placed with a long past, against none',
    of: `placed end to end, ${past}`,
    to: `placed end to end, ${empty}`,
    aim: { atLeast: 0.9 },
    show: percent,
  },
  {
    name: 'the slowest of an operator’s lists with a long past, against one order by its key',
    of: `the slowest list, ${past}`,
    to: `one order by its key, ${past}`,
    aim: { atMost: 10 },
    show: times,
  },
];

/** Ratios of whole purchases with one queue backend. */
function ratiosOfPlacing(queue: QueueBackend): Ratio[] {
  const name = placedName(64, onQueue(queue));
  return [
    {
      name: `placed, 64 buyers, against the same server doing nothing, ${onQueue(queue)}`,
      of: name,
      to: noOp,
      show: percent,
    },
    {
      name: `WAL of a placed order, ${onQueue(queue)}`,
      of: `WAL of ${name}`,
      aim: { atMost: 12 },
      show: 'KiB',
    },
    ...[2, 5, 10].flatMap((count) =>
      ['PostgreSQL’s CPU', 'statements'].map((what): Ratio => ({
        name: `${what} of a placed order with ${withWorkers(count, queue)}, against one`,
        of: `${what} of ${placedName(64, withWorkers(count, queue))}`,
        to: `${what} of ${placedName(64, withWorkers(1, queue))}`,
        aim: { atMost: 1.3 },
        show: times,
      })),
    ),
  ];
}

/** Against another build in the same run. */
function ratiosOfBuilds(queue: QueueBackend, build: string): Ratio[] {
  const ratio = (what: string, buyers: number, aim: Ratio['aim'], show: Ratio['show']): Ratio => ({
    name: `${what || 'placed orders'}${what && ' of a placed order'}, ${buyers} buyers, ${onQueue(queue)}, against build ${build}`,
    of: `${what && `${what} of `}${placedName(buyers, onQueue(queue))}`,
    to: `${what && `${what} of `}${placedName(buyers, onQueue(queue, build))}`,
    aim,
    show,
  });
  return [
    ...[1, 16].map((buyers) => ratio('', buyers, undefined, times)),
    ratio('', 64, { atLeast: 2.4 }, times),
    ...[1, 16].map((buyers) => ratio('CPU', buyers, undefined, percent)),
    ratio('CPU', 64, { atMost: 0.4 }, percent),
    ratio('PostgreSQL’s CPU', 64, { atMost: 0.3 }, percent),
    ratio('WAL', 64, undefined, percent),
    ratio('statements', 64, undefined, percent),
  ];
}

export const ratiosOf = (build?: string): Ratio[] => {
  const queues: QueueBackend[] = ['postgres', 'redis'];
  return [
    ...ownRatios,
    ...queues.flatMap(ratiosOfPlacing),
    ...(build === undefined ? [] : queues.flatMap((queue) => ratiosOfBuilds(queue, build))),
  ];
};
