import type { OperationNames } from '../payment-operations';

/**
 * The payment provider, as the checkout sees it: a stranger who may answer late.
 *
 * Each call carries the operation's own idempotency key, so asking again is always safe and never charges twice. A gateway never throws for what the provider did or did not say: it answers one of these.
 */
export type GatewayAnswer = Answered | NotHeard | NotAsked;

type Answered =
  /** Done. Amount and currency are the provider's own words; whoever asked compares them. */
  | { status: 'approved'; reference: string; amount: number; currency: string }
  /** A no, and final: nothing was done under this key and nothing will be. */
  | { status: 'declined'; code: string; reference?: string };

/** It may have been done, or still be done. Ask again with the same key, not sooner than this. */
interface NotHeard {
  status: 'unknown';
  detail: string;
  retryAfterMs?: number;
  /** What was heard instead of an answer; `no_clear_answer` when it is left out. */
  code?: SilenceCode;
  httpStatus?: number;
}

/** Held back on our side: not a byte left, so nothing was begun that was not begun before. */
interface NotAsked {
  status: 'not-asked';
  detail: string;
  retryAfterMs?: number;
  code?: HeldBackCode;
}

export type SilenceCode =
  /** Nothing came back: a timeout, or a connection that broke. */
  | 'no_answer'
  | 'provider_error'
  | 'provider_busy'
  | 'key_in_use'
  | 'still_processing'
  | 'access_refused'
  | 'no_clear_answer';

export type HeldBackCode = 'provider_silent' | 'provider_paused' | 'held_back';

export interface AuthorizeRequest extends OperationNames {
  amount: number;
  currency: string;
  paymentMethod: string;
}

/** What follows an authorization: capture all of it, void it, or refund what was captured. */
export interface FollowUpRequest extends OperationNames {
  amount: number;
  currency: string;
  /** The provider's own id of the authorization. */
  authorization: string;
}

export interface PaymentGateway {
  authorize(request: AuthorizeRequest): Promise<GatewayAnswer>;
  capture(request: FollowUpRequest): Promise<GatewayAnswer>;
  void(request: FollowUpRequest): Promise<GatewayAnswer>;
  refund(request: FollowUpRequest): Promise<GatewayAnswer>;
}

/** Inject with `@Inject(GATEWAY) gateway: PaymentGateway`. */
export const GATEWAY = Symbol('payment gateway');
