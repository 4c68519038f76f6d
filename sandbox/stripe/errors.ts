/** The API version of the sandbox's shapes; responses and events name it. */
export const apiVersion = '2026-10-28.endive';

/** Stripe's advice to its SDKs: the same request may well succeed. */
const mayRetry = { 'stripe-should-retry': 'true' };

/** The `error` member of a response. */
export interface StripeErrorBody {
  type: 'card_error' | 'invalid_request_error' | 'idempotency_error' | 'api_error';
  message: string;
  code?: string;
  decline_code?: string;
  param?: string;
}

/**
 * A refusal from before execution: nothing was executed or saved under the idempotency key, and the same key may be used
 * again. Refusals after execution began (a decline, a wrong state) are ledger entries instead.
 */
export class StripeError extends Error {
  constructor(
    readonly status: number,
    readonly body: StripeErrorBody,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(body.message);
  }
}

/** The error as it is sent: with the links that Stripe adds. */
export function renderError(error: StripeErrorBody, requestId: string | null): object {
  return {
    ...error,
    ...(error.code !== undefined && {
      doc_url: `https://docs.stripe.com/error-codes#${error.code.replaceAll('_', '-')}`,
    }),
    ...(requestId !== null && { request_log_url: `https://dashboard.stripe.com/test/logs/${requestId}` }),
  };
}

export function invalidRequest(message: string, code?: string, param?: string): StripeError {
  return new StripeError(400, {
    type: 'invalid_request_error',
    ...(code && { code }),
    message,
    ...(param && { param }),
  });
}

export function parameterMissing(param: string): StripeError {
  return invalidRequest(`Missing required param: ${param}.`, 'parameter_missing', param);
}

export function accountInvalid(account: string): StripeError {
  return new StripeError(403, {
    type: 'invalid_request_error',
    code: 'account_invalid',
    message: `The provided key does not have access to account '${account}' (or that account does not exist). Application access may have been revoked.`,
  });
}

export function resourceMissing(
  kind: string,
  id: string,
  param: string,
  status: 400 | 404 = 404,
): StripeError {
  return new StripeError(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${kind}: '${id}'`,
    param,
  });
}

export function unknownUrl(method: string, url: string): StripeError {
  return new StripeError(404, {
    type: 'invalid_request_error',
    message: `Unrecognized request URL (${method}: ${url}).`,
  });
}

/** Shows only the key's last four characters, as Stripe does: responses end up in logs. */
export function unauthorized(key: string | undefined): StripeError {
  const message =
    key === undefined
      ? 'You did not provide an API key. Send it as a Bearer token in the Authorization header.'
      : `Invalid API Key provided: ****${key.slice(-4)}`;
  return new StripeError(401, { type: 'invalid_request_error', message });
}

/** Nothing of a live key is repeated: responses end up in logs. */
export function liveKey(): StripeError {
  return new StripeError(401, {
    type: 'invalid_request_error',
    code: 'livemode_mismatch',
    message:
      'This is a live key of Stripe, and this is the payment sandbox: it moves no real money. Unset STRIPE_API_URL to reach Stripe, and roll the key if it may have been logged here.',
  });
}

export function permissionMissing(key: string, permission: string): StripeError {
  return new StripeError(403, {
    type: 'invalid_request_error',
    message:
      `The provided key '****${key.slice(-4)}' does not have the required permissions for this endpoint. ` +
      `Having the '${permission}' permission would allow this request to continue.`,
  });
}

export function unknownVersion(version: string): StripeError {
  return invalidRequest(
    `Invalid Stripe API version: ${version}. The payment sandbox only knows ${apiVersion}.`,
    undefined,
    'Stripe-Version',
  );
}

export function keyInUse(key: string): StripeError {
  return new StripeError(
    409,
    {
      type: 'idempotency_error',
      code: 'idempotency_key_in_use',
      message: `A request with the idempotency key '${key}' is still in progress. Try again later with the same key.`,
    },
    mayRetry,
  );
}

export function keyReused(key: string): StripeError {
  return new StripeError(400, {
    type: 'idempotency_error',
    message: `The idempotency key '${key}' was first used with other parameters. Use another key for another request.`,
  });
}

/** Stripe does not promise `Retry-After`. */
export function rateLimited({ hasRetryAfter = true } = {}): StripeError {
  return new StripeError(
    429,
    {
      type: 'invalid_request_error',
      code: 'rate_limit',
      message: 'Request rate limit exceeded. Send fewer requests, and try again later.',
    },
    { ...mayRetry, ...(hasRetryAfter && { 'retry-after': '1' }) },
  );
}

/** Another request works on the same object. */
export function lockTimeout(): StripeError {
  return new StripeError(
    429,
    {
      type: 'invalid_request_error',
      code: 'lock_timeout',
      message: 'This object cannot be accessed right now because another request is using it. Try again.',
    },
    mayRetry,
  );
}

export function apiError(): StripeError {
  return new StripeError(500, {
    type: 'api_error',
    message: 'The payment sandbox fails this request on purpose. Nothing was executed.',
  });
}

/** A 500 that says nothing about what was done, and is saved under the key. */
export const savedApiError: StripeErrorBody = {
  type: 'api_error',
  message: 'The payment sandbox fails this request on purpose. It may have been executed.',
};

export type DeclineCode = 'generic_decline' | 'insufficient_funds' | 'authentication_required';

const declineMessages: Readonly<Record<DeclineCode, string>> = {
  generic_decline: 'Your card was declined.',
  insufficient_funds: 'Your card has insufficient funds.',
  authentication_required: 'Your card was declined. This transaction requires authentication.',
};

/** The body of a 402. A decline is final, so it is recorded and replayed like a success. */
export function cardDeclined(declineCode: DeclineCode): StripeErrorBody {
  return {
    type: 'card_error',
    code: declineCode === 'authentication_required' ? declineCode : 'card_declined',
    decline_code: declineCode,
    message: declineMessages[declineCode],
  };
}
