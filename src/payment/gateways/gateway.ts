import type { SentOptions } from '../payment-options';
import type { OperationNames } from '../operation-names';
import type { OperationKind } from '../payment-operations.repository';

/**
 * The payment provider as the checkout sees it: it may answer late, twice, or never.
 *
 * Each call carries the operation's idempotency key, so repeating it is safe and never charges twice. A gateway does not
 * throw for anything the provider did; it returns one of these results.
 */
export type GatewayResult = Approved | Pending | Declined | RefundFailed | Misused | Unknown | NotAsked;

/** Done. Amount and currency are what the provider reports; the caller compares them with what it asked for. */
interface Approved {
  status: 'approved';
  reference: string;
  amount: number;
  currency: string;
  /** Until when an authorization can be captured, if it was asked for and the provider says so. */
  captureBefore?: Date;
}

/** The provider has it and has not decided. From now on it is looked up by its reference. */
interface Pending {
  status: 'pending';
  reference: string;
  /** `buyer`: 3-D Secure. `provider`: an authorization that is processing, a refund on its way. */
  waitsFor: 'buyer' | 'provider';
}

/** A final no that the buyer's card or input caused: nothing was done under this key, and nothing will be. */
interface Declined {
  status: 'declined';
  /** Stripe's `decline_code` or `code`, or `invalid_<field>` for a value that the shop sent. */
  code: string;
  mayTryAnotherCard?: boolean;
  reference?: string;
  /** The provider's payment is still open: a browser that has its secret can confirm it with another card, until it is canceled. */
  isOpen?: true;
}

/** The refund was made and did not reach the customer. */
interface RefundFailed {
  status: 'failed';
  reference: string;
  reason: string;
}

/** Our mistake: a wrong key, permission, address or parameter. Nothing was done; after the fix it can be asked again. */
interface Misused {
  status: 'misused';
  /** Stripe's. */
  code: string;
  requestId?: string;
  detail: string;
  httpStatus?: number;
}

/** It may have been done, or may still be. */
interface Unknown {
  status: 'unknown';
  detail: string;
  retryAfterMs?: number;
  /** Why the result is unknown; `no_clear_answer` when absent. */
  code?: UnknownCode;
  httpStatus?: number;
  /** A look after a saved error found that nothing was done: the next number may be sent, under a new key. */
  nothingWasDone?: true;
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
  /** The key holds an error, which every repeat gets. */
  | 'saved_error'
  /** The key was used with other parameters, by another build. */
  | 'key_conflict'
  /** Refused before anything happened, because there were too many requests. */
  | 'provider_busy'
  | 'key_in_use'
  | 'still_processing'
  | 'access_refused'
  /** A search found nothing, and may find it later. */
  | 'not_found'
  | 'no_clear_answer';

export type HeldBackCode = 'provider_silent' | 'provider_paused' | 'held_back';

/** The provider shows that it was not done. */
export interface NotDone {
  status: 'not-done';
  detail: string;
}

export interface AuthorizeRequest extends OperationNames {
  amount: number;
  currency: string;
  paymentMethod: string;
  options: SentOptions;
  /** Until when can it be captured? */
  asksDeadline?: boolean;
}

/** What follows an authorization: capture all of it, void it, or refund what was captured. */
export interface FollowUpRequest extends OperationNames {
  amount: number;
  currency: string;
  /** The provider's id of the authorization. */
  authorization: string;
}

export interface LookRequest extends Pick<OperationNames, 'account' | 'metadata'> {
  kind: OperationKind;
  /** The provider's id of the authorization. Null: it is searched by the metadata, which may lag by a minute. */
  authorization: string | null;
  asksDeadline?: boolean;
}

export interface PaymentGateway {
  authorize(request: AuthorizeRequest): Promise<GatewayResult>;
  /** Authorizes and captures in one call. */
  charge(request: AuthorizeRequest): Promise<GatewayResult>;
  capture(request: FollowUpRequest): Promise<GatewayResult>;
  void(request: FollowUpRequest): Promise<GatewayResult>;
  refund(request: FollowUpRequest): Promise<GatewayResult>;
  /** Reads what became of an operation. It moves no money, so it needs no key. */
  look(request: LookRequest): Promise<GatewayResult | NotDone>;
}

/** Inject with `@Inject(GATEWAY) gateway: PaymentGateway`. */
export const GATEWAY = Symbol('payment gateway');
