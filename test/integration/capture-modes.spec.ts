import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Database } from '../../src/database/database';
import { codeVersion } from '../../src/orders/checkout-saga/code-version';
import { openApis } from '../support/api';
import { expectInvariants } from '../support/fixtures';
import { until } from '../support/until';

/** `capture` of an order: when its money is taken. */

let app: NestFastifyApplication;
let db: Database;
let close: () => Promise<void>;
let named = 0;

beforeAll(async () => {
  const opened = await openApis(1);
  [app] = opened.apis as [NestFastifyApplication];
  ({ close } = opened);
  db = app.get(Database);
});
afterEach(() => expectInvariants({ db }));
afterAll(() => close());

async function send(method: 'GET' | 'POST' | 'PUT', url: string, body?: object, key = randomUUID()) {
  const isAdmin = url.startsWith('/v1/admin');
  const answer = await app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${isAdmin ? 'hf_dev_admin' : 'hf_dev_client'}`,
      ...(body && { 'content-type': 'application/json', 'idempotency-key': key }),
    },
    payload: body,
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<any>() };
}

async function product(onHand = 20): Promise<string> {
  const sku = `MODE-${++named}`;
  const body = { name: sku, unitPrice: { amount: 1_000, currency: 'EUR' }, onHand };
  await send('PUT', `/v1/admin/products/${sku}`, body);
  return sku;
}

const bodyOf = async (more: object = {}) => ({
  customerId: 'cus_1',
  paymentMethod: 'pm_card_visa',
  lines: [{ sku: await product(), quantity: 1 }],
  ...more,
});

describe('POST /v1/orders with capture', () => {
  it('is automatic unless it is given, and the order shows it', async () => {
    const placed = await send('POST', '/v1/orders', await bodyOf());
    expect(placed).toMatchObject({ status: 202, body: { capture: 'automatic' } });
    expect((await send('GET', `/v1/orders/${placed.body.id}`)).body).toMatchObject({ capture: 'automatic' });
  });

  it('answers 422 for a mode that does not exist, and takes no stock', async () => {
    const body = await bodyOf({ capture: 'later' });
    const refused = await send('POST', '/v1/orders', body);
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/capture' }] } });
    const { lines } = body;
    expect(await db.rows(`SELECT reserved FROM stock_levels WHERE sku = $1`, [lines[0]!.sku])).toEqual([
      { reserved: 0 },
    ]);
  });

  it('is part of the request only where it is given, so that keys of earlier builds replay', async () => {
    const [key, body] = [randomUUID(), await bodyOf()];
    const first = await send('POST', '/v1/orders', body, key);
    const again = await send('POST', '/v1/orders', body, key);
    expect(again).toMatchObject({ body: { id: first.body.id }, headers: { 'idempotent-replayed': 'true' } });

    const other = await send('POST', '/v1/orders', { ...body, capture: 'automatic' }, key);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });
});

describe('POST /v1/orders beside workers of earlier builds', () => {
  const beat = (id: string, facts: object) =>
    db.rows(
      `INSERT INTO workers (id, started_at, beat_at, stopping, facts, failing_tasks)
       VALUES ($1, clock_timestamp(), clock_timestamp(), false, $2, '[]')`,
      [id, JSON.stringify(facts)],
    );
  const isAccepted = (capture: string) => async () =>
    (await send('POST', '/v1/orders', await bodyOf({ capture }))).status === 202;

  it.each([
    ['without a version', { queues: [] }],
    ['of an earlier version', { queues: [], codeVersion: codeVersion - 1 }],
  ])('answers 503 for capture modes that a worker %s would mistake, until it has gone', async (_, facts) => {
    await beat('new:1', { queues: [], codeVersion });
    await until('it is accepted beside a new worker', isAccepted('on_shipment'));
    await beat('old:1', facts);
    await until('it is refused', async () => !(await isAccepted('on_shipment')()));
    const refused = await send('POST', '/v1/orders', await bodyOf({ capture: 'immediate' }));
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable', retryable: true } });
    expect(refused.body.detail).toMatch(/earlier build are still running \(old:1\).*capture: immediate/);
    expect(await isAccepted('automatic')()).toBe(true);
    await db.rows(`DELETE FROM workers WHERE id = 'old:1'`);
    await until('it is accepted again', isAccepted('on_shipment'));
    await db.rows(`DELETE FROM workers`);
  });
});

describe('the payment operations of one order', () => {
  /** As `kind status`; the numbers count the kind. */
  async function write(...operations: string[]): Promise<'written' | 'refused'> {
    const orderId = randomUUID();
    const counts = new Map<string, number>();
    const rows = operations.map((operation) => {
      const [kind, status] = operation.split(' ') as [string, string];
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return { kind, status, number: counts.get(kind)! };
    });
    try {
      await db.transaction('operator-action', async (tx) => {
        for (const { kind, status, number } of rows)
          await tx.affected(
            `INSERT INTO payment_operations (id, order_id, kind, number, status, amount, currency, created_at, settled_at)
             VALUES ($1::uuid, $2::uuid, $3, $4::int, $5, 1000, 'EUR', now(),
                     CASE WHEN $5 IN ('approved', 'declined', 'failed') THEN now() END)`,
            [randomUUID(), orderId, kind, number, status],
          );
        throw new Undo();
      });
    } catch (error) {
      if (error instanceof Undo) return 'written';
    }
    return 'refused';
  }
  class Undo extends Error {}

  it.each([
    ['another card after a declined one', ['authorize declined', 'authorize sent']],
    ['another number after a failed one', ['charge failed', 'charge sent']],
    ['a void of each attempt', ['authorize declined', 'void approved', 'authorize sent', 'void sent']],
    ['a capture after one of which nothing came', ['authorize approved', 'capture failed', 'capture sent']],
    ['refunds side by side', ['charge approved', 'refund sent', 'refund pending', 'refund approved']],
  ])('can be %s', async (_, operations) => {
    expect(await write(...operations)).toBe('written');
  });

  it.each([
    ['two live authorizations', ['authorize approved', 'authorize sent']],
    ['two live charges', ['charge unknown', 'charge sent']],
    ['an authorization beside a charge', ['authorize pending', 'charge sent']],
    ['two live captures', ['authorize approved', 'capture unknown', 'capture sent']],
  ])('cannot be %s', async (_, operations) => {
    expect(await write(...operations)).toBe('refused');
  });

  it('cannot have one number of a kind twice', async () => {
    const orderId = randomUUID();
    const insert = () =>
      db.rows(
        `INSERT INTO payment_operations (id, order_id, kind, number, status, amount, currency, created_at, settled_at)
         VALUES ($1::uuid, $2::uuid, 'refund', 1, 'failed', 1000, 'EUR', now(), now())`,
        [randomUUID(), orderId],
      );
    await insert();
    await expect(insert()).rejects.toMatchObject({ constraint: 'payment_operations_of_purpose' });
    await db.rows(`DELETE FROM payment_operations WHERE order_id = $1`, [orderId]);
  });
});
