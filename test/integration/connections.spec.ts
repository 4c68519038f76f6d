import { type Socket, connect } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { register } from 'prom-client';
import { StaticContent } from '../../src/http/static-content';
import { openApis } from '../support/api';
import { until } from '../support/until';

/** An API process with short timeouts; its clients are bare sockets. */
describe('a connection to the API', () => {
  let app: NestFastifyApplication;
  let port: number;
  let close: () => Promise<void>;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    const opened = await openApis(1, {
      HTTP_CONNECTIONS_MAX: '4',
      HTTP_PIPELINED_MAX: '8',
      HTTP_HEADERS_MS: '300',
      HTTP_REQUEST_MS: '600',
      HTTP_STALL_MS: '1500',
      STREAM_HEARTBEAT_MS: '500',
    });
    [app] = opened.apis as [NestFastifyApplication];
    close = () => opened.close();
    await app.listen(0, '127.0.0.1');
    port = Number(new URL(await app.getUrl()).port);
  });
  afterAll(() => close());
  afterEach(async () => {
    sockets.splice(0).forEach((socket) => socket.destroy());
    await until('every connection is gone', async () => (await metric('holdfast_http_connections')) === 0);
  });

  async function metric(name: string, reason?: string): Promise<number> {
    const { values } = await register.getSingleMetric(name)!.get();
    return values
      .filter(({ labels }) => reason === undefined || labels['reason'] === reason)
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Sends `text` and reads the response, unless `isReading` is false. */
  function client(text: string, { isReading = true } = {}) {
    const socket = connect({ port, host: '127.0.0.1' });
    sockets.push(socket);
    const seen = { text: '', isClosed: false };
    socket.on('error', () => undefined).on('close', () => (seen.isClosed = true));
    if (isReading) socket.setEncoding('latin1').on('data', (piece: string) => (seen.text += piece));
    socket.write(text);
    return {
      socket,
      seen,
      statuses: () => [...seen.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status)),
      codes: () => [...seen.text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code),
      closed: () => until('the connection was closed', async () => seen.isClosed),
    };
  }

  const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: h\r\n${headers}\r\n`;
  const post = (length: number, body: string) =>
    `POST /v1/orders HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer hf_dev_client\r\nIdempotency-Key: k\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;

  it('handles one request at a time when the client sends many and reads nothing', async () => {
    const responses = jest.spyOn(StaticContent.prototype, 'send');
    const before = process.memoryUsage().rss;
    const ended = await metric('holdfast_http_connections_ended_total', 'pipelined');

    client(get('/openapi.json').repeat(1_200), { isReading: false });
    await until(
      'more were read from it than may be',
      async () => (await metric('holdfast_http_connections_ended_total', 'pipelined')) > ended,
    );
    const other = client(get('/health/live'));
    await until('another client is served', async () => other.statuses().length > 0);

    expect(other.statuses()).toEqual([200]);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20);
    // Responses that fit into the kernel's buffers have left this process; at most one more has started.
    expect(responses.mock.calls.length).toBeLessThanOrEqual(8);
    responses.mockRestore();
  });

  it('gets responses to pipelined requests in order', async () => {
    const paths = ['/health/live', '/v1/orders', '/docs/problems', '/nowhere', '/health/live'];
    const { statuses } = client(paths.map((path) => get(path)).join(''));

    await until('all are answered', async () => statuses().length === paths.length);
    expect(statuses()).toEqual([200, 401, 200, 404, 200]);
  });

  it('gets 429 after the responses to the allowed pipelined requests, and is closed', async () => {
    const ended = await metric('holdfast_http_connections_ended_total', 'pipelined');
    const { statuses, codes, closed } = client(get('/health/live').repeat(30));

    await closed();
    expect(statuses()).toEqual([200, 200, 200, 200, 200, 200, 200, 200, 429]);
    expect(codes()).toEqual(['too_many_pipelined']);
    expect(await metric('holdfast_http_connections_ended_total', 'pipelined')).toBe(ended + 1);
  });

  it.each([
    ['its headers', 'GET /health/live HTTP/1.1\r\nHost: h\r\n'],
    ['its body', post(40, '{"customerId":')],
  ])('gets 408 and is closed when %s take too long', async (_, start) => {
    const { seen, statuses, codes, closed } = client(start);

    await closed();
    expect(statuses()).toEqual([408]);
    expect(codes()).toEqual(['request_timeout']);
    expect(seen.text).toMatch(/content-type: application\/problem\+json/i);
  });

  it('is closed without a response when it never sends a request', async () => {
    const { seen, closed } = client('');

    await closed();
    expect(seen.text).toBe('');
  });

  it('gets the problem of an unreadable request after the response to the previous one', async () => {
    const { statuses, codes, closed } = client(`${get('/docs/problems')}NONSENSE\r\n\r\n`);

    await closed();
    expect(statuses()).toEqual([200, 400]);
    expect(codes()).toEqual(['malformed_request']);
  });

  it('is closed when it does not read a response', async () => {
    const stalled = await metric('holdfast_http_connections_ended_total', 'stalled');
    client(get('/openapi.json').repeat(8), { isReading: false });
    client(get('/docs/swagger-ui-bundle.js').repeat(8), { isReading: false });

    await until(
      'it was closed',
      async () => (await metric('holdfast_http_connections_ended_total', 'stalled')) > stalled,
    );
  });

  it('is closed after the keep-alive time without being counted as unread', async () => {
    const server = app.getHttpServer();
    const { keepAliveTimeout } = server;
    server.keepAliveTimeout = 50;
    const stalled = await metric('holdfast_http_connections_ended_total', 'stalled');
    const { statuses, closed } = client(get('/health/live'));

    await closed();
    server.keepAliveTimeout = keepAliveTimeout;
    expect(statuses()).toEqual([200]);
    expect(await metric('holdfast_http_connections_ended_total', 'stalled')).toBe(stalled);
  });

  it('is refused and counted beyond the limit, and accepted after another has closed', async () => {
    const refused = await metric('holdfast_http_connections_refused_total');
    const streams = Array.from({ length: 4 }, () => client(get('/health/live')));
    await until('all are served', async () => streams.every(({ statuses }) => statuses()[0] === 200));

    const fifth = client(get('/health/live'));
    await fifth.closed();
    expect(fifth.seen.text).toBe('');
    expect(await metric('holdfast_http_connections_refused_total')).toBe(refused + 1);

    streams[0]!.socket.destroy();
    await until('there is room', async () => (await metric('holdfast_http_connections')) < 4);
    const sixth = client(get('/health/live'));
    await until('it is served', async () => sixth.statuses()[0] === 200);
  });

  it('gets 431 for too many headers instead of having some ignored', async () => {
    const headers = Array.from({ length: 150 }, (_, nth) => `X-${nth}: 1\r\n`).join('');
    const { statuses, codes, closed } = client(get('/health/live', headers));

    await closed();
    expect(statuses()).toEqual([431]);
    expect(codes()).toEqual(['headers_too_large']);
  });
});
