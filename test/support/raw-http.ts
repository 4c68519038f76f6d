import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openApis } from './api';
import { patienceMs } from './until';

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** Parsed, where it is JSON. */
  body: any;
}

export interface RawRequest {
  headers?: Record<string, string | number>;
  /** Sent byte for byte; several chunks are sent as they are, with `Transfer-Encoding: chunked`. */
  body?: string | Buffer;
  chunks?: Buffer[];
}

/** For requests that `fetch` would correct: bytes that are not text, HEAD, empty bodies with a content type. */
export function sendRaw(url: string, method: string, { headers = {}, body, chunks }: RawRequest = {}) {
  return new Promise<RawAnswer>((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false, timeout: patienceMs }, (incoming) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: incoming.statusCode!, headers: incoming.headers, text, body: parsed(text) });
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${url} was not answered.`)));
    outgoing.on('error', reject);
    if (chunks) {
      outgoing.setHeader('transfer-encoding', 'chunked');
      for (const chunk of chunks) outgoing.write(chunk);
      outgoing.end();
    } else outgoing.end(body);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One API on a real socket, with a product A and an admin key. Open while the tests of the suite run. */
export class RawApi {
  app!: NestFastifyApplication;
  base!: string;
  private closeAll: () => Promise<void> = async () => undefined;

  async open(): Promise<void> {
    const opened = await openApis(1);
    [this.app] = opened.apis as [NestFastifyApplication];
    this.closeAll = opened.close;
    await this.app.listen({ host: '127.0.0.1', port: 0 });
    this.base = await this.app.getUrl();
    await this.product('A');
  }

  close = (): Promise<void> => this.closeAll();

  send(method: string, path: string, { headers, ...rest }: RawRequest = {}): Promise<RawAnswer> {
    return sendRaw(this.base + path, method, {
      headers: { authorization: 'Bearer hf_dev_admin', ...headers },
      ...rest,
    });
  }

  /** Text and bytes are sent as they are, anything else as JSON. */
  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<RawAnswer> {
    return this.send('POST', path, {
      headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID(), ...headers },
      body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    });
  }

  reserve(more: object, key: string = randomUUID()): Promise<RawAnswer> {
    const body = { customerId: 'cus_1', lines: [{ sku: 'A', quantity: 1 }], ...more };
    return this.post('/v1/reservations', body, { 'idempotency-key': key });
  }

  put(sku: string, body: object, headers: Record<string, string> = {}): Promise<RawAnswer> {
    return this.send('PUT', `/v1/admin/products/${sku}`, {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ name: 'x', unitPrice: { amount: 500, currency: 'EUR' }, ...body }),
    });
  }

  async product(sku: string, amount = 500): Promise<void> {
    const answer = await this.put(sku, { unitPrice: { amount, currency: 'EUR' }, onHand: 1_000_000 });
    if (answer.status !== 201) throw new Error(`PUT product: ${answer.status} ${answer.text}`);
  }
}

export function openRawApi(): RawApi {
  const api = new RawApi();
  beforeAll(() => api.open());
  afterAll(() => api.close());
  return api;
}

export const pointersOf = (answer: RawAnswer): string[] =>
  (answer.body.errors as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer) ?? [];

export function expectRefused(answer: RawAnswer, status: number, code: string): void {
  expect([answer.status, answer.body?.code]).toEqual([status, code]);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
}
