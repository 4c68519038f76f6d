/** The response; `body` is parsed if it is JSON. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  body: any;
}

export interface RequestOptions {
  headers?: Record<string, string>;
}

/** Longer than any `Prefer: wait`, so that only a response that never comes is cut off. */
const patienceMsDefault = 120_000;

/** A caller of one API process: a base address and a key, or none. */
export class HttpClient {
  constructor(
    readonly base: string,
    readonly key?: string,
    private readonly patienceMs = patienceMsDefault,
  ) {}

  /** The same caller at another API process. */
  at(base: string): HttpClient {
    return new HttpClient(base, this.key, this.patienceMs);
  }

  /** The same caller, with this timeout. */
  patientFor(ms: number): HttpClient {
    return new HttpClient(this.base, this.key, ms);
  }

  get(path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.send('GET', path, undefined, options);
  }

  post(path: string, body?: unknown, options: RequestOptions = {}): Promise<Answer> {
    return this.send('POST', path, body, options);
  }

  put(path: string, body?: unknown, options: RequestOptions = {}): Promise<Answer> {
    return this.send('PUT', path, body, options);
  }

  patch(path: string, body?: unknown, options: RequestOptions = {}): Promise<Answer> {
    return this.send('PATCH', path, body, options);
  }

  /** A string is sent as it is, anything else as JSON; `undefined` sends no body. */
  async send(method: string, path: string, body?: unknown, options: RequestOptions = {}): Promise<Answer> {
    const headers: Record<string, string> = {};
    if (this.key !== undefined) headers.authorization = `Bearer ${this.key}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const response = await fetch(this.base + path, {
      method,
      headers: { ...headers, ...options.headers },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(this.patienceMs),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What no response may contain: a stack trace, a statement, one of our files. */
const internals =
  /\n\s+at |\.[jt]s:\d+|node_modules|\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b|invalid byte sequence|invalid input syntax/;

export interface ExpectedProblem {
  status: number | number[];
  code?: string;
  /** One of the problem's `errors` with this pointer. */
  pointer?: string;
}

/** Every refusal is problem details (RFC 9457) with our extra members, and shows no internals. */
export function expectProblem(answer: Answer, { status, code, pointer }: ExpectedProblem): void {
  const received = { status: answer.status, code: answer.body?.code };
  expect({ ...received, allowed: [status].flat().includes(answer.status) }).toEqual({
    ...received,
    allowed: true,
  });
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({
    type: expect.stringMatching(/./),
    title: expect.stringMatching(/./),
    status: answer.status,
    code: expect.stringMatching(/^[a-z]+(_[a-z]+)*$/),
    detail: expect.stringMatching(/./),
    instance: expect.stringMatching(/^\//),
    requestId: answer.headers.get('x-request-id'),
    retryable: expect.any(Boolean),
  });
  expect(answer.text).not.toMatch(internals);
  if (code !== undefined) expect(answer.body.code).toBe(code);
  if (pointer !== undefined) {
    expect(answer.body.errors?.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  }
}
