import type { ClosedLoad, OpenLoad, Plan } from './plan';
import { type Purchase, Purchases, arrivals, shareOf } from './plan';
import { Tally, type TallyData, addTo } from './tally';
import { Connections, type WireAnswer, headerOf } from './wire';

/** What the starter of this process says and hears. */
export type ToBuyers = { plan: Plan; share: number; shares: number; startAt: number };
export type FromBuyers =
  { ready: true } | { progress: Progress } | { result: TallyData } | { failed: string };
export type Progress = { done: number } & TallyData['counts'];

/** In an open loop; beyond it a buyer waits for somebody else's connection, and his waiting counts. */
const connectionsMax = 500;
/** A buyer who was sent away so often goes elsewhere. */
const triesMax = 30;
const pauseAfterLossMs = 500;
const tellEveryMs = 250;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The buyers of one process: they come, ask, are told, come again when they are told to, and keep count of it all. */
export class Buyers {
  readonly tally = new Tally();
  done = 0;
  private readonly plan: Plan;
  private readonly doors: Connections[];
  private readonly purchases: Purchases;
  private turn = 0;
  /** On the clock of `performance.now()`. */
  private readonly start: number;
  private readonly countedFrom: number;
  private readonly until: number;
  private readonly arrivalSeed: number;

  constructor({ plan, share, shares, startAt }: ToBuyers) {
    this.plan = { ...plan, load: shareOf(plan.load, share, shares) };
    const { load, urls } = this.plan;
    const connections = load.kind === 'closed' ? load.buyers : connectionsMax;
    this.doors = urls.map((url) => new Connections(new URL(url), connections));
    this.purchases = new Purchases(this.plan, share);
    this.start = startAt - performance.timeOrigin;
    this.countedFrom = this.start + (load.kind === 'closed' ? load.warmUpMs : 0);
    this.until = load.kind === 'closed' ? this.countedFrom + load.ms : Infinity;
    this.arrivalSeed = plan.seed * 31 + share;
  }

  async run(): Promise<void> {
    const { load } = this.plan;
    await pause(this.start - performance.now());
    await (load.kind === 'open' ? this.openLoop(load) : this.closedLoop(load));
    for (const door of this.doors) door.close();
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

  /** One purchase, tried again under the same key as often as the buyer is told to, and as he does not hear. */
  private async buy(purchase: Purchase, wantedAt: number): Promise<void> {
    const door = this.doors[this.turn++ % this.doors.length]!;
    for (let tries = 1; ; tries++) {
      const answer = await door.send(purchase.request).catch(() => undefined);
      const now = performance.now();
      const counts = now >= this.countedFrom && now < this.until;
      if (counts && answer) this.tally.answers.record(now - wantedAt);
      const again = answer ? this.hear(purchase, answer, now, counts) : this.unheard(now, counts);
      if (again === undefined) break;
      if (tries === triesMax || now + again >= this.until) {
        if (counts) this.tally.count('gaveUp', now - this.start);
        break;
      }
      await pause(again);
      wantedAt = performance.now();
    }
    this.done += 1;
  }

  private unheard(now: number, counts: boolean): number {
    if (counts) this.tally.count('lost', now - this.start);
    return pauseAfterLossMs;
  }

  /** How long until the next try; undefined when this answer is the last. */
  private hear(purchase: Purchase, answer: WireAnswer, now: number, counts: boolean): number | undefined {
    const count = (outcome: Parameters<Tally['count']>[0]) =>
      counts && this.tally.count(outcome, now - this.start);
    const { status } = answer;
    if (status === 503 || status === 429) {
      count('shed');
      addTo(this.tally.shedFor, `${status}: ${jsonIn(answer).detail}`);
      return 1_000 * Number(headerOf(answer, 'retry-after') ?? 1);
    }
    const isOrder = purchase.kind === 'order';
    // Whoever asks again under his key may be told how it ended: 402 is an order whose card was declined meanwhile.
    if (status === 201 || (isOrder && (status === 202 || status === 402))) {
      count(isOrder ? 'accepted' : 'reserved');
      if (isOrder) this.tally.orderIds.push(orderIdIn(answer));
      else for (const sku of purchase.skus) addTo(this.tally.reservedBySku, sku);
      return undefined;
    }
    const problem = jsonIn(answer);
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

function jsonIn({ body }: WireAnswer): Problem {
  try {
    return JSON.parse(body.toString()) as Problem;
  } catch {
    return {};
  }
}

const orderIdIn = (answer: WireAnswer): string =>
  headerOf(answer, 'location')?.split('/').at(-1) ?? jsonIn(answer).order?.id ?? 'unknown';

/** As a process of its own: load generator and service must not share an event loop. */
export function serve(): void {
  const tell = (message: FromBuyers) => process.send!(message);
  process.on('message', (message: ToBuyers) => {
    const buyers = new Buyers(message);
    const ticker = setInterval(
      () => tell({ progress: { done: buyers.done, ...buyers.tally.counts } }),
      tellEveryMs,
    );
    buyers
      .run()
      .then(
        () => tell({ result: buyers.tally.data }),
        (error: Error) => tell({ failed: error.stack ?? error.message }),
      )
      .finally(() => clearInterval(ticker));
  });
  tell({ ready: true });
}
