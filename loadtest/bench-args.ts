import { randomInt } from 'node:crypto';
import { parseArguments } from '../src/config/arguments';
import type { QueueBackend } from '../test/support/redis-server';

export const parts = [
  'no-op',
  'statements',
  'in-process',
  'http',
  'watched',
  'end-to-end',
  'workers',
  'prepared',
  'listened',
  'expiry',
  'past',
] as const;
const queueBackends: readonly QueueBackend[] = ['postgres', 'redis'];
export type Part = (typeof parts)[number];

export const benchUsage = `npm run bench [-- options]

  no-op        POSTs that do nothing: bare Fastify, and the API with an empty handler
  statements   the best single statement on one hot row: through pg, and with pgbench if installed
  in-process   the intake, grouped, called without HTTP
  http         orders and reservations over HTTP, grouped, without and with a worker; grouped against row-lock at 512 buyers
  watched      orders over HTTP with the dashboard open and closed
  end-to-end   orders until they are placed, charges included: all at once, and 1, 16 and 64 buyers in a closed loop
  workers      the closed loop with 1, 2, 5 and 10 workers, and what idle ones cost
  prepared     64 buyers in the closed loop with DATABASE_PREPARED_STATEMENTS on and off
  listened     64 buyers in the closed loop without and with two webhook endpoints and ten readers of the event feed
  expiry       many reservations that expire in the same second while buyers order
  past         the same costs in an empty database and in one with a long past

  --only PART[,PART]  some of these
  --rounds N          rounds, of which the median is reported (3)
  --seconds S         duration of each measurement (3)
  --orders N          orders per round of end-to-end (2000)
  --expiring N        reservations that expire at once; 0 skips it (100000)
  --rows N            past reservations; 0 skips it (1000000)
  --processes N       processes of buyers (1)
  --queue NAME[,NAME] postgres, redis, or both where end-to-end and workers measure both (both)
  --idle S            how long idle workers are watched (60)
  --build DIR         another clone, built: end-to-end measures its build too, in turn with this one's
  --seed N            repeats what was random
  --docs              writes the numbers into docs/performance.md
  --json FILE         the results, for programs (.holdfast-loadtest/<time>/bench.json)`;

export type BenchArgs = ReturnType<typeof readBenchArgs>;

const options = [
  'only',
  'rounds',
  'seconds',
  'orders',
  'expiring',
  'rows',
  'processes',
  'queue',
  'idle',
  'build',
  'seed',
  'json',
];

export function readBenchArgs(argv: string[]) {
  const { read, has } = parseArguments(argv, { options, flags: ['docs'], usage: benchUsage });
  const only = read.someOf('only', parts, parts);
  const expiring = read.integer('expiring', 100_000, { min: 0, max: 10_000_000 });
  const rows = read.integer('rows', 1_000_000, { min: 0, max: 100_000_000 });
  const isEmpty = (part: Part) => (part === 'expiry' && expiring === 0) || (part === 'past' && rows === 0);
  return {
    only: parts.filter((part) => only.includes(part) && !isEmpty(part)),
    rounds: read.integer('rounds', 3, { min: 1, max: 99 }),
    seconds: read.number('seconds', 3, { min: 0.1, max: 600 }),
    orders: read.integer('orders', 2_000, { min: 1, max: 1_000_000 }),
    expiring,
    rows,
    processes: read.integer('processes', 1, { min: 1, max: 64 }),
    queues: read.someOf('queue', queueBackends, queueBackends),
    idle: read.number('idle', 60, { min: 1, max: 3_600 }),
    build: read.text('build', '') || undefined,
    seed: read.integer('seed', randomInt(2 ** 31), { min: 0, max: 2 ** 31 }),
    docs: has('docs'),
    json: read.text('json', '') || undefined,
  };
}
