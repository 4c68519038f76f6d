import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openApis } from '../support/api';
import { root } from '../support/child';

const dist = path.join(root, 'dashboard', 'dist');
const page = readFileSync(path.join(dist, 'index.html'), 'utf8');
const html = { accept: 'text/html,application/xhtml+xml' };

let api: NestFastifyApplication;
let close: () => Promise<void>;
beforeAll(async () => {
  const opened = await openApis(1);
  [api] = opened.apis as [NestFastifyApplication];
  close = () => opened.close();
});
afterAll(() => close());

const get = (url: string, headers: Record<string, string> = {}) => api.inject({ url, headers });

describe('the dashboard', () => {
  it.each(['/', '/orders', '/orders/ord_01jd3v7q8nf0xv7c0kq1e5m9tz', '/queues', '/products/A%2FB?x=1'])(
    'is the answer to a browser at %s',
    async (url) => {
      const answer = await get(url, html);

      expect([answer.statusCode, answer.body]).toEqual([200, page]);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.headers['cache-control']).toBe('no-cache');
    },
  );

  it.each(['/v1', '/v1/nothing', '/v1/admin/nothing', '/health/nothing', '/assets/nothing.js', '/metrics/x'])(
    'is not the answer at %s, which is the API’s',
    async (url) => {
      const answer = await get(url, html);

      expect(answer.statusCode).toBe(404);
      expect(answer.json()).toMatchObject({ code: 'not_found' });
    },
  );

  it('is not the answer to a program', async () => {
    for (const accept of ['application/json', '*/*']) {
      const answer = await get('/orders', { accept });
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found']);
    }
  });

  it('may load nothing from elsewhere, run nothing inline, and stand in no frame', async () => {
    expect((await get('/', html)).headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; " +
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//);
  });

  it('is not sent again to a browser that has it', async () => {
    const { headers } = await get('/', html);
    const again = await get('/orders', { ...html, 'if-none-match': String(headers.etag) });

    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  it('has assets that are kept for ever, under names that change with what is in them', async () => {
    const names = readdirSync(path.join(dist, 'assets')).filter((name) => !/\.(br|gz)$/.test(name));

    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const answer = await get(`/assets/${name}`);
      expect(name).toMatch(/-[\w-]{8}\.\w+$/);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(answer.rawPayload.equals(readFileSync(path.join(dist, 'assets', name)))).toBe(true);
    }
  });

  it('is sent small to those who can unpack it', async () => {
    const script = readdirSync(path.join(dist, 'assets')).find((name) => name.endsWith('.js'))!;
    const whole = await get(`/assets/${script}`);
    for (const [accepts, encoding, unpack] of [
      ['gzip, deflate, br', 'br', brotliDecompressSync],
      ['gzip, br;q=0', 'gzip', gunzipSync],
    ] as const) {
      const packed = await get(`/assets/${script}`, { 'accept-encoding': accepts });
      expect(packed.headers).toMatchObject({ 'content-encoding': encoding, vary: 'accept-encoding' });
      expect(packed.rawPayload.length).toBeLessThan(whole.rawPayload.length);
      expect(unpack(packed.rawPayload).equals(whole.rawPayload)).toBe(true);
    }
  });

  it('gives nothing away beside what was built', async () => {
    for (const url of [
      '/assets/../index.html',
      '/assets/..%2f..%2f..%2fpackage.json',
      '/assets/%2e%2e/%2e%2e/package.json',
      '/assets/',
      '/assets/constructor',
    ])
      expect((await get(url)).statusCode).toBe(404);
  });
});
