import type { OperationNames } from '../payment-operations';

/**
 * The payment provider, as the checkout sees it: a stranger who may answer late.
 *
 * Each call carries the operation's own idempotency key, so asking again is always safe and never charges twice. A gateway never throws for what the provider did or did not say: it answers one of these.
 */
export type GatewayAnswer =
  /** Done. Amount and currency are the provider's own words; whoever asked compares them. */
  | { status: 'approved'; reference: string; amount: number; currency: string }
  /** A no, and final: nothing was done under this key and nothing will be. */
  | { status: 'declined'; code: string; reference?: string }
  /** Not heard: it may have been done, or still be done. Ask again with the same key, not sooner than this. */
  | { status: 'unknown'; detail: string; retryAfterMs?: number }
  /** Held back on our side: not a byte left, so nothing was begun that was not begun before. */
  | { status: 'not-asked'; detail: string; retryAfterMs?: number };

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
