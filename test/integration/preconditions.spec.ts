import { expectRefused, openRawApi } from '../support/raw-http';

const api = openRawApi();

describe('PUT /v1/admin/products/{sku}', () => {
  const put = (sku: string, headers: Record<string, string>) => api.put(sku, { name: sku }, headers);

  it('answers 412 to If-Match for an unknown product, and creates none', async () => {
    for (const tag of ['*', '"1"', 'W/"1"', 'nonsense'])
      expectRefused(await put('NEW-1', { 'if-match': tag }), 412, 'precondition_failed');
    expect((await api.send('GET', '/v1/admin/products/NEW-1')).status).toBe(404);
  });

  it('answers 412 to If-None-Match for an existing product, and changes nothing', async () => {
    expect((await put('NEW-2', { 'if-none-match': '*' })).status).toBe(201);
    const { etag } = (await api.send('GET', '/v1/admin/products/NEW-2')).headers;
    for (const tag of ['*', String(etag), `W/${String(etag)}`, `"other", ${String(etag)}`])
      expectRefused(await put('NEW-2', { 'if-none-match': tag }), 412, 'precondition_failed');
    expectRefused(await put('NEW-2', { 'if-match': '*', 'if-none-match': '*' }), 412, 'precondition_failed');
    expectRefused(await put('NEW-2', { 'if-none-match': '"other"' }), 428, 'precondition_required');
    expect((await api.send('GET', '/v1/admin/products/NEW-2')).headers.etag).toBe(etag);
    expect((await put('NEW-2', { 'if-match': '"9, 8", "1"', 'if-none-match': '"other"' })).status).toBe(200);
  });
});
