import { setTimeout as pause } from 'node:timers/promises';
import type { DatabaseCosts, DatabaseMeter } from './bench/database-costs';
import type { Progress } from './buyers';
import { cpuEach } from './process-usage';
import { type Crowd, startDelayMs } from './crowd';
import type { FlashSaleArgs } from './flash-args';
import { type Measured, between, metricsOf } from './metrics';
import { newRun, putOnSale } from './sale';
import type { Site } from './environment';
import type { Tally } from './tally';

/** More than can be sold during a measurement. */
export const enoughForAll = 100_000_000;
/** The limit of `unit-tokens`, where each unit is a row. */
const unitRowsMax = 100_000;
/** Long enough for connections, caches, and for `adaptive` to detect contention. */
export const usualWarmUpMs = 1_500;

export interface LevelResult {
  strategy: string;
  concurrency: number;
  ordersPerSecond: number;
  /** Microseconds of CPU per order, by kind of process. */
  cpu: Record<string, number>;
  /** Undefined without a meter. */
  costs?: DatabaseCosts;
  tally: Tally;
  measured: Measured;
}

export type LevelArgs = Pick<FlashSaleArgs, 'skus' | 'lines' | 'declineRate' | 'seed' | 'seconds'> & {
  abandonRate: number;
  strategy: string;
  concurrency: number;
  reserveOnly?: boolean;
  untilEnded?: boolean;
  meter?: DatabaseMeter;
  warmUpMs?: number;
};

/** Measures a number of buyers at once, with stock for all. */
export async function runLevel(
  site: Site,
  crowd: Crowd,
  { strategy, concurrency, skus: count, seconds, meter, warmUpMs = usualWarmUpMs, ...buying }: LevelArgs,
  onProgress?: (sum: Progress) => void,
): Promise<LevelResult> {
  const run = newRun();
  const stock = strategy === 'unit-tokens' ? unitRowsMax : enoughForAll;
  const skus = await putOnSale(site, { strategy, stock, skus: count, run });
  const { apis: urls, clientKey, metricsUrls } = site;
  const before = await metricsOf(metricsUrls);
  const load = { kind: 'closed', buyers: concurrency, warmUpMs, ms: 1_000 * seconds } as const;
  // CPU and costs are of the time in which purchases are counted, without the warm-up and those under way at its end.
  const moments = [warmUpMs, warmUpMs + load.ms].map(async (ms) => {
    await pause(startDelayMs + ms);
    return { cpu: site.cpuSeconds(), database: await meter?.read() };
  });
  const plan = { urls, clientKey, run, skus, ...buying, load };
  const [tally, from, to] = await Promise.all([crowd.run(plan, onProgress), moments[0]!, moments[1]!]);
  const { accepted, reserved } = tally.counts;
  const costs = meter && (await meter.between(from.database!, to.database!));
  return {
    strategy,
    concurrency,
    ordersPerSecond: (accepted + reserved) / seconds,
    cpu: cpuEach(from.cpu, to.cpu, accepted + reserved),
    costs,
    tally,
    measured: between(before, await metricsOf(metricsUrls)),
  };
}
