/** A refusal as the API words it (`application/problem+json`), or the lack of any answer, in the same form. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string | null;
  /** Seconds, when the API said how long to wait. */
  readonly retryAfter: number | null;
  /** Whatever else the problem carries: shortfalls, both versions of an edited product, counts. */
  readonly facts: Record<string, unknown>;

  constructor(status: number, body: Record<string, unknown>, retryAfter: number | null = null) {
    const text = (name: string, otherwise: string): string =>
      typeof body[name] === 'string' ? body[name] : otherwise;
    super(text('detail', text('title', `The answer was ${status}.`)));
    this.status = status;
    this.code = text('code', 'unknown');
    this.title = text('title', `Answer ${status}`);
    this.detail = this.message;
    this.requestId = typeof body.requestId === 'string' ? body.requestId : null;
    this.retryAfter = retryAfter;
    this.facts = body;
  }
}

/** No answer at all: nothing is known about what became of the call. */
export const noAnswer = (): Problem =>
  new Problem(0, {
    code: 'no_answer',
    title: 'No answer',
    detail: 'The service did not answer. Nothing more is known; the same call can be sent again.',
  });

export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const facts = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  return new Problem(response.status, facts, Number.isFinite(seconds) ? seconds : null);
}

/** Whatever was thrown, as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : noAnswer();
}
