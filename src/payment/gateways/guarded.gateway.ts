import { BrokenCircuitError, ConsecutiveBreaker, circuitBreaker, handleWhenResult } from 'cockatiel';
import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayAnswer,
  HeldBackCode,
  PaymentGateway,
} from './gateway';

/** So many silences in a row are an outage and not bad luck. */
// guard: circuit-opens
const silencesMax = 20;
/** One call is let through after this long; its answer decides whether the others may follow. */
const probeAfterMs = 5_000;
/** What one order is told to wait, all wait, but not longer than this: the wish may have been about that order alone. */
const pauseMsMax = 10_000;
/** How soon a call that was held back behind a probe may try again. */
const probedMs = 250;

/**
 * Keeps an outage at the provider from becoming a storm, and obeys a provider that asks for a pause. A call that is held
 * back costs its saga no attempt; it comes back under the same key.
 *
 * - Many silences in a row open a circuit: nothing is asked for a while, then one call shows whether the others may follow.
 * - "Too many requests, come back in a second" holds back all calls of this process for that second, and lets one go
 *   ahead of the others afterwards.
 */
export class GuardedGateway implements PaymentGateway {
  private readonly breaker = circuitBreaker(
    handleWhenResult((answer) => isSilence(answer as GatewayAnswer)),
    { halfOpenAfter: probeAfterMs, breaker: new ConsecutiveBreaker(silencesMax) },
  );
  private pausedUntil = 0;
  private probe: 'none' | 'wanted' | 'out' = 'none';

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
    const pauseMs = this.pausedUntil - performance.now();
    if (pauseMs > 0) return heldBack('provider_paused', 'the provider asked for a pause', pauseMs);
    if (this.probe === 'out')
      return heldBack('provider_paused', 'another call shows whether the provider takes more', probedMs);
    const isProbe = this.probe === 'wanted';
    if (isProbe) this.probe = 'out';
    try {
      const answer = await this.breaker.execute(ask);
      // Unless another call was told to pause meanwhile: then one goes ahead of the others again.
      if (isProbe && this.probe === 'out') this.probe = 'none';
      if (answer.status === 'unknown' && answer.retryAfterMs !== undefined) {
        // guard: provider-pause-is-kept
        this.pause(answer.retryAfterMs);
      }
      return answer;
    } catch (error) {
      if (isProbe) this.probe = 'wanted';
      if (!(error instanceof BrokenCircuitError)) throw error;
      return heldBack('provider_silent', 'the provider has been silent for a while');
    }
  }

  private pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, performance.now() + Math.min(ms, pauseMsMax));
    this.probe = 'wanted';
  }
}

/** A provider that asks for a pause is not silent. */
const isSilence = (answer: GatewayAnswer) => answer.status === 'unknown' && answer.retryAfterMs === undefined;

const heldBack = (code: HeldBackCode, detail: string, retryAfterMs?: number): GatewayAnswer => ({
  status: 'not-asked',
  code,
  detail,
  retryAfterMs,
});
