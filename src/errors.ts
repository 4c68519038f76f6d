/**
 * An error for the caller: a stable code, a status and facts. Its message says what happened and what to do next.
 * `http/problem.filter.ts` sends it as problem details (RFC 9457).
 */
export abstract class HoldfastError extends Error {
  abstract readonly code: string;
  abstract readonly status: number;
  /** A short sentence, the same for every error with this code. */
  abstract readonly title: string;
  /** Whether the same request may succeed later, unchanged. */
  readonly retryable: boolean = false;
  /** Seconds for `Retry-After`. Every 429 and 503 must have it. */
  readonly retryAfterSeconds?: number;

  /** Members to add to the problem: shortfalls, errors, the order. */
  facts(): Record<string, unknown> {
    return {};
  }
}

/** An error without its own class. */
export class Refusal extends HoldfastError {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  override readonly retryable: boolean;
  override readonly retryAfterSeconds?: number;
  private readonly members: Record<string, unknown>;

  constructor(type: ProblemType, detail: string, members: Record<string, unknown> = {}) {
    super(detail);
    this.code = type.code;
    this.status = type.status;
    this.title = type.title;
    this.retryable = type.retryable ?? false;
    this.retryAfterSeconds = type.retryAfterSeconds;
    this.members = members;
  }

  override facts() {
    return this.members;
  }
}

export interface ProblemType {
  code: string;
  status: number;
  title: string;
  retryable?: boolean;
  retryAfterSeconds?: number;
}

/** All kinds of refusals, for the OpenAPI description and the page of problems. */
export const problemTypes: ProblemType[] = [];

/** Declares a problem type whose error has its own class. */
export function declareProblem(type: ProblemType): ProblemType {
  problemTypes.push(type);
  return type;
}

/** Declares a refusal's code, status and title. Call the result to make the error. */
export function refusal(type: ProblemType) {
  declareProblem(type);
  const make = (detail: string, members?: Record<string, unknown>) => new Refusal(type, detail, members);
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
  static readonly type = declareProblem({
    code: 'validation_failed',
    status: 422,
    title: 'The request is not valid',
  });
  readonly code = ValidationFailed.type.code;
  readonly status = ValidationFailed.type.status;
  readonly title = ValidationFailed.type.title;

  readonly errors: FieldError[];
  private readonly omitted: number;

  /** `more`: how many further errors there are. */
  constructor(errors: FieldError[], more = 0) {
    super(
      errors
        .slice(0, errorsMax)
        .map((error) => `${error.pointer || 'body'}: ${error.detail}`)
        .join(' ')
        .slice(0, 1_000),
    );
    this.errors = errors.slice(0, errorsMax);
    this.omitted = errors.length - this.errors.length + more;
  }

  override facts() {
    return this.omitted > 0 ? { errors: this.errors, errorsOmitted: this.omitted } : { errors: this.errors };
  }
}

export const notFound = refusal({
  code: 'not_found',
  status: 404,
  title: 'There is nothing at this address',
});
export const unauthenticated = refusal({
  code: 'unauthenticated',
  status: 401,
  title: 'A valid key is required',
});
export const forbidden = refusal({ code: 'forbidden', status: 403, title: 'The key may not do this' });
export const malformedRequest = refusal({
  code: 'malformed_request',
  status: 400,
  title: 'The request cannot be read',
});
export const bodyTooComplex = refusal({
  code: 'body_too_complex',
  status: 400,
  title: 'The body is nested too deeply or has too many members',
});
export const bodyTooLarge = refusal({
  code: 'body_too_large',
  status: 413,
  title: 'The body is too large',
});
export const requestTimeout = refusal({
  code: 'request_timeout',
  status: 408,
  title: 'The request did not arrive in time',
  retryable: true,
});
export const tooManyPipelined = refusal({
  code: 'too_many_pipelined',
  status: 429,
  title: 'Too many requests sent ahead on one connection',
  retryable: true,
  retryAfterSeconds: 1,
});
export const headersTooLarge = refusal({
  code: 'headers_too_large',
  status: 431,
  title: 'The headers are too large',
});
export const unsupportedMediaType = refusal({
  code: 'unsupported_media_type',
  status: 415,
  title: 'The body must be JSON in UTF-8, not compressed',
});
export const preconditionRequired = refusal({
  code: 'precondition_required',
  status: 428,
  title: 'An If-Match header is required',
});
export const preconditionFailed = refusal({
  code: 'precondition_failed',
  status: 412,
  title: 'A precondition of the request does not hold',
});
export const internalError = refusal({
  code: 'internal_error',
  status: 500,
  title: 'Something broke on our side',
  retryable: true,
});
export const unavailable = refusal({
  code: 'unavailable',
  status: 503,
  title: 'The service cannot do this right now',
  retryable: true,
  retryAfterSeconds: 1,
});
