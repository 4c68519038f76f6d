import type { ClosedLoad, OpenLoad, Plan } from './plan';
import { Payer } from './payer';
import { type Purchase, Purchases, arrivals, shareOf, waitSeconds } from './plan';
import { Tally, type TallyData, addTo } from './tally';
import { Connections, type WireResponse, headerOf } from '../sandbox/wire';

/** Messages to and from the process that started this one. */
export type ToBuyers = { plan: Plan; share: number; shares: number; startAt: number };
export type FromBuyers =
  { ready: true } | { progress: Progress } | { result: TallyData } | { failed: string };
export type Progress = { done: number } & TallyData['counts'];

/** In an open loop. Beyond it a buyer waits for a free connection, and the wait counts as response time. */
const connectionsMax = 500;
/** After this many refused tries a buyer gives up. */
const triesMax = 30;
const pauseAfterLossMs = 500;
const reportEveryMs = 250;
/** Longer than an overloaded service takes to refuse and than a buyer waits; after this a connection counts as lost. */
const silenceMsMax = 1_500 * waitSeconds;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The buyers of one process: they send requests, retry when the service says so, and count the results. */
export class Buyers {
  readonly tally = new Tally();
  done = 0;
  private readonly plan: Plan;
  private readonly targets: Connections[];
  private readonly purchases: Purchases;
  private readonly payer: Payer;
  private sent = 0;
  /** On the clock of `performance.now()`. */
  private readonly start: number;
  private readonly countedFrom: number;
  private readonly until: number;
  private readonly arrivalSeed: number;

  constructor({ plan, share, shares, startAt }: ToBuyers) {
    this.plan = { ...plan, load: shareOf(plan.load, share, shares) };
    const { load, urls } = this.plan;
    const connections = load.kind === 'closed' ? load.buyers : connectionsMax;
    this.targets = urls.map((url) => new Connections(new URL(url), connections, silenceMsMax));
    this.purchases = new Purchases(this.plan, share);
    this.payer = new Payer(this.plan, this.tally, silenceMsMax);
    this.start = startAt - performance.timeOrigin;
    this.countedFrom = this.start + (load.kind === 'closed' ? load.warmUpMs : 0);
    this.until = load.kind === 'closed' ? this.countedFrom + load.ms : Infinity;
    this.arrivalSeed = plan.seed * 31 + share;
  }

  async run(): Promise<void> {
    const { load } = this.plan;
    await pause(this.start - performance.now());
    await (load.kind === 'open' ? this.openLoop(load) : this.closedLoop(load));
    for (const target of this.targets) target.close();
    this.payer.close();
  }

  private async openLoop(load: OpenLoad): Promise<void> {
    const buying: Promise<void>[] = [];
    for (const arrival of arrivals(load, this.arrivalSeed)) {
      const at = this.start + arrival;
      const early = at - performance.now();
      if (early > 0) await pause(early);
      this.tally.lateness.record(performance.now() - at);
      buying.push(this.buy(this.purchases.next(), at));
    }
    await Promise.all(buying);
  }

  private async closedLoop({ buyers }: ClosedLoad): Promise<void> {
    const buyer = async () => {
      while (performance.now() < this.until) await this.buy(this.purchases.next(), performance.now());
    };
    await Promise.all(Array.from({ length: buyers }, buyer));
  }

  /** One purchase. It is retried under the same key when the service says so and when there is no response. */
  private async buy(purchase: Purchase, wantedAt: number): Promise<void> {
    const target = this.targets[this.sent++ % this.targets.length]!;
    for (let tries = 1; ; tries++) {
      const answer = await target.send(purchase.request).catch(() => undefined);
      const now = performance.now();
      const counts = now >= this.countedFrom && now < this.until;
      // An answer that waits for the payment is no measure of the intake.
      if (counts && answer && !purchase.then) this.tally.answers.record(now - wantedAt);
      const again = answer ? this.read(purchase, answer, now, counts) : this.lost(now, counts);
      if (again === undefined) {
        if (answer && purchase.then) await this.payer.pay(purchase, answer, target);
        break;
      }
      // An early buyer comes back when Retry-After says, however often.
      if (answer?.status === 409) tries = 0;
      if (tries === triesMax || now + again >= this.until) {
        if (counts) this.tally.count('gaveUp', now - this.start);
        break;
      }
      await pause(again);
      wantedAt = performance.now();
    }
    this.done += 1;
  }

  private lost(now: number, counts: boolean): number {
    if (counts) this.tally.count('lost', now - this.start);
    return pauseAfterLossMs;
  }

  /** How long until the next try; undefined when this answer is the last. */
  private read(purchase: Purchase, answer: WireResponse, now: number, counts: boolean): number | undefined {
    const count = (outcome: Parameters<Tally['count']>[0]) =>
      counts && this.tally.count(outcome, now - this.start);
    const { status } = answer;
    if (status === 503 || status === 429) {
      count('shed');
      addTo(this.tally.shedFor, `${status}: ${jsonIn(answer).detail}`);
      return 1_000 * Number(headerOf(answer, 'retry-after') ?? 1);
    }
    const isOrder = purchase.kind === 'order';
    // A retry may get the final state of its order: 402 means that the card was declined.
    const isInProgress = isOrder && status === 202;
    if (isInProgress && this.plan.untilEnded) {
      count('unexpected');
      this.tally.note(`an order had not ended within ${waitSeconds} s`);
      return undefined;
    }
    if (status === 201 || isInProgress || (isOrder && status === 402)) {
      count(isOrder ? 'accepted' : 'reserved');
      if (isOrder) this.tally.orderIds.push(orderIdIn(answer));
      else for (const sku of purchase.skus) addTo(this.tally.reservedBySku, sku);
      return undefined;
    }
    const problem = jsonIn(answer);
    const retryAfter = headerOf(answer, 'retry-after');
    if (status === 409 && problem.code === 'not_on_sale' && retryAfter !== undefined) {
      count('early');
      return 1_000 * Number(retryAfter);
    }
    if (status === 409 && problem.code === 'units_per_customer_exceeded') {
      count('overLimit');
      return undefined;
    }
    if (status === 409 && problem.code === 'insufficient_stock') {
      count('refused');
      this.noteShortfalls(problem);
      return undefined;
    }
    count('unexpected');
    this.tally.note(`${status} ${answer.body.toString('utf8', 0, 500)}`);
    return undefined;
  }

  private noteShortfalls({ shortfalls = [] }: Problem): void {
    for (const { sku, requested, available } of shortfalls) {
      addTo(this.tally.refusedBySku, sku);
      if (available >= requested)
        this.tally.contradictions.push(`${requested} of ${sku} refused with ${available} available`);
    }
  }
}

interface Problem {
  code?: string;
  detail?: string;
  shortfalls?: { sku: string; requested: number; available: number }[];
  order?: { id: string };
}

function jsonIn({ body }: WireResponse): Problem {
  try {
    return JSON.parse(body.toString()) as Problem;
  } catch {
    return {};
  }
}

const orderIdIn = (answer: WireResponse): string =>
  headerOf(answer, 'location')?.split('/').at(-1) ?? jsonIn(answer).order?.id ?? 'unknown';

/** Runs as a separate process: load generator and service must not share an event loop. */
export function serve(): void {
  const send = (message: FromBuyers) => process.send!(message);
  process.on('message', (message: ToBuyers) => {
    const buyers = new Buyers(message);
    const ticker = setInterval(
      () => send({ progress: { done: buyers.done, ...buyers.tally.counts } }),
      reportEveryMs,
    );
    buyers
      .run()
      .then(
        () => send({ result: buyers.tally.data }),
        (error: Error) => send({ failed: error.stack ?? error.message }),
      )
      .finally(() => clearInterval(ticker));
  });
  send({ ready: true });
}
