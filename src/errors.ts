/** What all problems of one type share. The code is stable, and the title is the same for each of them. */
export interface ProblemType {
  code: string;
  status: number;
  title: string;
  /** Whether the same request may succeed later, unchanged. */
  retryable?: boolean;
  /** Seconds for `Retry-After`. Every 429 and 503 must have it. */
  retryAfterSeconds?: number;
}

/**
 * An error for the caller: a problem type and facts. Its message says what happened and what to do next.
 * `http/problem.filter.ts` sends it as problem details (RFC 9457).
 */
export class HoldfastError extends Error {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number;

  /** `facts`: members to add to the problem, such as shortfalls, errors, the order. */
  constructor(
    type: ProblemType,
    detail: string,
    readonly facts: Record<string, unknown> = {},
  ) {
    super(detail);
    this.code = type.code;
    this.status = type.status;
    this.title = type.title;
    this.retryable = type.retryable ?? false;
    this.retryAfterSeconds = type.retryAfterSeconds;
  }

  /** The same refusal where waiting alone may change it. */
  forNow(): this {
    return Object.assign(this, { retryable: true, retryAfterSeconds: 1 });
  }
}

/** All problem types, for the OpenAPI description and the page of problems. */
export const problemTypes: ProblemType[] = [];

type Retry = Pick<ProblemType, 'retryable' | 'retryAfterSeconds'>;

/** Declares a problem type whose error has its own class. */
export function declareProblem(status: number, code: string, title: string, retry: Retry = {}): ProblemType {
  const type = { code, status, title, ...retry };
  problemTypes.push(type);
  return type;
}

/** Declares a problem type. Call the result to make the error. */
export function refusal(status: number, code: string, title: string, retry?: Retry) {
  const type = declareProblem(status, code, title, retry);
  const make = (detail: string, facts?: Record<string, unknown>) => new HoldfastError(type, detail, facts);
  return Object.assign(make, { type });
}

export interface FieldError {
  /** RFC 6901 JSON pointer into the body, e.g. `/lines/0/quantity`. */
  pointer: string;
  code: string;
  detail: string;
}

/** Enough for honest mistakes. Without a limit the response could be larger than the request. */
export const errorsMax = 20;

export class ValidationFailed extends HoldfastError {
  static readonly type = declareProblem(422, 'validation_failed', 'The request is not valid');
  readonly errors: FieldError[];

  /** `more`: how many further errors there are. `members`: to add to the problem. */
  constructor(all: FieldError | FieldError[], more = 0, members: Record<string, unknown> = {}) {
    const errors = [all].flat();
    const shown = errors.slice(0, errorsMax);
    const errorsOmitted = errors.length - shown.length + more;
    const detail = shown.map((error) => `${error.pointer || 'body'}: ${error.detail}`).join(' ');
    const omitted = errorsOmitted > 0 ? { errorsOmitted } : {};
    super(ValidationFailed.type, detail.slice(0, 1_000), { errors: shown, ...omitted, ...members });
    this.errors = shown;
  }
}

export const notFound = refusal(404, 'not_found', 'There is nothing at this address');
export const unauthenticated = refusal(401, 'unauthenticated', 'A valid key is required');
export const forbidden = refusal(403, 'forbidden', 'The key may not do this');
export const wrongCell = refusal(421, 'wrong_cell', 'Another cell serves this');
export const malformedRequest = refusal(400, 'malformed_request', 'The request cannot be read');
export const bodyTooComplex = refusal(
  400,
  'body_too_complex',
  'The body is nested too deeply or has too many members',
);
export const bodyTooLarge = refusal(413, 'body_too_large', 'The body is too large');
export const requestTimeout = refusal(408, 'request_timeout', 'The request did not arrive in time', {
  retryable: true,
});
export const tooManyPipelined = refusal(
  429,
  'too_many_pipelined',
  'Too many requests sent ahead on one connection',
  { retryable: true, retryAfterSeconds: 1 },
);
export const headersTooLarge = refusal(431, 'headers_too_large', 'The headers are too large');
export const unsupportedMediaType = refusal(
  415,
  'unsupported_media_type',
  'The body must be JSON in UTF-8, not compressed',
);
export const preconditionRequired = refusal(428, 'precondition_required', 'An If-Match header is required');
export const preconditionFailed = refusal(
  412,
  'precondition_failed',
  'A precondition of the request does not hold',
);
export const internalError = refusal(500, 'internal_error', 'Something broke on our side', {
  retryable: true,
});
export const unavailable = refusal(503, 'unavailable', 'The service cannot do this right now', {
  retryable: true,
  retryAfterSeconds: 1,
});
