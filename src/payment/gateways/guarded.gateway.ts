import {
  BrokenCircuitError,
  BulkheadRejectedError,
  ConsecutiveBreaker,
  bulkhead,
  circuitBreaker,
  handleWhenResult,
  wrap,
} from 'cockatiel';
import type { AuthorizeRequest, FollowUpRequest, GatewayAnswer, PaymentGateway } from './gateway';

/** So many silences in a row are an outage and not bad luck. */
const silencesMax = 20;
/** One call is let through after this long; its answer decides whether the others may follow. */
const probeAfterMs = 5_000;

/**
 * Keeps an outage at the provider from becoming ours: a limit on calls in flight, and a circuit that opens after many
 * silences in a row. A call that is held back is answered "unknown", like any other that was not heard, so its saga
 * comes back under the same key.
 */
export class GuardedGateway implements PaymentGateway {
  private readonly breaker = circuitBreaker(
    handleWhenResult((answer) => (answer as GatewayAnswer).status === 'unknown'),
    { halfOpenAfter: probeAfterMs, breaker: new ConsecutiveBreaker(silencesMax) },
  );
  private readonly policy;

  constructor(
    private readonly inner: PaymentGateway,
    concurrencyMax: number,
  ) {
    // Whoever finds no place waits in its saga's row, not in this process's memory.
    this.policy = wrap(bulkhead(concurrencyMax, 0), this.breaker);
  }

  authorize(request: AuthorizeRequest) {
    return this.guarded(() => this.inner.authorize(request));
  }

  capture(request: FollowUpRequest) {
    return this.guarded(() => this.inner.capture(request));
  }

  void(request: FollowUpRequest) {
    return this.guarded(() => this.inner.void(request));
  }

  refund(request: FollowUpRequest) {
    return this.guarded(() => this.inner.refund(request));
  }

  private async guarded(ask: () => Promise<GatewayAnswer>): Promise<GatewayAnswer> {
    try {
      return await this.policy.execute(ask);
    } catch (error) {
      if (error instanceof BrokenCircuitError) {
        return {
          status: 'unknown',
          detail: 'not asked: the provider has been silent for a while',
          retryAfterMs: probeAfterMs,
        };
      }
      if (error instanceof BulkheadRejectedError) {
        return { status: 'unknown', detail: 'not asked: too many calls in flight', retryAfterMs: 1_000 };
      }
      throw error;
    }
  }
}
