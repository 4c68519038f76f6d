import { Database } from '../../src/database/database';
import { expectRefused, openRawApi, pointersOf } from '../support/raw-http';

const api = openRawApi();

describe('instants, totals and text', () => {
  it('answers 422 for an instant that does not exist', async () => {
    const wrong = ['2026-02-30T00:00:00Z', '2026-02-29T00:00:00Z', '2026-04-31T00:00:00Z', '2026-13-01T00:00:00Z',
      '2026-01-01T24:00:00Z', '2026-06-30T23:59:60Z', '2026-01-01T00:60:00Z', '2026-01-01T00:00:00+24:00']; // prettier-ignore
    for (const instant of wrong)
      for (const path of ['/v1/admin/orders', '/v1/admin/actions'])
        expect(pointersOf(await api.send('GET', `${path}?from=${encodeURIComponent(instant)}`))).toEqual([
          '/from',
        ]);
    for (const instant of ['2028-02-29T00:00:00Z', '2026-12-31T23:59:59.999+14:00', '2026-11-20T10:00Z'])
      expect((await api.send('GET', `/v1/admin/orders?to=${encodeURIComponent(instant)}`)).status).toBe(200);
  });

  it('answers 422 for a total that a JSON number cannot hold, and takes no stock', async () => {
    await api.product('DEAR', 99_999_999_999);
    const lines = (quantity: number) => [{ sku: 'DEAR', quantity }];
    const largest = await api.reserve({ lines: lines(90_071) });
    expect([largest.status, largest.body.total.amount]).toEqual([201, 90_071 * 99_999_999_999]);
    for (const quantity of [90_072, 100_000]) {
      const answer = await api.reserve({ lines: lines(quantity) });
      expectRefused(answer, 422, 'validation_failed');
      expect(answer.body.errors[0]).toMatchObject({ pointer: '/lines', code: 'total_too_large' });
    }
    const changed = await api.send('PATCH', `/v1/reservations/${largest.body.id}`, {
      headers: { 'content-type': 'application/json', 'idempotency-key': 'raised' },
      body: JSON.stringify({ lines: lines(90_072) }),
    });
    expect([changed.status, changed.body.errors?.[0].code]).toEqual([422, 'total_too_large']);
    expect((await api.send('GET', '/v1/stock/DEAR')).body.reserved).toBe(90_071);
  });

  it.each([
    ['C1 control', '\u009b'],
    ['right-to-left override', '\u202e'],
    ['isolate', '\u2066'],
    ['direction mark', '\u200f'],
    ['Arabic letter mark', '\u061c'],
    ['line separator', '\u2028'],
    ['byte order mark', '\ufeff'],
  ])('answers 422 for text with a %s', async (_what, character) => {
    const text = `a${character}b`;
    expect(pointersOf(await api.reserve({ customerId: text }))).toEqual(['/customerId']);
    expect(
      pointersOf(await api.post('/v1/admin/products/A/adjustments', { delta: 1, reason: `because ${text}` })),
    ).toEqual(['/reason']);
    const named = await api.put('B', { name: text });
    expect(pointersOf(named)).toEqual(['/name']);
  });

  it('finds and shows rows of earlier builds with direction characters', async () => {
    const { id } = (await api.reserve({ customerId: 'old' })).body;
    const db = api.app.get(Database);
    await db.rows(`UPDATE reservations SET customer_id = $1::text WHERE customer_id = 'old'`, ['o\u202eld']);
    const list = await api.send(
      'GET',
      `/v1/admin/reservations?customerId=${encodeURIComponent('o\u202eld')}`,
    );

    expect(list.body.data).toMatchObject([{ id, customerId: 'o\u202eld' }]);
    expect(
      (await api.send('GET', `/v1/admin/find?q=${encodeURIComponent('o\u202eld')}`)).body.data,
    ).toHaveLength(1);
    // Joiners are part of Persian words and of emoji.
    expect((await api.reserve({ customerId: 'می\u200cخواهم 👩\u200d🚀' })).status).toBe(201);
  });
});
