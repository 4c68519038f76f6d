import type { Manner } from './behaviours';
import type { Delays } from './delays';
import { IdempotencyKeys, fingerprintOf } from './idempotency-keys';
import type { Entry, Ledger, Outcome } from './ledger';
import type { Params } from './params';
import { newId } from './payment-intents';
import { apiError, rateLimited } from './stripe-errors';
import type { Webhooks } from './webhooks';

/** A request that may move money, as it came. */
export interface MoneyRequest {
  path: string;
  params: Params;
  key: string | undefined;
  requestId: string;
}

/** The same request after validation. */
export interface Operation {
  manner: Manner;
  /** Whose requests are counted by a manner that treats the first ones differently. */
  countedAs: string;
  /** The caller's own name for the operation, for audits. */
  operationId: string | undefined;
  execute(at: number): Outcome;
}

/** The entry to answer from, or undefined for a request that is never to be answered. */
export type Reply = { entry: Entry; isReplay: boolean } | undefined;

/**
 * Carries out requests that move money: once per idempotency key, in the manner of the payment method.
 *
 * Execution itself is synchronous (decide, write the line, apply it), so two requests never interleave
 * within one; all waiting happens before or after.
 */
export class MoneyRequests {
  private readonly keys: IdempotencyKeys;
  private readonly requestsSeen = new Map<string, number>();

  constructor(
    private readonly ledger: Ledger,
    private readonly webhooks: Webhooks,
    private readonly delays: Delays,
  ) {
    this.keys = new IdempotencyKeys(ledger);
  }

  /**
   * Precedence: a known key first, so that a replay never depends on today's state; then the refusals of
   * `prepare`; then the manner.
   */
  async handle(request: MoneyRequest, prepare: (fallback: string) => Operation): Promise<Reply> {
    const fingerprint = fingerprintOf(request.path, request.params);
    const saved = request.key === undefined ? undefined : this.keys.begin(request.key, fingerprint);
    if (saved) return { entry: saved, isReplay: true };

    try {
      const operation = prepare(request.key ?? fingerprint);
      return await this.carryOut(
        operation,
        () => this.execute(request, fingerprint, operation),
        () => this.release(request),
      );
    } catch (error) {
      this.release(request);
      throw error;
    }
  }

  private async carryOut(operation: Operation, execute: () => Entry, release: () => void): Promise<Reply> {
    const { manner } = operation;
    const done = (entry: Entry): Reply => ({ entry, isReplay: false });
    switch (manner.kind) {
      case 'plain':
        return done(execute());
      case 'slow':
        await this.delays.pass(manner.ms);
        return done(execute());
      case 'slow-answer': {
        const entry = execute();
        await this.delays.pass(manner.ms);
        return done(entry);
      }
      case 'late-commit':
        this.delays.run(manner.ms, execute);
        return undefined;
      case 'timeout-after-commit': {
        const isFirst = this.count(operation) === 1;
        const entry = execute();
        return isFirst ? undefined : done(entry);
      }
      case 'timeout-before-commit':
        if (this.count(operation) > 1) return done(execute());
        release();
        return undefined;
      case 'error':
        if (this.count(operation) <= manner.times) throw apiError();
        return done(execute());
      case 'rate-limit':
        if (this.count(operation) <= manner.times) throw rateLimited();
        return done(execute());
    }
  }

  private execute({ key, requestId }: MoneyRequest, fingerprint: string, operation: Operation): Entry {
    const at = Date.now();
    const outcome = operation.execute(at);
    const entry: Entry = {
      ...outcome,
      at,
      requestId,
      operationId: operation.operationId ?? null,
      ...(key !== undefined && { key, fingerprint }),
      ...(outcome.eventType && { eventId: newId('evt') }),
    };
    this.ledger.record(entry);
    if (key !== undefined) this.keys.release(key);
    this.webhooks.announce(entry);
    return entry;
  }

  private release({ key }: MoneyRequest): void {
    if (key !== undefined) this.keys.release(key);
  }

  private count({ countedAs }: Operation): number {
    const count = (this.requestsSeen.get(countedAs) ?? 0) + 1;
    this.requestsSeen.set(countedAs, count);
    return count;
  }
}
