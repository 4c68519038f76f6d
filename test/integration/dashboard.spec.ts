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

const assets = () => readdirSync(path.join(dist, 'assets')).filter((name) => !/\.(br|gz)$/.test(name));
const get = (url: string, headers: Record<string, string> = {}) => api.inject({ url, headers });

describe('GET of the dashboard', () => {
  it.each(['/', '/orders', '/orders/ord_01jd3v7q8ne05v7c0kq1e5m9tz', '/queues', '/products/A%2FB?x=1'])(
    'answers a browser with the page at %s',
    async (url) => {
      const answer = await get(url, html);

      expect([answer.statusCode, answer.body]).toEqual([200, page]);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.headers['cache-control']).toBe('no-cache');
    },
  );

  it.each(['/v1', '/v1/nothing', '/v1/admin/nothing', '/health/nothing', '/assets/nothing.js', '/metrics/x'])(
    'answers 404 instead of the page at %s, an address of the API',
    async (url) => {
      const answer = await get(url, html);

      expect(answer.statusCode).toBe(404);
      expect(answer.json()).toMatchObject({ code: 'not_found' });
    },
  );

  it('answers 404 to a program that does not accept HTML', async () => {
    for (const accept of ['application/json', '*/*']) {
      const answer = await get('/orders', { accept });
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found']);
    }
  });

  it('forbids content of other sites, inline scripts and frames', async () => {
    expect((await get('/', html)).headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; " +
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//);
  });

  it('answers 304 to a browser that has the page', async () => {
    const { headers } = await get('/', html);
    const again = await get('/orders', { ...html, 'if-none-match': String(headers.etag) });

    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  it('serves assets as immutable under names with a hash', async () => {
    const names = assets();

    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const answer = await get(`/assets/${name}`);
      expect(name).toMatch(/-[\w-]{8}\.\w+$/);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(answer.rawPayload.equals(readFileSync(path.join(dist, 'assets', name)))).toBe(true);
    }
  });

  it('compresses assets for clients that accept it', async () => {
    const script = assets().find((name) => name.endsWith('.js'))!;
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

  it('answers HEAD and a known ETag of an asset without its content', async () => {
    const url = `/assets/${assets()[0]}`;
    const { headers, rawPayload } = await get(url);
    const head = await api.inject({ method: 'HEAD', url });
    const again = await get(url, { 'if-none-match': String(headers.etag) });

    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([
      200,
      String(rawPayload.length),
      '',
    ]);
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  it('answers 404 for files outside the build', async () => {
    for (const url of [
      '/assets/../index.html',
      '/assets/..%2f..%2f..%2fpackage.json',
      '/assets/%2e%2e/%2e%2e/package.json',
      '/assets/',
      '/assets/constructor',
      `/assets/${assets().find((name) => name.endsWith('.js'))}.br`,
    ])
      expect((await get(url)).statusCode).toBe(404);
  });
});
