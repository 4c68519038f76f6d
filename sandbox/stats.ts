/**
 * How a request ended:
 *
 * - `ok`: 2xx; `declined`: 402; `refused`: any other 4xx; `rateLimited`: 429; `error5xx`: 500.
 * - `timedOut`: no response, or the client was gone before it.
 * - `cutOff`: the connection was closed instead of a response.
 */
export type RequestResult =
  'ok' | 'declined' | 'refused' | 'error5xx' | 'rateLimited' | 'timedOut' | 'cutOff';

const secondsKept = 60;

/** Counts requests and their results, from the start or the last reset. */
export class Stats {
  private counts = new Counts();

  /** `clock`: monotonic, in milliseconds. */
  constructor(private readonly clock: () => number = () => performance.now()) {}

  /** Counts a request that was received. Call the returned function with its result. */
  begin(route: string): (result: RequestResult) => void {
    const { counts } = this;
    counts.total += 1;
    counts.byPath.set(route, (counts.byPath.get(route) ?? 0) + 1);
    counts.perSecond.add(this.second());

    let isOpen = true;
    return (result) => {
      if (isOpen) counts.answered[result] += 1;
      isOpen = false;
    };
  }

  /** Counts one try to deliver a webhook. */
  countWebhook(isAccepted: boolean): void {
    this.counts.webhooks[isAccepted ? 'sent' : 'failed'] += 1;
  }

  /** Requests that are in progress during a reset are not counted. */
  reset(): void {
    this.counts = new Counts();
  }

  render(webhooksPending: number, due = 0): object {
    const { total, byPath, perSecond, answered, webhooks } = this.counts;
    return {
      requests: {
        total,
        byPath: Object.fromEntries([...byPath].sort()),
        perSecondPeak: perSecond.peak,
        lastMinute: perSecond.lastMinute(this.second()),
      },
      answered,
      webhooks: { ...webhooks, pending: webhooksPending },
      due,
    };
  }

  private second(): number {
    return Math.floor(this.clock() / 1_000);
  }
}

class Counts {
  total = 0;
  readonly byPath = new Map<string, number>();
  readonly perSecond = new PerSecond();
  readonly answered: Record<RequestResult, number> = {
    ok: 0,
    declined: 0,
    refused: 0,
    error5xx: 0,
    rateLimited: 0,
    timedOut: 0,
    cutOff: 0,
  };
  readonly webhooks = { sent: 0, failed: 0 };
}

/** Counts of the last sixty seconds in a ring, and the highest count of any second. */
class PerSecond {
  peak = 0;
  private readonly counts = new Array<number>(secondsKept).fill(0);
  private latest = 0;

  add(second: number): void {
    this.advanceTo(second);
    const count = (this.counts[second % secondsKept] ?? 0) + 1;
    this.counts[second % secondsKept] = count;
    this.peak = Math.max(this.peak, count);
  }

  /** Oldest first; the last is the current second. */
  lastMinute(second: number): number[] {
    this.advanceTo(second);
    return this.counts.map((_, i) => this.counts[(second + 1 + i) % secondsKept]!);
  }

  /** Clears the slots of the seconds in which nothing came. */
  private advanceTo(second: number): void {
    for (let passed = Math.max(this.latest, second - secondsKept) + 1; passed <= second; passed++)
      this.counts[passed % secondsKept] = 0;
    this.latest = second;
  }
}
