import { randomUUID } from 'node:crypto';
import type { LedgerRow } from '../src/audit/ledger';
import { HttpClient } from '../test/support/http-client';
import { NotInTime, until } from '../test/support/until';
import type { Progress } from './buyers';
import { cpuEach } from './process-usage';
import type { Crowd } from './crowd';
import type { FlashSaleArgs } from './flash-args';
import { type Measured, between, metricsOf } from './metrics';
import { abandonTtlSeconds, type Plan } from './plan';
import type { Site } from './environment';
import { type Tally, sliceMs } from './tally';
import { type OrderFacts, type StockFacts, type Verdict, judge } from './verdict';

/** The slowest acceptable rate of charging accepted orders. */
const settledPerSecondMin = 20;
const settleMsMin = 60_000;
/** Reservations are promised to expire within this time. */
const expiryGraceMs = 5_000;

export type SaleArgs = Pick<
  FlashSaleArgs,
  'stock' | 'buyers' | 'rate' | 'skus' | 'lines' | 'declineRate' | 'abandonRate' | 'seed'
> &
  Partial<Pick<FlashSaleArgs, 'opensIn' | 'habits'>> & {
    /** False when the database is too large for the API's audit and the caller checks the invariants. */
    audited?: boolean;
  };

export interface SaleResult {
  strategy: string;
  seed: number;
  ordersPerSecond: number;
  /** From the first buyer until every order had ended. */
  settledMs: number;
  placedPerSecond: number;
  /** Microseconds of CPU per placed order, by kind of process. */
  cpu: Record<string, number>;
  tally: Tally;
  measured: Measured;
  /** Calls to the payment provider per accepted order; undefined where its sandbox is not known. */
  providerCalls: number | undefined;
  verdict: Verdict;
}

/** Creates products with this strategy and stock, and returns their SKUs. */
export async function putOnSale(
  site: Site,
  {
    strategy,
    stock,
    skus,
    run,
    rules = {},
  }: { strategy: string; stock: number; skus: number; run: string; rules?: object },
): Promise<string[]> {
  const names = Array.from({ length: skus }, (_, nth) => `${run}-${nth + 1}`);
  for (const sku of names) {
    const unitPrice = { amount: 1999, currency: 'EUR' };
    const body = { name: `On sale, ${strategy}`, unitPrice, onHand: stock, strategy, ...rules };
    const answer = await site.admin.put(`/v1/admin/products/${sku}`, body);
    if (answer.status !== 201)
      throw new Error(`A product could not be put on sale: ${answer.status} ${answer.text}`);
  }
  return names;
}

/** A unique prefix for SKUs and keys. */
export const newRun = (): string => `SALE-${randomUUID().slice(0, 8)}`;

/** One sale with one strategy: the rush, the rest, the last units, and the checks of every record. */
export class Sale {
  private readonly run = newRun();
  private skus: string[] = [];
  private readonly tallies: Tally[] = [];
  private opensAt: string | undefined;

  constructor(
    private readonly site: Site,
    private readonly crowd: Crowd,
    private readonly strategy: string,
    private readonly args: SaleArgs,
  ) {}

  async hold(onProgress?: (sum: Progress) => void): Promise<SaleResult> {
    const { stock, skus, opensIn = 0, habits } = this.args;
    if (opensIn > 0) this.opensAt = new Date(Date.now() + 1_000 * opensIn).toISOString();
    const rules = { salesStartAt: this.opensAt, unitsPerCustomerMax: habits?.perCustomer };
    this.skus = await putOnSale(this.site, { strategy: this.strategy, stock, skus, run: this.run, rules });
    const callsBefore = await this.providerCalls();
    const before = await metricsOf(this.site.metricsUrls);
    const cpuBefore = this.site.cpuSeconds();
    const startedAt = performance.now();
    const tally = await this.buy(this.run, this.skus, this.args, onProgress);
    const rushMs = performance.now() - startedAt;
    const measured = between(before, await metricsOf(this.site.metricsUrls));

    await this.untilAtRest(tally.counts.accepted);
    const settledMs = performance.now() - startedAt;
    const cpuAfter = this.site.cpuSeconds();
    const leftOver = await this.levels();
    const calls = (await this.providerCalls()) - callsBefore;
    const refusedAtTheEnd = await this.offerAgain(leftOver, tally);
    const verdict = await this.judge(tally, leftOver, refusedAtTheEnd);
    return {
      strategy: this.strategy,
      seed: this.args.seed,
      ordersPerSecond: (1_000 * tally.counts.accepted) / Math.max(1, busyMs(tally, rushMs) - 1_000 * opensIn),
      settledMs,
      placedPerSecond: (1_000 * verdict.placed) / settledMs,
      cpu: cpuEach(cpuBefore, cpuAfter, verdict.placed),
      tally,
      measured,
      providerCalls: Number.isNaN(calls) ? undefined : calls / Math.max(1, tally.counts.accepted),
      verdict,
    };
  }

  private async buy(
    run: string,
    skus: string[],
    { buyers, rate, lines, declineRate, abandonRate, seed, habits }: SaleArgs,
    onProgress?: (sum: Progress) => void,
  ): Promise<Tally> {
    const { apis: urls, clientKey, sandboxUrl } = this.site;
    const load = { kind: 'open', buyers, rate } as const;
    const plan: Plan = {
      urls,
      clientKey,
      run,
      skus,
      lines,
      declineRate,
      abandonRate,
      seed,
      load,
      habits,
      sandboxUrl,
    };
    const tally = await this.crowd.run(plan, onProgress);
    this.tallies.push(tally);
    return tally;
  }

  /** Refused buyers come back: they must be able to buy what is left, to the last unit. Returns how many could not. */
  private async offerAgain(leftOver: StockFacts[], { counts, refusedBySku }: Tally): Promise<number> {
    let refusedAgain = 0;
    let accepted = counts.accepted;
    for (const { sku, available } of leftOver) {
      const buyers = Math.min(available, (refusedBySku[sku] ?? 0) + counts.gaveUp);
      if (buyers === 0) continue;
      const late = { ...this.args, buyers, lines: 1, declineRate: 0, abandonRate: 0, habits: undefined };
      const tally = await this.buy(`${this.run}-late-${sku}`, [sku], late);
      refusedAgain += tally.counts.refused + tally.counts.gaveUp;
      accepted += tally.counts.accepted;
    }
    if (accepted > counts.accepted) await this.untilAtRest(accepted);
    return refusedAgain;
  }

  /** Waits until no order is in progress and no reservation of a buyer who left is active; in the end the verdict decides. */
  private async untilAtRest(accepted: number): Promise<void> {
    const withinMs = settleMsMin + (1_000 * accepted) / settledPerSecondMin;
    try {
      await until('no order is in progress', () => this.site.isAtRest(), withinMs);
      for (const sku of this.args.abandonRate > 0 ? this.skus : []) {
        const graceMs = 1_000 * abandonTtlSeconds + 2 * expiryGraceMs;
        await until(`no reservation of ${sku} is active`, () => this.hasNoReservation(sku), graceMs);
      }
    } catch (error) {
      if (!(error instanceof NotInTime)) throw error;
    }
  }

  private async hasNoReservation(sku: string): Promise<boolean> {
    const answer = await this.site.admin.get(`/v1/admin/reservations?status=active&sku=${sku}&limit=1`);
    return answer.status === 200 && (answer.body as { data: unknown[] }).data.length === 0;
  }

  private async judge(tally: Tally, leftOver: StockFacts[], refusedAtTheEnd: number): Promise<Verdict> {
    const orderIds = this.tallies.flatMap((one) => one.orderIds);
    const oddAnswers = this.tallies.flatMap((one) => one.oddAnswers);
    const unexpected = this.tallies.reduce((sum, { counts }) => sum + counts.unexpected, 0);
    const { refusedBySku, reservedBySku, contradictions, secondCards } = tally;
    return judge({
      opensAt: this.opensAt,
      perCustomer: this.args.habits?.perCustomer,
      stock: await this.levels(),
      leftOver: Object.fromEntries(leftOver.map(({ sku, available }) => [sku, available])),
      orders: await this.orders(orderIds),
      ledger: await this.ledger(),
      reported: {
        orderIds,
        refusedBySku,
        reservedBySku,
        contradictions,
        oddAnswers,
        unexpected,
        secondCards,
      },
      refusedAtTheEnd,
      brokenInvariants: this.args.audited === false ? [] : await brokenInvariants(this.site.admin),
    });
  }

  private levels(): Promise<StockFacts[]> {
    return Promise.all(
      this.skus.map(async (sku) => (await this.site.admin.get(`/v1/stock/${sku}`)).body as StockFacts),
    );
  }

  /** Pages through the orders, newest first, back to our first one. */
  private async orders(orderIds: string[]): Promise<OrderFacts[]> {
    if (orderIds.length === 0) return [];
    const first = orderIds.reduce((least, id) => (id < least ? id : least));
    const ours = new Set(this.skus);
    const found: OrderFacts[] = [];
    for (let cursor = ''; ;) {
      const answer = await this.site.admin.get(`/v1/admin/orders?limit=100${cursor}`);
      const page = answer.body as { data: OrderFacts[]; hasMore: boolean; nextCursor: string };
      found.push(...page.data.filter(({ lines }) => lines.some(({ sku }) => ours.has(sku))));
      if (!page.hasMore || page.data.at(-1)!.id < first) return found;
      cursor = `&cursor=${page.nextCursor}`;
    }
  }

  /** So far; NaN where they are not known. */
  private async providerCalls(): Promise<number> {
    const { sandboxUrl } = this.site;
    if (sandboxUrl === undefined) return NaN;
    const stats = await new HttpClient(sandboxUrl).get('/sandbox/stats');
    return (stats.body as { requests: { total: number } }).requests.total;
  }

  private async ledger(): Promise<LedgerRow[] | undefined> {
    const { sandboxUrl } = this.site;
    if (sandboxUrl === undefined) return undefined;
    return ((await new HttpClient(sandboxUrl).get('/sandbox/ledger')).body as { data: LedgerRow[] }).data;
  }
}

/** The API's own audit. */
export async function brokenInvariants(admin: HttpClient): Promise<string[]> {
  const answer = await admin.get('/v1/admin/invariants');
  if (answer.status !== 200) return [`the invariants cannot be checked: ${answer.status} ${answer.text}`];
  const { invariants } = answer.body as {
    invariants: { id: string; promise: string; violations: unknown[] }[];
  };
  return invariants
    .filter(({ violations }) => violations.length > 0)
    .map(({ id, promise, violations }) => `${id} ${promise} ${JSON.stringify(violations.slice(0, 3))}`);
}

/** Until the last order was accepted: the refusals after it say nothing about how fast stock is sold. */
function busyMs({ course }: Tally, rushMs: number): number {
  const last = course.findLastIndex((slice) => slice?.accepted);
  return last === -1 ? rushMs : Math.min(rushMs, (last + 1) * sliceMs);
}
