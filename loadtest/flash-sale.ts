import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../test/support/child';
import { HttpClient } from '../test/support/http-client';
import type { Progress } from './buyers';
import { Crowd } from './crowd';
import { writeDocs, writePicture } from './docs';
import { type FlashSaleArgs, readFlashSaleArgs } from './flash-args';
import {
  type FlashSaleResult,
  concurrencyPlots,
  habitLines,
  htmlOf,
  jsonOf,
  levelsLegend,
  levelsTable,
  plainSale,
  salesLegend,
  salesTable,
} from './flash-report';
import { busyWarning, inOneLine, machineNow } from './machine';
import { ProgressLine, sendToParent } from './progress';
import { Sale, type SaleResult } from './sale';
import { type Site, Environment, stopping } from './environment';
import { type LevelResult, runLevel, usualWarmUpMs } from './levels';
import { short, table, time } from './table';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Runs the sales. Resolves with the exit code: 0 when every promise held. */
export async function flashSale(
  argv: string[],
  onStart: (stop: () => Promise<void>) => void,
): Promise<number> {
  const args = readFlashSaleArgs(argv, strategiesOfThisBuild());
  const crowd = await Crowd.gather(args.processes);
  const environment = args.url === undefined ? await Environment.build() : undefined;
  const stop = stopping(crowd, environment);
  onStart(stop);
  try {
    const machine = await machineNow(environment?.server, environment?.dataDir);
    say(inOneLine(machine));
    const warning = busyWarning(machine);
    if (warning) say(warning);
    const result: FlashSaleResult = { machine, args, levels: [], sales: [] };
    for (const strategy of args.strategies) {
      result.levels.push(...(await measureLevels(strategy, { args, crowd, environment })));
      result.sales.push(...(await sell(strategy, { args, crowd, environment })));
    }
    report(result);
    return result.sales.every(({ verdict }) => verdict.failures.length === 0) ? 0 : 1;
  } finally {
    await stop();
  }
}

/** The strategies of the build that will run. */
function strategiesOfThisBuild(): string[] {
  // oxlint-disable-next-line typescript/no-require-imports -- the build, not the sources
  const built = require(
    path.join(root, 'dist', 'inventory', 'allocation', 'strategies', 'strategies.js'),
  ) as {
    strategyNames: string[];
  };
  return built.strategyNames;
}

interface Context {
  args: FlashSaleArgs;
  crowd: Crowd;
  /** Undefined for a service named by --url. */
  environment: Environment | undefined;
}

function openSite({ args, environment }: Context, workers: number): Promise<Site> {
  // Buyers who walk away from 3-D Secure keep their units until then.
  const env = { PAYMENT_ACTION_SECONDS: String(Math.ceil(3 * args.habits.thinkSeconds) + 5) };
  if (environment) return environment.open({ apis: args.apis, workers, queue: args.queue, env });
  const url = args.url!;
  const admin = new HttpClient(url, process.env.HOLDFAST_ADMIN_KEY ?? 'hf_dev_admin');
  return Promise.resolve({
    apis: [url],
    metricsUrls: [`${url}/metrics`],
    admin,
    clientKey: process.env.HOLDFAST_CLIENT_KEY ?? 'hf_dev_client',
    sandboxUrl: args.sandboxUrl,
    cpuSeconds: () => ({}),
    isAtRest: async () => {
      const answer = await admin.get('/v1/admin/orders?sagaStatus=running,compensating&limit=1');
      return answer.status === 200 && (answer.body as { data: unknown[] }).data.length === 0;
    },
    close: () => Promise.resolve(),
  });
}

/** In our own service there is no worker: orders are accepted but not paid, so that only strategies are compared. */
async function measureLevels(strategy: string, context: Context): Promise<LevelResult[]> {
  const { args, crowd } = context;
  if (args.concurrency.length === 0) return [];
  const levels: LevelResult[] = [];
  const site = await openSite(context, 0);
  try {
    for (const concurrency of args.concurrency) {
      const line = new ProgressLine(`${strategy}, ${concurrency} at once`);
      const startedAt = performance.now();
      const level = await runLevel(site, crowd, { ...args, abandonRate: 0, strategy, concurrency }, (sum) =>
        line.show((performance.now() - startedAt) / (1_000 * args.seconds + usualWarmUpMs), summaryOf(sum)),
      );
      const { answers, counts } = level.tally;
      const soldOut = counts.refused > 0 ? ', SOLD OUT while it was measured' : '';
      line.end(
        `${short(level.ordersPerSecond)} orders accepted/s, p99 of responses ${time(answers.percentile(0.99))}${soldOut}`,
      );
      levels.push(level);
    }
    return levels;
  } finally {
    await site.close();
  }
}

/** `--runs` sales in the same service, each with its own seed. */
async function sell(strategy: string, context: Context): Promise<SaleResult[]> {
  const { args, crowd } = context;
  const sales: SaleResult[] = [];
  const site = await openSite(context, args.workers);
  try {
    for (let run = 0; run < args.runs; run++) {
      const seed = args.seed + run;
      const line = new ProgressLine(`${strategy}, the sale${args.runs > 1 ? ` (seed ${seed})` : ''}`);
      sendToParent({ selling: strategy, progress: undefined });
      const sale = await new Sale(site, crowd, strategy, { ...args, seed }).hold((sum) => {
        line.show(sum.done / args.buyers, summaryOf(sum));
        sendToParent({ selling: strategy, progress: sum });
      });
      sendToParent({ sold: plainSale(sale) });
      const { placed, failures } = sale.verdict;
      const held = failures.length === 0 ? 'every promise held' : 'NOT every promise held';
      line.end(
        `${short(sale.ordersPerSecond)} orders accepted/s, ${short(sale.placedPerSecond)} placed/s (${placed} in ${time(sale.settledMs)}, paid): ${held}`,
      );
      sales.push(sale);
    }
    return sales;
  } finally {
    await site.close();
  }
}

const summaryOf = ({ done, accepted, refused, shed }: Progress) =>
  `${done} served, ${accepted} orders, ${refused} refused, ${shed} shed`;

function report(result: FlashSaleResult): void {
  const { args, levels, sales } = result;
  if (levels.length > 0) say(`\n${table(levelsTable(levels))}\n\n${levelsLegend.join('\n')}`);
  say(`\n${table(salesTable(sales))}\n\n${salesLegend.join('\n')}\n`);
  for (const line of sales.flatMap((sale) => habitLines(sale, args))) say(line);
  for (const { strategy, seed, verdict } of sales)
    for (const failure of verdict.failures) say(`FAIL ${strategy}, seed ${seed}: ${failure}`);
  const late = Math.max(...sales.map(({ tally }) => tally.lateness.percentile(0.99) ?? 0));
  say(`seed ${args.seed}; the load generator's own delay, which is part of the times: p99 ${time(late)}`);

  const dir = args.out ?? path.join(root, '.holdfast-loadtest', result.machine.at.replace(/[:.]/g, '-'));
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, 'result.json'), jsonOf(result));
  writeFileSync(path.join(dir, 'report.html'), htmlOf(result));
  if (args.docs) {
    writeDocs('strategies.md', 'levels', result.machine, levelsTable(levels));
    writeDocs('strategies.md', 'sales', result.machine, salesTable(sales));
    if (levels.length > 0)
      for (const [name, svg] of Object.entries(concurrencyPlots(levels)))
        writePicture(`strategies/${name}.svg`, svg);
  }
  say(`${path.join(dir, 'result.json')}\n${path.join(dir, 'report.html')}`);
}
