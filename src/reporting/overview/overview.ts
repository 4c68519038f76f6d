import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { Database, clockOf } from '../../database/database';
import { type Takes, lockWaitBounds } from '../../inventory/allocation/contention';
import { requestStep, stepNames } from '../../orders/checkout-saga/checkout.saga';
import { stepBounds } from '../../orders/checkout-saga/saga-metrics';
import { type ReviewCounts, reviewCounts } from '../review/review';
import { ActivityLog, addedUp, quantileOf } from '../activity/activity-log';
import { pauseAfter } from '../../audit/audit';
import {
  type Flow,
  type Lateness,
  flowNow,
  latenessLimits,
  latenessNow,
  type AllUnits,
  allUnits,
  productStocks,
  unitsFrom,
} from './current-state';
import { lastAudit } from '../../audit/last-audit';
import { OncePerSecond } from './once';
import { OrderRates, PlacedSinceMidnight } from './order-rates';
import { QueueReport } from './queue-report';
import { type SkuDemand, demandOf, perSecond, ratesOf } from './rates';
import type { OverviewResponse, Trouble } from './overview.responses';
import { troublesNow } from './troubles';

const busiestMax = 7;
const medianSeconds = 60;
/** The last audit is old after this many missed ones. */
const auditsMissedMax = 3;

/**
 * Everything on the dashboard's first page, in one value that is computed at most once a second for all readers, and only
 * on demand.
 *
 * Each part reads only what is in flight or new: it is bounded or has an index. A part that still takes long is computed
 * less often.
 */
@Injectable()
export class Overview {
  /** Half the time: on a busy database most of it is waiting. The heavy parts below have their own, smaller share. */
  private readonly whole = new OncePerSecond(() => this.compute(), 0.5);
  private readonly units = new OncePerSecond(() => allUnits(this.db));
  private readonly flow = new OncePerSecond(() => flowNow(this.db));
  private readonly review = new OncePerSecond(() => reviewCounts(this.db));

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly log: ActivityLog,
    private readonly orders: OrderRates,
    private readonly placed: PlacedSinceMidnight,
    private readonly queues: QueueReport,
  ) {}

  get() {
    return this.whole.get();
  }

  private async compute(): Promise<OverviewResponse> {
    const now = await clockOf(this.db);
    await this.log.refresh(now);
    const second = Math.floor(now.getTime() / 1_000);
    // One after the other: a look at the dashboard is to take one connection from the buyers, not eight.
    const rates = ratesOf({
      second,
      orders: await this.orders.refresh(now),
      log: this.log,
      today: await this.placed.refresh(now),
    });
    const { skus, returningSoon, live, ...units } = await this.units.get();
    const { cases, ...kinds } = withSum(await this.review.get());
    const queues = await this.queues.report(now);
    const troubles = await troublesNow(this.db, this.config.queuesEnabled ? queues.trouble : null);
    return {
      object: 'overview',
      at: now.toISOString(),
      troubles,
      environment: this.config.environment,
      loadTests: !this.config.production,
      review: { cases, ...kinds },
      rates,
      steps: stepsOf(await this.flow.get(), this.log, second, rates),
      units: { skus, ...units, returningSoon },
      products: await this.busiest(demandOf(this.log, second).slice(0, busiestMax), live, second),
      delays: delaysOf(await latenessNow(this.db)),
      queues,
      promises: promisesOf(await lastAudit(this.db), troubles),
    };
  }

  private async busiest(demand: SkuDemand[], live: AllUnits['live'], second: number) {
    if (demand.length === 0) return [];
    const skus = demand.map(({ sku }) => sku);
    const stocks = new Map((await productStocks(this.db, skus)).map((stock) => [stock.sku, stock]));
    return demand.flatMap(({ sku, taken, refused }) => {
      const stock = stocks.get(sku);
      if (!stock) return [];
      return {
        sku,
        name: stock.name,
        strategy: stock.strategy,
        stock: unitsFrom(stock, live.get(sku) ?? { active: 0, pinned: 0 }),
        takenPerSecond: perSecond(taken),
        refusedPerSecond: perSecond(refused),
        lockWaitP99Ms: quantileOf(waitsOf(sku, this.log, second), lockWaitBounds, 0.99),
      };
    });
  }
}

/** Old: no worker audits any more, whether none is there or all of them fail at it. */
function promisesOf(last: Awaited<ReturnType<typeof lastAudit>>, troubles: Trouble[]) {
  if (!last) return null;
  const ageMsMax = auditsMissedMax * pauseAfter(last.tookMs);
  const nobodyAudits = troubles.some(({ code }) => code === 'no_worker');
  return { ...last, overdue: nobodyAudits || last.ageSeconds * 1_000 > ageMsMax };
}

function withSum(counts: ReviewCounts) {
  const { stuckSagas, unknownPayments, deadLetters, paymentCases, failingEndpoints } = counts;
  const cases = stuckSagas + unknownPayments + deadLetters + paymentCases + failingEndpoints;
  return { cases, ...counts };
}

function stepsOf(flow: Flow, log: ActivityLog, second: number, rates: ReturnType<typeof ratesOf>) {
  const lastSecond = log.between(second - 1, second);
  const inRequest = lastSecond.reduce((sum, { intakeInFlight = 0 }) => sum + intakeInFlight, 0);
  const running = Object.values(flow.running).reduce((sum, count) => sum + count, 0);
  const facts = log.between(second - medianSeconds, second);
  const allWaits = facts.flatMap(({ takes = {} }) =>
    Object.values(takes).flatMap((one) => Object.values(one)),
  );
  return {
    inFlight: inRequest + running + flow.compensating + flow.stuck,
    capped: flow.capped,
    straight: stepNames.map((step) => ({
      step,
      count: step === requestStep ? inRequest : (flow.running[step] ?? 0),
      medianMs:
        step === requestStep
          ? quantileOf(addedUp(allWaits.map(({ waits }) => waits)), lockWaitBounds, 0.5)
          : inMs(quantileOf(addedUp(facts.map(({ steps }) => steps?.[step])), stepBounds, 0.5)),
    })),
    unknown: flow.unknown,
    compensating: flow.compensating,
    stuck: flow.stuck,
    declinedPerSecond: rates.declined.now,
    expiredPerSecond: rates.expired.now,
  };
}

const inMs = (seconds: number | null) => (seconds === null ? null : seconds * 1_000);

function waitsOf(sku: string, log: ActivityLog, second: number): number[] {
  const facts = log.between(second - medianSeconds, second);
  const takes = facts.flatMap((one): Takes[] => Object.values(one.takes?.[sku] ?? {}));
  return addedUp(takes.map(({ waits }) => waits));
}

const delaysOf = (lateness: Lateness) => {
  const delay = (of: keyof Lateness) => ({ seconds: lateness[of], limitSeconds: latenessLimits[of] });
  return {
    expiry: delay('expiry'),
    outbox: delay('outbox'),
    sagaPastDue: delay('sagaPastDue'),
    unknownPayment: delay('unknownPayment'),
    webhook: delay('webhook'),
  };
};
