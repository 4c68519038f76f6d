import { BrokenCircuitError, ConsecutiveBreaker, circuitBreaker, handleWhenResult } from 'cockatiel';
import type { AuthorizeRequest, FollowUpRequest, GatewayAnswer, PaymentGateway } from './gateway';

/** So many silences in a row are an outage and not bad luck. */
const silencesMax = 20;
/** One call is let through after this long; its answer decides whether the others may follow. */
const probeAfterMs = 5_000;

/**
 * Keeps an outage at the provider from becoming a storm: a circuit that opens after many silences in a row. A call
 * that is held back costs its saga no attempt; it comes back under the same key.
 */
export class GuardedGateway implements PaymentGateway {
  private readonly breaker = circuitBreaker(
    handleWhenResult((answer) => (answer as GatewayAnswer).status === 'unknown'),
    { halfOpenAfter: probeAfterMs, breaker: new ConsecutiveBreaker(silencesMax) },
  );

  constructor(private readonly inner: PaymentGateway) {}

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
      return await this.breaker.execute(ask);
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) throw error;
      return { status: 'not-asked', detail: 'the provider has been silent for a while' };
    }
  }
}
