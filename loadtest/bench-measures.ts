import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { inChild } from './bench/child';
import { expireAtOnce } from './bench/expiry';
import type { InProcessResult, InProcessTask } from './bench/in-process';
import type { NoOpResult, NoOpTask } from './bench/no-op';
import { fillPast } from './bench/past';
import { measureLists } from './bench/lists';
import { type Bench, at, inDatabase, level, plainBuyers } from './bench/measuring';
import { metered, rush } from './bench/placing';
import { makeRow, throughPg, throughPgbench } from './bench/statements';
import { whileWatched } from './bench/watched';
import { memoryOf } from './process-usage';
import { ProgressLine } from './progress';
import { newRun, putOnSale } from './sale';
import type { Site } from './environment';
import { enoughForAll, usualWarmUpMs as warmUpMs } from './levels';

/** The connections of a usual load balancer to one process; the design's number for a hot SKU. */
const usualBuyers = 256;
/** Enough for heavy lock contention. */
const manyBuyers = 512;
/** Four of the intake's largest batches, because there is no HTTP to limit requests. */
const inProcessBuyers = 1_024;
/** The number of operators who watch a large sale. */
const tabs = 3;
/** Time for garbage collection in an idle process. */
const restMs = 15_000;

export async function noOps({ args, environment, crowd, results }: Bench): Promise<void> {
  const names = { bare: 'no-op, bare Fastify', stack: 'no-op, the API’s own stack' };
  await inDatabase(async (databaseUrl) => {
    for (const kind of ['bare', 'stack'] as const)
      await inChild<NoOpTask, NoOpResult>(
        'no-op',
        { kind, dist: environment.dist, databaseUrl },
        async ({ url }) => {
          const load = { kind: 'closed', buyers: usualBuyers, warmUpMs, ms: 1_000 * args.seconds } as const;
          const buying = { run: newRun(), skus: ['NOTHING'], seed: args.seed, ...plainBuyers };
          const tally = await crowd.run({ urls: [url], clientKey: 'hf_dev_client', ...buying, load });
          results.add(names[kind], tally.counts.accepted / args.seconds, '/s');
          results.failIfOdd(names[kind], tally);
        },
      );
  });
}

export async function statements({ args, environment, results }: Bench): Promise<void> {
  await inDatabase(async (url) => {
    await makeRow(url);
    const pg = await throughPg(url, args.seconds);
    results.add('one UPDATE of a hot row, through pg', pg.best, '/s', pg.byClients);
    const bench = await throughPgbench(url, { seconds: args.seconds, dir: environment.dataDir });
    if (bench) results.add('one UPDATE of a hot row, pgbench', bench.best, '/s', bench.byClients);
  });
}

export async function inProcess(bench: Bench): Promise<void> {
  const { args, environment, results } = bench;
  const names = { stock: 'stock taken in process, grouped', intake: 'intake in process, grouped' };
  await at(bench, { workers: 0 }, async (site) => {
    const hot = { strategy: 'grouped', stock: enoughForAll, skus: 1, run: newRun() };
    const [sku = ''] = await putOnSale(site, hot);
    const order = { dist: environment.dist, databaseUrl: site.service!.databaseUrl, sku };
    const load = { buyers: inProcessBuyers, warmUpMs, ms: 1_000 * args.seconds };
    for (const what of ['stock', 'intake'] as const)
      await inChild<InProcessTask, InProcessResult>(
        'in-process',
        { what, ...order, ...load },
        async ({ perSecond }) => results.add(names[what], perSecond, '/s'),
      );
  });
}

export async function overHttp(bench: Bench): Promise<void> {
  await at(bench, { workers: 0 }, async (site) => {
    await ordersAndReservations(bench, site, '');
    for (const strategy of ['grouped', 'row-lock']) {
      const name = `p99 of orders, ${strategy}, ${manyBuyers} buyers`;
      const { tally } = await level(bench, site, { name, strategy, concurrency: manyBuyers });
      bench.results.add(name, tally.answers.percentile(0.99), 'ms');
    }
    await memory(bench, site);
  });
  await at(bench, { workers: 1 }, (site) => ordersAndReservations(bench, site, ', worker running'));
}

/** With a worker the orders are paid meanwhile, those that wait also while reservations are measured. */
async function ordersAndReservations(bench: Bench, site: Site, more: string): Promise<void> {
  await metered(site, async (meter) => {
    for (const [what, reserveOnly] of [
      ['orders', false],
      ['reservations', true],
    ] as const) {
      const name = `${what} over HTTP, grouped, ${usualBuyers} buyers${more}`;
      const how = { name, concurrency: usualBuyers, reserveOnly, meter };
      const { ordersPerSecond, cpu, costs } = await level(bench, site, how);
      const webhooks = costs!.tables.find(({ table }) => table === 'provider_events')?.inserted ?? 0;
      bench.results.add(
        name,
        ordersPerSecond,
        '/s',
        more ? { 'webhooks/s': webhooks / bench.args.seconds } : undefined,
      );
      bench.results.addCpu(name, cpu);
      if (more && webhooks === 0) bench.results.fail([`${name}: no webhook came meanwhile`]);
    }
  });
}

/** Orders with the dashboard closed, open, and closed again, so that drift of the machine affects both. */
export async function watched(bench: Bench): Promise<void> {
  const closed = 'orders over HTTP, dashboard closed';
  const open = 'orders over HTTP, dashboard open in three tabs';
  await at(bench, { workers: 0 }, async (site) => {
    const measure = (name: string) => level(bench, site, { name, concurrency: usualBuyers });
    bench.results.add(closed, (await measure(closed)).ordersPerSecond, '/s');
    const { result, updatesPerSecond } = await whileWatched(site, tabs, () => measure(open));
    bench.results.add(open, result.ordersPerSecond, '/s');
    bench.results.add('updates of the overview meanwhile', updatesPerSecond, '/s');
    bench.results.add(closed, (await measure(closed)).ordersPerSecond, '/s');
  });
}

/** The memory of the API after the load. */
async function memory({ results }: Bench, site: Site): Promise<void> {
  const pid = site.service!.pidOf('api-1') ?? 0;
  const atMost = memoryOf(pid)?.most;
  if (atMost === undefined) return;
  await new Promise((resolve) => setTimeout(resolve, restMs));
  results.add('memory of the API at its most', atMost, 'MiB');
  results.add(`memory of the API, ${restMs / 1_000} s later`, memoryOf(pid)?.now, 'MiB');
}

export async function expiry(bench: Bench): Promise<void> {
  const { args, crowd, results } = bench;
  await at(bench, {}, async (site) => {
    const many = { reservations: args.expiring, seed: args.seed };
    const { releasedMs, calm, storm } = await expireAtOnce(site, crowd, many);
    results.add(`${args.expiring} reservations released after their end`, releasedMs / 1_000, 's');
    results.add('p99 of orders before they end', calm.answers.percentile(0.99), 'ms');
    results.add('p99 of orders while they end', storm.answers.percentile(0.99), 'ms');
    results.failIfOdd('expiry', storm);
  });
}

/**
 * The two databases alternate, so that a machine that slows down affects both. The part that leaves orders unpaid comes
 * last, because those orders would delay the others.
 */
export async function withPast(bench: Bench): Promise<void> {
  const { args, environment, results } = bench;
  await inDatabase(async (databaseUrl) => {
    await makePast(bench, databaseUrl);
    const turns = Array.from({ length: args.rounds }, () => [
      { where: 'empty database', options: {} },
      { where: 'long past', options: { databaseUrl } },
    ]).flat();
    for (const { where, options } of turns)
      await rush(bench, { name: `placed end to end, ${where}`, audited: false, ...options });
    results.fail(await brokenInvariants(environment.dist, databaseUrl));
    for (const { where, options } of turns)
      await at(bench, { workers: 0, ...options }, async (site) => {
        const name = `orders over HTTP, ${where}`;
        const { ordersPerSecond, cpu } = await level(bench, site, { name, concurrency: usualBuyers });
        results.add(name, ordersPerSecond, '/s');
        results.addCpu(name, cpu);
      });
    await lists(bench, databaseUrl);
  });
}

/** The cost of an operator's lists with a long past, compared with a read by key at the same time. */
async function lists(bench: Bench, databaseUrl: string): Promise<void> {
  await at(bench, { databaseUrl, workers: 0 }, async (site) => {
    const { byKeyMs, lists: measured } = await measureLists(site);
    bench.results.add('one order by its key, long past', byKeyMs, 'ms');
    for (const { path, ms } of measured) bench.results.add(`GET /v1/admin/${path}, long past`, ms, 'ms');
    bench.results.add('the slowest list, long past', Math.max(...measured.map(({ ms }) => ms)), 'ms');
  });
}

async function makePast(bench: Bench, databaseUrl: string): Promise<void> {
  const { rows } = bench.args;
  const line = new ProgressLine(`a past of ${rows} reservations`);
  const startedAt = performance.now();
  const onProgress = (share: number) => line.show(share, 'rows are copied');
  await at(bench, { databaseUrl }, (site) => fillPast(site, { reservations: rows, onProgress }));
  line.end(`made in ${Math.round((performance.now() - startedAt) / 1_000)} s`);
}

/** With the audit command, because millions of rows exceed the API's statement timeout. */
async function brokenInvariants(dist: string, databaseUrl: string): Promise<string[]> {
  // No server listens here: the sandbox's ledger does not know the copied orders.
  const env = { ...process.env, DATABASE_URL: databaseUrl, STRIPE_API_URL: 'http://127.0.0.1:9' };
  const command = path.join(dist, 'audit', 'audit-command.js');
  const { stdout } = await promisify(execFile)(process.execPath, [command], { env }).catch(
    (error: Error & { stdout?: string; stderr?: string }) => ({
      stdout: `${error.stdout ?? ''}BROKEN ${error.stderr ?? error.message}`,
    }),
  );
  return stdout.split('\n').filter((line) => line.startsWith('BROKEN'));
}
