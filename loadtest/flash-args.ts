import { randomInt } from 'node:crypto';
import { UsageError, parseArguments } from '../src/config/arguments';
import type { Reader } from '../src/config/settings-reader';
import type { Habits } from './plan';

export const flashSaleUsage = `npm run flash-sale [-- options]

  the sale: buyers arrive at a rate (an open loop), and there is not enough stock for all
  --strategy NAME[,NAME]  concurrency strategies, or "all", one after the other (adaptive)
  --stock N               units of each SKU (500)
  --buyers N              number of buyers (5000)
  --rate N                arrivals per second, on average (1000)
  --skus N                products on sale (1)
  --lines N               lines per order, each with its own SKU (1)
  --decline-rate R        share of the cards that are declined, 0 to 1 (0)
  --second-card-rate R    share of the buyers with a declined card who pay with another, 0 to 1 (0)
  --secure-rate R         share of the cards that need 3-D Secure, 0 to 1 (0)
  --think-seconds S       how long these buyers think, on average (2)
  --walk-away-rate R      share of them who never authenticate, 0 to 1 (0)
  --capture MODE          automatic, or immediate: one call to the provider per order (automatic)
  --abandon-rate R        share of the buyers who reserve and leave, 0 to 1 (0)
  --opens-in S            the sale opens S seconds after the first buyers; early ones come back as Retry-After says (0)
  --per-customer N        units per customer; each customer tries one more (no limit)
  --runs N                sales per strategy, each with its own seed (1)

  the measurement: a constant number of buyers (a closed loop), stock for all, no payments
  --concurrency N[,N]     buyers at once, or "none" (1,8,32,128,512)
  --seconds S             duration of each measurement (3)

  --seed N                repeats what was random
  --processes N           processes of buyers (1)
  --apis N, --workers N   processes of the service (1, 1)
  --queue BACKEND         postgres or redis (postgres)
  --docs                  writes the numbers into docs/strategies.md
  --out DIR               folder for result.json and report.html (.holdfast-loadtest/<time>)

  --url URL               tests a running service, with the keys HOLDFAST_ADMIN_KEY and HOLDFAST_CLIENT_KEY
  --sandbox-url URL       its payment sandbox, whose ledger is compared at the end`;

export type FlashSaleArgs = ReturnType<typeof readFlashSaleArgs>;

const options = [
  ...['strategy', 'stock', 'buyers', 'rate', 'skus', 'lines', 'decline-rate', 'abandon-rate', 'runs'],
  ...['second-card-rate', 'secure-rate', 'think-seconds', 'walk-away-rate', 'capture'],
  ...['opens-in', 'per-customer'],
  ...['concurrency', 'seconds', 'seed', 'processes', 'apis', 'workers', 'queue', 'out', 'url', 'sandbox-url'],
];

/** `known`: the strategies of this build. */
export function readFlashSaleArgs(argv: string[], known: readonly string[]) {
  const { read, has } = parseArguments(argv, { options, flags: ['docs'], usage: flashSaleUsage });
  const strategies = read.someOf('strategy', [...known, 'all'], ['adaptive']);
  const url = urlIn(read, 'url');
  const skus = read.integer('skus', 1, { min: 1, max: 10_000 });
  // An order of the API has at most 50 lines.
  const lines = read.integer('lines', 1, { min: 1, max: 50 });
  if (lines > skus)
    throw new UsageError(
      `--lines is ${lines}, above --skus (${skus}): each line of an order has its own SKU.`,
    );
  const sandboxUrl = urlIn(read, 'sandbox-url');
  const habits = habitsIn(read);
  if (url !== undefined && sandboxUrl === undefined && habits.secureRate > 0)
    throw new UsageError('--secure-rate needs --sandbox-url: that is where buyers authenticate.');
  return {
    strategies: strategies.includes('all') ? known : strategies,
    stock: read.integer('stock', 500, { min: 1, max: 1_000_000_000 }),
    buyers: read.integer('buyers', 5_000, { min: 1, max: 10_000_000 }),
    rate: read.number('rate', 1_000, { min: 0.1, max: 1_000_000 }),
    skus,
    lines,
    declineRate: read.number('decline-rate', 0, { min: 0, max: 1 }),
    abandonRate: read.number('abandon-rate', 0, { min: 0, max: 1 }),
    opensIn: read.number('opens-in', 0, { min: 0, max: 86_400 }),
    habits,
    runs: read.integer('runs', 1, { min: 1, max: 1_000 }),
    concurrency: concurrencyIn(read, url ? [] : [1, 8, 32, 128, 512]),
    seconds: read.number('seconds', 3, { min: 0.1, max: 3_600 }),
    seed: read.integer('seed', randomInt(2 ** 31), { min: 0, max: 2 ** 31 }),
    processes: read.integer('processes', 1, { min: 1, max: 64 }),
    apis: read.integer('apis', 1, { min: 1, max: 16 }),
    workers: read.integer('workers', 1, { min: 1, max: 16 }),
    queue: read.oneOf('queue', ['postgres', 'redis'], 'postgres'),
    docs: has('docs'),
    out: read.text('out', '') || undefined,
    url,
    sandboxUrl,
  };
}

function habitsIn(read: Reader): Habits {
  return {
    perCustomer: read.integer('per-customer', undefined, { min: 1, max: 1_000_000 }),
    secondCardRate: read.number('second-card-rate', 0, { min: 0, max: 1 }),
    secureRate: read.number('secure-rate', 0, { min: 0, max: 1 }),
    thinkSeconds: read.number('think-seconds', 2, { min: 0, max: 3_600 }),
    walkAwayRate: read.number('walk-away-rate', 0, { min: 0, max: 1 }),
    capture: read.oneOf('capture', ['automatic', 'immediate'], 'automatic'),
  };
}

const urlIn = (read: Reader, name: string) =>
  read.optionalUrl(name, ['http:', 'https:'], 'http://127.0.0.1:3000')?.replace(/\/$/, '');

function concurrencyIn(read: Reader, fallback: number[]): number[] {
  const list = read.list('concurrency');
  if (list.length === 0) return fallback;
  if (list.join() === 'none') return [];
  const numbers = list.map(Number);
  if (numbers.some((number) => !Number.isInteger(number) || number < 1 || number > 10_000))
    read.refuse(
      'concurrency',
      `is "${list.join()}", neither "none" nor whole numbers from 1 to 10000`,
      '1,8,64',
    );
  return numbers;
}
