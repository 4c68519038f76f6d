import type { OperationNames } from '../payment-operations.repository';

/**
 * The payment provider as the checkout sees it: it may answer late, twice, or never.
 *
 * Each call carries the operation's idempotency key, so repeating it is safe and never charges twice. A gateway does not
 * throw for anything the provider did; it returns one of these results.
 */
export type GatewayResult = Final | Unknown | NotAsked;

type Final =
  /** Done. Amount and currency are what the provider reports; the caller compares them with what it asked for. */
  | { status: 'approved'; reference: string; amount: number; currency: string }
  /** A final no: nothing was done under this key, and nothing will be. */
  | { status: 'declined'; code: string; reference?: string };

/** It may have been done, or may still be. Ask again with the same key, after `retryAfterMs` at the earliest. */
interface Unknown {
  status: 'unknown';
  detail: string;
  retryAfterMs?: number;
  /** Why the result is unknown; `no_clear_answer` when absent. */
  code?: UnknownCode;
  httpStatus?: number;
}

/** Held back in this process: nothing was sent. */
interface NotAsked {
  status: 'not-asked';
  detail: string;
  retryAfterMs?: number;
  code?: HeldBackCode;
}

export type UnknownCode =
  /** No response: a timeout or a broken connection. */
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
  /** The provider's id of the authorization. */
  authorization: string;
}

export interface PaymentGateway {
  authorize(request: AuthorizeRequest): Promise<GatewayResult>;
  capture(request: FollowUpRequest): Promise<GatewayResult>;
  void(request: FollowUpRequest): Promise<GatewayResult>;
  refund(request: FollowUpRequest): Promise<GatewayResult>;
}

/** Inject with `@Inject(GATEWAY) gateway: PaymentGateway`. */
export const GATEWAY = Symbol('payment gateway');
