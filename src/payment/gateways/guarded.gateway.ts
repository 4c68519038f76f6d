import { BrokenCircuitError, ConsecutiveBreaker, circuitBreaker, handleWhenResult } from 'cockatiel';
import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayResult,
  HeldBackCode,
  LookRequest,
  NotDone,
  PaymentGateway,
} from './gateway';

/** This many unknown results in a row are an outage, not chance. */
// guard: circuit-opens
const unknownMax = 20;
/** One call is let through after this long; its result decides whether the others may follow. */
const probeAfterMs = 5_000;
/** A pause requested for one order applies to all, but not for longer than this: it may concern that order alone. */
const pauseMsMax = 10_000;
/** When a call that waits for a probe may try again. */
const probedMs = 250;

/**
 * Keeps an outage of the provider from becoming a retry storm, and respects a provider that asks for a pause. A call that is
 * held back costs its saga no attempt; it is made later under the same key.
 *
 * - Many unknown results in a row open a circuit: no calls for a while, then one that decides about the others.
 * - "Too many requests, retry after a second" holds back all calls of this process for that second. Then one call goes
 *   first.
 */
export class GuardedGateway implements PaymentGateway {
  private readonly breaker = circuitBreaker(
    handleWhenResult((result) => isSilent(result as GatewayResult | NotDone)),
    { halfOpenAfter: probeAfterMs, breaker: new ConsecutiveBreaker(unknownMax) },
  );
  private pausedUntil = 0;
  private probe: 'none' | 'due' | 'out' = 'none';

  constructor(private readonly inner: PaymentGateway) {}

  authorize(request: AuthorizeRequest) {
    return this.guarded(() => this.inner.authorize(request));
  }

  charge(request: AuthorizeRequest) {
    return this.guarded(() => this.inner.charge(request));
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

  look(request: LookRequest) {
    return this.guarded(() => this.inner.look(request));
  }

  private async guarded<T extends GatewayResult | NotDone>(
    ask: () => Promise<T>,
  ): Promise<T | GatewayResult> {
    const pauseMs = this.pausedUntil - performance.now();
    if (pauseMs > 0) return heldBack('provider_paused', 'the provider asked for a pause', pauseMs);
    if (this.probe === 'out')
      return heldBack('provider_paused', 'another call shows whether the provider takes more', probedMs);
    const isProbe = this.probe === 'due';
    if (isProbe) this.probe = 'out';
    try {
      const result = await this.breaker.execute(ask);
      // Unless another call was asked to pause in between: then one goes first again.
      if (isProbe && this.probe === 'out') this.probe = 'none';
      // A lock on one payment says nothing about the others.
      if (result.status === 'unknown' && result.code !== 'key_in_use' && result.retryAfterMs !== undefined) {
        // guard: provider-pause-is-kept
        this.pause(result.retryAfterMs);
      }
      return result;
    } catch (error) {
      if (isProbe) this.probe = 'due';
      if (!(error instanceof BrokenCircuitError)) throw error;
      return heldBack('provider_silent', 'the provider has been silent for a while');
    }
  }

  private pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, performance.now() + Math.min(ms, pauseMsMax));
    this.probe = 'due';
  }
}

/** A provider that asks for a pause, refuses because it is busy or finds nothing is alive. */
const isSilent = (result: GatewayResult | NotDone) =>
  result.status === 'unknown' &&
  result.retryAfterMs === undefined &&
  result.code !== 'provider_busy' &&
  result.code !== 'not_found';

const heldBack = (code: HeldBackCode, detail: string, retryAfterMs?: number): GatewayResult => ({
  status: 'not-asked',
  code,
  detail,
  retryAfterMs,
});
