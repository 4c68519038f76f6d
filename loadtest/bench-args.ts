import { randomInt } from 'node:crypto';
import { Given, UsageError } from './given';

export const parts = [
  'no-op',
  'statements',
  'in-process',
  'http',
  'watched',
  'end-to-end',
  'expiry',
  'past',
] as const;
export type Part = (typeof parts)[number];

export const benchUsage = `npm run bench [-- options]

  no-op        POSTs that do nothing: bare Fastify, and the API with an empty handler
  statements   the best single statement on one hot row: through pg, and by pgbench where there is one
  in-process   the intake, grouped, called without HTTP
  http         orders and reservations over HTTP, grouped; grouped against row-lock at 512 buyers
  watched      orders over HTTP with the dashboard open and closed
  end-to-end   orders until they are placed, charges included
  expiry       many reservations that end in the same second, while others buy
  past         the same costs in an empty database and in one with a long past

  --only PART[,PART]  some of these
  --rounds N          each is measured so often, and the median told (3)
  --seconds S         how long each is measured (3)
  --orders N          of a round of end-to-end (2000)
  --expiring N        reservations that end at once; 0 leaves it out (100000)
  --rows N            past reservations; 0 leaves it out (1000000)
  --processes N       processes of buyers (1)
  --queue BACKEND     postgres or redis (postgres)
  --seed N            repeats what was random
  --docs              the numbers, into the tables of docs/performance.md
  --json FILE         the results, for programs (.holdfast-loadtest/<time>/bench.json)`;

export interface BenchArgs {
  only: readonly Part[];
  rounds: number;
  seconds: number;
  orders: number;
  expiring: number;
  rows: number;
  processes: number;
  queue: 'postgres' | 'redis';
  seed: number;
  docs: boolean;
  json: string | undefined;
}

const names = [
  'only',
  'rounds',
  'seconds',
  'orders',
  'expiring',
  'rows',
  'processes',
  'queue',
  'seed',
  'json',
];

export function readBenchArgs(argv: string[]): BenchArgs {
  const given = new Given(argv, names, benchUsage);
  const args: BenchArgs = {
    only: partsOf(given.text('only')),
    rounds: given.whole('rounds', 3, { min: 1, max: 99 }),
    seconds: given.number('seconds', 3, { min: 0.1, max: 600 }),
    orders: given.whole('orders', 2_000, { min: 1, max: 1_000_000 }),
    expiring: given.whole('expiring', 100_000, { min: 0, max: 10_000_000 }),
    rows: given.whole('rows', 1_000_000, { min: 0, max: 100_000_000 }),
    processes: given.whole('processes', 1, { min: 1, max: 64 }),
    queue: given.oneOf('queue', ['postgres', 'redis']),
    seed: given.whole('seed', randomInt(2 ** 31), { min: 0, max: 2 ** 31 }),
    docs: given.docs,
    json: given.text('json'),
  };
  const empty: Part[] = [];
  if (args.expiring === 0) empty.push('expiry');
  if (args.rows === 0) empty.push('past');
  return { ...args, only: args.only.filter((part) => !empty.includes(part)) };
}

function partsOf(text: string | undefined): readonly Part[] {
  if (text === undefined) return parts;
  const wanted = text.split(',').map((name) => name.trim());
  const unknown = wanted.filter((name) => !parts.some((part) => part === name));
  if (unknown.length > 0)
    throw new UsageError(`There is no part ${unknown.join(', ')}. There are: ${parts.join(', ')}.`);
  return parts.filter((part) => wanted.includes(part));
}
