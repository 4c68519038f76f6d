import { randomInt } from 'node:crypto';
import { Given, UsageError } from './given';

export const flashSaleUsage = `npm run flash-sale [-- options]

  the sale: buyers come when they come (an open loop), and there is not enough for all
  --strategy NAME[,NAME]  how stock is taken, or "all", one after the other (adaptive)
  --stock N               units of each SKU (500)
  --buyers N              how many come (5000)
  --rate N                how many come each second, on average (1000)
  --skus N                products on sale (1)
  --lines N               lines of an order, each of another SKU (1)
  --decline-rate R        share of the cards that are declined, 0 to 1 (0)
  --abandon-rate R        share of the buyers who reserve and go away, 0 to 1 (0)
  --runs N                sales by each strategy, each with a seed of its own (1)

  the measurement: so many buyers at once, each again when answered (a closed loop), enough for all, no payments yet
  --concurrency N[,N]     how many at once, or "none" (1,8,32,128,512)
  --seconds S             how long each is measured (3)

  --seed N                repeats what was random
  --processes N           processes of buyers (1)
  --apis N, --workers N   processes of the service (1, 1)
  --queue BACKEND         postgres or redis (postgres)
  --docs                  the numbers, into the table of docs/strategies.md
  --out DIR               where result.json and report.html go (.holdfast-loadtest/<time>)

  --url URL               aims at a service that runs already. The keys are HOLDFAST_ADMIN_KEY and HOLDFAST_CLIENT_KEY
  --sandbox-url URL       its payment sandbox, whose books are compared at the end`;

export interface FlashSaleArgs {
  strategies: string[];
  stock: number;
  buyers: number;
  rate: number;
  skus: number;
  lines: number;
  declineRate: number;
  abandonRate: number;
  runs: number;
  concurrency: number[];
  seconds: number;
  seed: number;
  processes: number;
  apis: number;
  workers: number;
  queue: 'postgres' | 'redis';
  docs: boolean;
  out: string | undefined;
  url: string | undefined;
  sandboxUrl: string | undefined;
}

const names = [
  ...['strategy', 'stock', 'buyers', 'rate', 'skus', 'lines', 'decline-rate', 'abandon-rate', 'runs'],
  ...['concurrency', 'seconds', 'seed', 'processes', 'apis', 'workers', 'queue', 'out', 'url', 'sandbox-url'],
] as const;

/** `known`: the strategies of this build. Somebody else's service judges for itself. */
export function readFlashSaleArgs(argv: string[], known: readonly string[]): FlashSaleArgs {
  const given = new Given(argv, names, flashSaleUsage);
  const url = given.url('url');
  const skus = given.whole('skus', 1, { min: 1, max: 10_000 });
  const args: FlashSaleArgs = {
    strategies: strategiesOf(given.text('strategy') ?? 'adaptive', known),
    stock: given.whole('stock', 500, { min: 1, max: 1_000_000_000 }),
    buyers: given.whole('buyers', 5_000, { min: 1, max: 10_000_000 }),
    rate: given.number('rate', 1_000, { min: 0.1, max: 1_000_000 }),
    skus,
    // An order of the API has no more lines than this.
    lines: given.whole('lines', 1, { min: 1, max: 50 }),
    declineRate: given.number('decline-rate', 0, { min: 0, max: 1 }),
    abandonRate: given.number('abandon-rate', 0, { min: 0, max: 1 }),
    runs: given.whole('runs', 1, { min: 1, max: 1_000 }),
    concurrency: given.wholes('concurrency', url ? [] : [1, 8, 32, 128, 512], { min: 1, max: 10_000 }),
    seconds: given.number('seconds', 3, { min: 0.1, max: 3_600 }),
    seed: given.whole('seed', randomInt(2 ** 31), { min: 0, max: 2 ** 31 }),
    processes: given.whole('processes', 1, { min: 1, max: 64 }),
    apis: given.whole('apis', 1, { min: 1, max: 16 }),
    workers: given.whole('workers', 1, { min: 1, max: 16 }),
    queue: given.oneOf('queue', ['postgres', 'redis']),
    docs: given.docs,
    out: given.text('out'),
    url,
    sandboxUrl: given.url('sandbox-url'),
  };
  if (args.lines > skus)
    throw new UsageError(
      `--lines is ${args.lines}, above --skus (${skus}): each line of an order is of another SKU.`,
    );
  return args;
}

function strategiesOf(text: string, known: readonly string[]): string[] {
  if (text === 'all') return [...known];
  const wanted = text.split(',').map((name) => name.trim());
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new UsageError(
      `There is no strategy ${unknown.map((name) => `"${name}"`).join(', ')}. There are: ${known.join(', ')}, all.`,
    );
  return wanted;
}
