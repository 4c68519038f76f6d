import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../test/support/until';
import type { QueueBackend } from '../../test/support/redis-server';
import { buying, onQueue, placedName, withPrepared, withWorkers } from '../bench-ratios';
import type { PlacedCosts, Results } from '../bench-results';
import { withClient } from '../database';
import type { Build, Site, SiteOptions } from '../environment';
import { Sale, brokenInvariants } from '../sale';
import { type DatabaseCosts, DatabaseMeter } from './database-costs';
import { partsOfPurchase } from './lone-buyer';
import { type Bench, at, level, plainBuyers } from './measuring';

/** The lone buyer comes last, when the code is compiled and the caches are full. */
const buyerCounts = [64, 16, 1];
/** The number with which the costs of an order are measured. */
export const manyBuyers = 64;
const workerCounts = [1, 2, 5, 10];
/** Wake-ups and retries of the last orders are over by then. */
const settleMs = 3_000;
const settleMsMax = 60_000;
/** For the first load of new processes: during their first thousand orders compiling costs more than the work. */
const longWarmUpMs = 10_000;
/** Purchases are a hundred times rarer than responses, so they are counted for longer. */
const secondsFactor = 2;

/** All buyers arrive within a second; after that only payments run. */
export async function rush(
  bench: Bench,
  { name, audited, ...options }: SiteOptions & { name: string; audited: boolean },
): Promise<void> {
  const { orders, seed } = bench.args;
  await at(bench, options, async (site) => {
    const buying = { stock: orders, buyers: orders, rate: orders, skus: 1, ...plainBuyers };
    const sale = new Sale(site, bench.crowd, 'grouped', { ...buying, seed, audited });
    const { placedPerSecond, cpu, verdict } = await sale.hold();
    bench.results.add(name, placedPerSecond, '/s');
    bench.results.addCpu(name, cpu);
    bench.results.fail(verdict.failures);
  });
}

export async function endToEnd(bench: Bench): Promise<void> {
  await rush(bench, { name: 'placed end to end', audited: true });
  await partsOfPurchase(bench);
  for (const queue of bench.queues)
    for (const build of bench.other ? [undefined, bench.other] : [undefined])
      await closedLoop(bench, queue, build);
}

/** Each buyer sends the next order when the last one has ended. */
async function closedLoop(bench: Bench, queue: QueueBackend, build: Build | undefined): Promise<void> {
  await at(bench, { queue, build }, (site) =>
    metered(site, async (meter) => {
      for (const buyers of buyerCounts) {
        const where = onQueue(queue, build?.name);
        const costs = await placed(bench, site, { meter, buyers, where });
        if (buyers === manyBuyers) bench.results.keepCosts(where, costs);
      }
      // The audit of an older build has another set of invariants, which is none of our business.
      if (!build) bench.results.fail(await brokenInvariants(site.admin));
    }),
  );
}

/** The same load with more and more workers, and what they cost when there is nothing to do. */
export async function moreWorkers(bench: Bench): Promise<void> {
  for (const queue of bench.queues) {
    const idle: Record<number, Idle | undefined> = {};
    for (const workers of workerCounts)
      await at(bench, { queue, workers }, (site) =>
        metered(site, async (meter) => {
          const where = withWorkers(workers, queue);
          await placed(bench, site, { meter, buyers: manyBuyers, where });
          bench.results.add(`messages sent again, ${where}`, await sentAgain(site), '');
          if (workers === 1 || workers === workerCounts.at(-1))
            idle[workers] = await whileIdle(bench, site, meter);
        }),
      );
    const [one, most] = [idle[1], idle[workerCounts.at(-1)!]];
    if (!one || !most) continue;
    const further = (of: keyof Idle) => (most[of] - one[of]) / (workerCounts.at(-1)! - 1);
    bench.results.add(`statements of an API and a worker, idle, ${onQueue(queue)}`, one.ours, '/s', one);
    bench.results.add(`statements of a further worker, idle, ${onQueue(queue)}`, further('ours'), '/s', {
      'BullMQ’s beside': further('ofBullMq'),
    });
  }
}

/** What an order costs when PostgreSQL parses and plans each statement again, as behind some poolers. */
export async function preparedOrNot(bench: Bench): Promise<void> {
  for (const queue of bench.queues)
    for (const prepared of ['on', 'off'] as const)
      await at(bench, { queue, env: { DATABASE_PREPARED_STATEMENTS: prepared } }, (site) =>
        metered(site, async (meter) => {
          await placed(bench, site, { meter, buyers: manyBuyers, where: withPrepared(prepared, queue) });
          bench.results.fail(await brokenInvariants(site.admin));
        }),
      );
}

/** A closed loop of whole purchases: how many, how long one takes, and what one costs. */
export async function placed(
  { args, results, ...bench }: Bench,
  site: Site,
  { meter, buyers, where }: { meter: DatabaseMeter; buyers: number; where: string },
): Promise<PlacedCosts> {
  const seconds = secondsFactor * args.seconds;
  const name = placedName(buyers, where);
  const warmUpMs = buyers === manyBuyers ? longWarmUpMs : undefined;
  const how = { name, concurrency: buyers, untilEnded: true, seconds, meter, warmUpMs };
  const { ordersPerSecond, cpu, costs, tally } = await level({ args, results, ...bench }, site, how);
  const orders = Math.max(1, tally.counts.accepted);
  results.add(name, ordersPerSecond, '/s');
  const [p50, p99] = [0.5, 0.99].map((share) => tally.answers.percentile(share));
  results.add(`p50 of a purchase, ${buying(buyers, where)}`, p50, 'ms', { p99: p99 ?? 0 });
  results.addCpu(name, cpu);
  if (buyers === manyBuyers) addCosts(results, { name, cpu, costs: costs!, orders });
  return { ...costs!, orders };
}

function addCosts(
  results: Results,
  of: { name: string; cpu: Record<string, number>; costs: DatabaseCosts; orders: number },
): void {
  const { name, cpu, costs, orders } = of;
  const { transactions, statements, walBytes } = costs;
  if (cpu.postgres !== undefined) results.add(`PostgreSQL’s CPU of ${name}`, cpu.postgres, 'µs');
  results.add(`transactions of ${name}`, transactions / orders, '');
  if (statements)
    results.add(`statements of ${name}`, statements.all / orders, '', {
      'BullMQ’s': statements.ofBullMq / orders,
    });
  if (!walBytes) return;
  const [all, fullPages] = [walBytes.all, walBytes.fullPages].map((bytes) => bytes / orders / 1_024);
  results.add(`WAL of ${name}`, all, 'KiB', { 'full pages beside': fullPages! });
}

export async function metered(site: Site, work: (meter: DatabaseMeter) => Promise<void>): Promise<void> {
  const meter = await DatabaseMeter.open(site.service!.databaseUrl);
  try {
    await work(meter);
  } finally {
    await meter.close();
  }
}

function sentAgain(site: Site): Promise<number> {
  return withClient(site.service!.databaseUrl, async (client) => {
    const sql = `SELECT coalesce(sum(relay_epoch - 1) FILTER (WHERE relay_epoch > 1), 0)::int AS again FROM outbox`;
    return (await client.query<{ again: number }>(sql)).rows[0]!.again;
  });
}

/** Statements per second. */
interface Idle {
  ours: number;
  ofBullMq: number;
}

async function whileIdle({ args }: Bench, site: Site, meter: DatabaseMeter): Promise<Idle | undefined> {
  await until('no order is in progress', () => site.isAtRest(), settleMsMax);
  await pause(settleMs);
  const before = await meter.read();
  await pause(1_000 * args.idle);
  const { statements } = await meter.between(before, await meter.read());
  return (
    statements && {
      ours: (statements.all - statements.ofBullMq) / args.idle,
      ofBullMq: statements.ofBullMq / args.idle,
    }
  );
}
