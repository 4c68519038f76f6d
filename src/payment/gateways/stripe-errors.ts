import Stripe from 'stripe';
import type { GatewayResult, UnknownCode } from './gateway';

type StripeError = InstanceType<typeof Stripe.errors.StripeError>;

/** Parameters with a value that the shop sends for the buyer. */
export const callersFields = [
  'payment_method',
  'customer',
  'off_session',
  'setup_future_usage',
  'return_url',
  'statement_descriptor_suffix',
  'receipt_email',
] as const;

/** They depend on the account's settlement currency, so our own table cannot be sure of them. */
export const callersAmounts = ['amount_too_small', 'amount_too_large'];

/** Another card cannot cure these; nor does the bank want another attempt. */
const finalDeclines = ['lost_card', 'stolen_card', 'pickup_card', 'fraudulent', 'merchant_blacklist'];

/**
 * Turns an error into a result. Only what the buyer or the shop's input caused is a no. A request that Stripe refuses for
 * another reason is our mistake; a server error, a timeout or a key in use says nothing about the operation.
 *
 * `sent`: the parameters of the request. A demand for one that the shop left out is our mistake too, and must not reject
 * every order.
 */
export function resultOfError(error: unknown, sent: object = {}): GatewayResult {
  if (!(error instanceof Stripe.errors.StripeError))
    return unknown(`unexpected: ${(error as Error).message}`);
  if (error instanceof Stripe.errors.StripeCardError) return declinedCard(error);
  if (error instanceof Stripe.errors.StripeIdempotencyError)
    return unknown(described(error), { code: 'key_conflict', httpStatus: error.statusCode });
  // 400 and 404. Not 409 (the first call with this key is still running) or 429: the SDK has other classes for these.
  // guard: key-in-use-is-unknown
  if (error instanceof Stripe.errors.StripeInvalidRequestError) return refusedRequest(error, sent);
  if (error.statusCode === 401 || error.statusCode === 403) return misused(error);
  // guard: silence-is-unknown
  return unknown(described(error), {
    code: unknownCodeOf(error),
    httpStatus: error.statusCode,
    retryAfterMs: retryAfterMs(error),
  });
}

function declinedCard(error: InstanceType<typeof Stripe.errors.StripeCardError>): GatewayResult {
  const intent = error.payment_intent;
  return {
    ...declineOf(error, 'card_declined'),
    ...(intent && { reference: intent.id }),
    ...(intent?.status === 'requires_payment_method' && { isOpen: true }),
  };
}

/** What a card error says; also the one that an intent remembers. */
export function declineOf(
  error: { decline_code?: string; code?: string; advice_code?: string } | null,
  otherwise: string,
): { status: 'declined'; code: string; mayTryAnotherCard: boolean } {
  const code = error?.decline_code ?? error?.code ?? otherwise;
  const isFinal = finalDeclines.includes(code) || error?.advice_code === 'do_not_try_again';
  return { status: 'declined', code, mayTryAnotherCard: !isFinal };
}

function refusedRequest(error: StripeError, sent: object): GatewayResult {
  const { code, param } = error as { code?: string; param?: string };
  if (code && callersAmounts.includes(code)) return { status: 'declined', code, mayTryAnotherCard: false };
  if (param && param in sent && callersFields.some((field) => field === param))
    return { status: 'declined', code: `invalid_${param}`, mayTryAnotherCard: true };
  return misused(error);
}

function misused(error: StripeError): GatewayResult {
  return {
    // guard: our-mistake-is-no-decline
    status: 'misused',
    code: error.code ?? error.rawType ?? error.type,
    requestId: error.requestId,
    detail: described(error),
    httpStatus: error.statusCode,
  };
}

/** Without a status there was no response. */
function unknownCodeOf({ statusCode, headers, code }: StripeError): UnknownCode {
  if (statusCode === undefined) return 'no_answer';
  if (statusCode >= 500) {
    // guard: saved-error-is-recognised
    return headers?.['idempotent-replayed'] === 'true' ? 'saved_error' : 'provider_error';
  }
  if (statusCode === 409) return 'key_in_use';
  // A lock on one object says nothing about the account's rate.
  if (statusCode === 429) return code === 'lock_timeout' ? 'key_in_use' : 'provider_busy';
  return 'no_clear_answer';
}

export function retryAfterMs(error: StripeError): number | undefined {
  const seconds = Number(error.headers?.['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 300) * 1_000 : undefined;
}

const described = (error: StripeError): string =>
  `${error.type}${error.statusCode ? ` ${error.statusCode}` : ''}: ${error.message}`;

export function unknown(
  detail: string,
  more: { code?: UnknownCode; httpStatus?: number; retryAfterMs?: number } = {},
): GatewayResult {
  return { status: 'unknown', code: 'no_clear_answer', detail, ...more };
}
