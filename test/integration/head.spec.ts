import { expectRefused, openRawApi, sendRaw } from '../support/raw-http';

const api = openRawApi();

describe('GET / and HEAD', () => {
  const page = (accept?: string, method = 'GET') =>
    sendRaw(`${api.base}/`, method, { headers: accept === undefined ? {} : { accept } });

  it('sends the dashboard to curl and to load balancers', async () => {
    for (const accept of [undefined, '*/*', 'text/*', 'image/png, */*;q=0.8', 'text/html'])
      expect([accept, (await page(accept)).headers['content-type']]).toEqual([
        accept,
        'text/html; charset=utf-8',
      ]);
    expectRefused(await page('application/json'), 404, 'not_found');
  });

  it.each(['/', '/health/live', '/openapi.json', '/v1/orders', '/v1/stock/A', '/v1/nothing'])(
    'answers HEAD %s as GET, without a body',
    async (path) => {
      const [get, head] = [await api.send('GET', path), await api.send('HEAD', path)];
      expect([head.status, head.text, head.headers['content-type']]).toEqual([
        get.status,
        '',
        get.headers['content-type'],
      ]);
    },
  );

  it('answers HEAD of a stream at once without opening one', async () => {
    for (const path of [
      '/v1/admin/stream?topics=overview',
      '/v1/orders/ord_01jd3v7q8ne05v7c0kq1e5m9tz/events',
    ]) {
      const head = await api.send('HEAD', path);
      expect([path, head.status, head.text]).toEqual([path, 200, '']);
      expect(head.headers).toMatchObject({
        'content-type': expect.stringMatching(/^text\/event-stream/),
        'cache-control': 'no-store',
        'x-request-id': expect.any(String),
      });
    }
    const stranger = await sendRaw(`${api.base}/v1/admin/stream?topics=overview`, 'HEAD');
    expect(stranger.status).toBe(401);
  });
});
