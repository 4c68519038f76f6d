/** An error response of the API (`application/problem+json`), or a missing response in the same form. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string | null;
  /** Seconds to wait, from Retry-After. */
  readonly retryAfter: number | null;
  /** The whole body, for example with shortfalls or both versions of an edited product. */
  readonly facts: Record<string, unknown>;

  constructor(status: number, body: Record<string, unknown>, retryAfter: number | null = null) {
    const text = (name: string, otherwise: string): string =>
      typeof body[name] === 'string' ? body[name] : otherwise;
    super(text('detail', text('title', `The service answered with status ${status}.`)));
    this.status = status;
    this.code = text('code', 'unknown');
    this.title = text('title', `Status ${status}`);
    this.detail = this.message;
    this.requestId = typeof body.requestId === 'string' ? body.requestId : null;
    this.retryAfter = retryAfter;
    this.facts = body;
  }
}

/** No response: it is not known whether the request was carried out. */
export const noResponse = (): Problem =>
  new Problem(0, {
    code: 'no_answer',
    title: 'No answer',
    detail: 'The service did not answer. It is safe to try again.',
  });

export async function readProblem(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const facts = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  return new Problem(response.status, facts, Number.isFinite(seconds) ? seconds : null);
}

/** Turns anything thrown into a problem that can be shown. */
export function toProblem(error: unknown): Problem {
  return error instanceof Problem ? error : noResponse();
}
