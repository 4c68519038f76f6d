import { Logger } from '@nestjs/common';
import { Histogram } from 'prom-client';
import { HoldfastError } from '../errors';
import { type RequestContext, inSharedRequests, requestContext } from '../logger';
import { type WaitingLimits, shedRequests, waitingRequests } from './admission-limit';

/** The result of one request of a batch. */
export type BatchAnswer<A> = { answer: A } | { error: Error };

export interface BatcherOptions extends WaitingLimits {
  /** Requests in one batch: beyond a few hundred a larger one only makes its first requests wait for its last. */
  sizeMax: number;
  /** Batches in flight at once, over all lanes. */
  inFlightMax: number;
  /** How long a batch waits for others to join, where nobody waits for the answer. Undefined: one turn of the event loop. */
  gatherMs?: number;
}

const batchSize = new Histogram({
  name: 'holdfast_batch_size',
  help: 'Requests that shared one transaction.',
  labelNames: ['batcher'],
  buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
});
const batchWait = new Histogram({
  name: 'holdfast_batch_wait_seconds',
  help: 'How long a request waited for its batch to begin.',
  labelNames: ['batcher'],
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
});

interface Waiting<Q, A> {
  request: Q;
  since: number;
  context: RequestContext | undefined;
  settle: (answer: BatchAnswer<A>) => void;
}

/**
 * Group commit for requests: requests that arrive while a batch of their lane is in flight form the next one, in the order
 * of arrival. A single request runs at once, so a quiet lane adds no wait; the more requests come, the less each costs.
 *
 * Two batches of one lane never run at once, those of two lanes do. A batch that throws as a whole is halved until the
 * request that broke it is alone, so that it fails no other.
 */
export class Batcher<Q, A> {
  private readonly logger = new Logger('batcher');
  private readonly lanes = new Map<string, Waiting<Q, A>[]>();
  /** Lanes that have requests and no batch in flight, the longest waiting first. */
  private readonly ready = new Set<string>();
  private readonly busy = new Set<string>();
  private waiting = 0;

  constructor(
    private readonly run: (batch: Q[]) => Promise<BatchAnswer<A>[]>,
    private readonly options: BatcherOptions,
  ) {}

  /** Resolves or rejects with this request's result. */
  add(request: Q, lane = ''): Promise<A> {
    const { name, waitingMax, overloaded } = this.options;
    if (this.waiting >= waitingMax) {
      shedRequests.inc({ at: name });
      return Promise.reject(overloaded());
    }
    return new Promise<A>((resolve, reject) => {
      const settle = (answer: BatchAnswer<A>) =>
        'error' in answer ? reject(answer.error) : resolve(answer.answer);
      const queue = this.lanes.get(lane) ?? [];
      queue.push({ request, since: performance.now(), context: requestContext(), settle });
      this.lanes.set(lane, queue);
      this.wait(1);
      if (!this.busy.has(lane)) this.ready.add(lane);
      this.begin();
    });
  }

  /** Requests that are in no batch yet. */
  get depth(): number {
    return this.waiting;
  }

  private wait(change: number): void {
    this.waiting += change;
    waitingRequests.inc({ at: this.options.name }, change);
  }

  private begin(): void {
    for (const lane of this.ready) {
      if (this.busy.size >= this.options.inFlightMax) return;
      this.ready.delete(lane);
      this.busy.add(lane);
      void this.runLane(lane);
    }
  }

  private async runLane(lane: string): Promise<void> {
    // At least one turn of the event loop, so that requests which arrived together share the batch.
    const { gatherMs } = this.options;
    await (gatherMs === undefined
      ? new Promise(setImmediate)
      : new Promise((resolve) => setTimeout(resolve, gatherMs)));
    const queue = this.lanes.get(lane)!;
    const batch = queue.splice(0, this.options.sizeMax);
    if (queue.length === 0) this.lanes.delete(lane);
    this.wait(-batch.length);
    const now = performance.now();
    batchSize.observe({ batcher: this.options.name }, batch.length);
    for (const { since } of batch) batchWait.observe({ batcher: this.options.name }, (now - since) / 1_000);

    await this.inContextOf(batch, () => this.answer(batch));
    this.busy.delete(lane);
    if (this.lanes.has(lane)) this.ready.add(lane);
    this.begin();
  }

  /** A batch starts in the context of its first request; what it logs belongs to all of them. */
  private inContextOf(batch: Waiting<Q, A>[], work: () => Promise<void>): Promise<void> {
    return inSharedRequests(
      batch.map(({ context }) => context),
      work,
    );
  }

  private async answer(batch: Waiting<Q, A>[], isHalf = false): Promise<void> {
    let answers: BatchAnswer<A>[];
    try {
      answers = await this.run(batch.map(({ request }) => request));
    } catch (error) {
      // A database that is away or busy would refuse each half too.
      const isForAll = error instanceof HoldfastError && error.retryable;
      // guard: broken-batch-is-halved
      if (batch.length === 1 || isForAll) {
        for (const { settle } of batch) settle({ error: error as Error });
        return;
      }
      // Once per batch: a request that fails alone is logged with its response.
      if (!isHalf)
        this.logger.warn(
          `${this.options.name}: a batch of ${batch.length} failed and is split: ${(error as Error).message}`,
        );
      const middle = Math.ceil(batch.length / 2);
      for (const half of [batch.slice(0, middle), batch.slice(middle)])
        await this.inContextOf(half, () => this.answer(half, true));
      return;
    }
    batch.forEach(({ settle }, nth) =>
      settle(answers[nth] ?? { error: new Error('Bug: a batch left a request unanswered.') }),
    );
  }
}
