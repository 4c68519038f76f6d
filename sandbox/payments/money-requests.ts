import type { Delays } from '../delays';
import { IdempotencyKeys } from './idempotency-keys';
import type { Ledger } from '../ledger/ledger';
import type { Entry, MoneyRequest, SavedError } from '../ledger/records';
import { operationOf, type Operation } from './operations';
import { apiError, lockTimeout, rateLimited, savedApiError } from '../stripe/errors';
import type { Steps } from './steps';

/** What to respond with, or undefined for a request that gets no response. */
export type Reply = { entry: Entry | SavedError; isReplay: boolean } | undefined;

/**
 * Executes requests that move money: once per idempotency key, and as the payment method demands.
 *
 * Execution is synchronous (decide, write the line, apply it), so two requests never interleave; all waiting happens
 * before or after it. A request that waits before its execution is in the ledger as begun, and still waits after a restart.
 */
export class MoneyRequests {
  private readonly keys: IdempotencyKeys;

  constructor(
    private readonly ledger: Ledger,
    private readonly steps: Steps,
    private readonly delays: Delays,
    keyWindowSeconds: number,
  ) {
    this.keys = new IdempotencyKeys(ledger, keyWindowSeconds);
  }

  /**
   * A known key comes first, so that a replay does not depend on the current state; then the refusals of `operationOf`;
   * then the handling.
   */
  async handle(request: MoneyRequest): Promise<Reply> {
    const saved = this.keys.begin(request);
    if (saved) return { entry: saved, isReplay: true };

    try {
      return await this.run(request, operationOf(this.ledger, request));
    } catch (error) {
      this.keys.release(request);
      throw error;
    }
  }

  /** Continues what an earlier process began. Requests that are already due are executed before this returns. */
  resume(): void {
    const inOrder = [...this.ledger.begun.values()].sort((a, b) => a.dueAt - b.dueAt);
    for (const { begun, dueAt } of inOrder) {
      const execute = () => this.execute(begun, operationOf(this.ledger, begun));
      const waitMs = dueAt - Date.now();
      if (waitMs > 0) this.delays.run(waitMs, execute);
      else execute();
    }
  }

  private async run(request: MoneyRequest, operation: Operation): Promise<Reply> {
    const { handling } = operation;
    const execute = () => this.execute(request, operation);
    const done = (entry: Entry | SavedError): Reply => ({ entry, isReplay: false });
    const count = () => this.ledger.count(operation.countedAs);
    switch (handling.kind) {
      case 'plain':
        return done(execute());
      case 'slow':
        this.ledger.begin(request, Date.now() + handling.ms);
        await this.delays.pass(handling.ms);
        return done(execute());
      case 'slow-response': {
        const entry = execute();
        await this.delays.pass(handling.ms);
        return done(entry);
      }
      case 'late-commit':
        this.ledger.begin(request, Date.now() + handling.ms);
        this.delays.run(handling.ms, execute);
        return undefined;
      case 'timeout-after-commit': {
        const isFirst = count() === 1;
        const entry = execute();
        return isFirst ? undefined : done(entry);
      }
      case 'timeout-before-commit':
        if (count() > 1) return done(execute());
        this.keys.release(request);
        return undefined;
      case 'error':
        if (count() <= handling.times) throw apiError();
        return done(execute());
      case 'rate-limit':
        if (count() <= handling.times) throw rateLimited(handling);
        return done(execute());
      case 'lock-timeout':
        if (count() <= handling.times) throw lockTimeout();
        return done(execute());
      case 'saved-500':
        if (count() > 1) return done(execute());
        return done(
          handling.isExecuted ? this.execute(request, failing(operation)) : this.saveError(request),
        );
    }
  }

  private execute(request: MoneyRequest, operation: Operation): Entry {
    const { key, fingerprint, requestId } = request;
    const at = Date.now();
    const cause = {
      requestId,
      operationId: operation.operationId ?? null,
      ...(key !== undefined && { key, fingerprint }),
    };
    const entry = this.steps.take(operation.execute(at), cause, at);
    this.keys.release(request);
    return entry;
  }

  /** Without a key there is nothing to save it under. */
  private saveError(request: MoneyRequest): SavedError {
    const { key, fingerprint, requestId, account } = request;
    if (key === undefined) throw apiError();
    const error = { saved: savedApiError, status: 500, at: Date.now(), requestId, key, fingerprint };
    this.ledger.saveError({ ...error, ...(account !== undefined && { account }) });
    this.keys.release(request);
    return error;
  }
}

/** The operation is executed, and its response says only that something failed. */
function failing(operation: Operation): Operation {
  return {
    ...operation,
    execute: (at) => ({ ...operation.execute(at), status: 500, error: savedApiError }),
  };
}
