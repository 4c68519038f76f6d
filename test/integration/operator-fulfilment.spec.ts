import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApi } from '../../src/api.module';
import { newId, parsePublicId, publicId } from '../../src/ids';
import { createWorld, expectInvariants, type World } from '../support/fixtures';
import { heldOrder, placed } from '../support/sold';

/** What an operator does after the sale, over HTTP as the dashboard does it. */

let world: World;
let app: NestFastifyApplication;
beforeAll(async () => {
  world = await createWorld({ QUEUES: 'off', LOG_LEVEL: 'silent' });
  app = await createApi(world.config);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
afterEach(() => expectInvariants(world));
afterAll(async () => {
  await app.close();
  await world.close();
});

interface Sending {
  key?: string | null;
  role?: 'admin' | 'viewer' | 'client';
}

async function post(
  orderId: string,
  act: string,
  body: object,
  { key = newId(), role = 'admin' }: Sending = {},
) {
  const answer = await app.inject({
    method: 'POST',
    url: `/v1/admin/orders/${publicId('ord', orderId)}/${act}`,
    headers: {
      authorization: `Bearer hf_dev_${role}`,
      'content-type': 'application/json',
      ...(key === null ? {} : { 'idempotency-key': key }),
    },
    payload: body,
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<any>() };
}

const actionsOn = (orderId: string) =>
  world.rows<{ action: string; actor: string; reason: string; after: Record<string, unknown> }>(
    `SELECT action, actor, reason, after FROM admin_actions WHERE object_id = $1 ORDER BY id`,
    [publicId('ord', orderId)],
  );
const shipmentsOf = (orderId: string) =>
  world.rows<{ id: string; actor: string }>(
    `SELECT id, actor FROM shipments WHERE order_id = $1 ORDER BY id`,
    [orderId],
  );

describe('POST /v1/admin/orders/{id}/shipments', () => {
  const reason = 'left with the courier';

  it('ships the lines, answers with the saga and keeps the reason in the audit log', async () => {
    const [sku, other] = [await world.product(), await world.product()];
    const orderId = await placed(world, [
      { sku, quantity: 3 },
      { sku: other, quantity: 1 },
    ]);
    const neighbour = await placed(world, [{ sku, quantity: 1 }]);

    const { status, body } = await post(orderId, 'shipments', {
      lines: [{ sku, quantity: 2 }],
      reference: 'DHL 1',
      reason,
    });

    expect(status).toBe(200);
    expect(body).toMatchObject({ object: 'saga', acts: { ship: true }, order: { fulfilment: 'partial' } });
    expect(body.goods).toEqual([
      expect.objectContaining({ sku, quantity: 3, shipped: 2, left: 1 }),
      expect.objectContaining({ sku: other, quantity: 1, shipped: 0, left: 1 }),
    ]);
    const [shipment] = body.order.shipments;
    expect(await actionsOn(orderId)).toEqual([
      {
        action: 'order.ship',
        actor: 'bootstrap-admin',
        reason,
        after: { shipmentId: shipment.id, goods: `2 × ${sku}`, reference: 'DHL 1' },
      },
    ]);
    expect(await shipmentsOf(orderId)).toEqual([
      { id: parsePublicId('shp', shipment.id), actor: 'bootstrap-admin' },
    ]);
    expect(await shipmentsOf(neighbour)).toEqual([]);
  });

  it('ships all that is left without lines, and then offers no more', async () => {
    const sku = await world.product();
    const orderId = await placed(world, [{ sku, quantity: 3 }]);
    await post(orderId, 'shipments', { lines: [{ sku, quantity: 1 }], reason });
    const { body } = await post(orderId, 'shipments', { reason });
    expect(body).toMatchObject({ acts: { ship: false }, order: { fulfilment: 'shipped' } });
    expect(body.goods).toMatchObject([{ sku, shipped: 3, left: 0 }]);
  });

  it('ships once when copies with one key arrive at once, and answers each with the order as it is', async () => {
    const sku = await world.product();
    const orderId = await placed(world, [{ sku, quantity: 3 }]);
    const [key, body] = [newId(), { lines: [{ sku, quantity: 1 }], reason }];
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post(orderId, 'shipments', body, { key })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(7);
    expect(await shipmentsOf(orderId)).toHaveLength(1);
    expect(await actionsOn(orderId)).toHaveLength(1);
    const another = await post(orderId, 'shipments', { ...body, reference: 'DHL 2' }, { key });
    expect([another.status, another.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it.each([
    ['without a key', 400, 'idempotency_key_missing', { reason }, { key: null }],
    ['without a reason', 422, 'validation_failed', {}, {}],
    ['of more than is left', 409, 'more_than_sold', { lines: [{ sku: 'SKU', quantity: 9 }], reason }, {}],
    ['by a viewer', 403, 'forbidden', { reason }, { role: 'viewer' }],
    ['by a client', 403, 'forbidden', { reason }, { role: 'client' }],
  ] as const)(
    'is refused %s, and leaves no line in the audit log',
    async (_, status, code, body, sending) => {
      const sku = await world.product();
      const orderId = await placed(world, [{ sku, quantity: 2 }]);
      const named = JSON.parse(JSON.stringify(body).replace('"SKU"', `"${sku}"`)) as object;
      const answer = await post(orderId, 'shipments', named, sending);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(await actionsOn(orderId)).toEqual([]);
      expect(await shipmentsOf(orderId)).toEqual([]);
    },
  );

  it('is refused for an order that is not placed, and its page offers no shipment', async () => {
    const orderId = await world.order();
    const answer = await post(orderId, 'shipments', { reason });
    expect([answer.status, answer.body.code]).toEqual([409, 'order_not_placed']);
    const saga = await app.inject({
      url: `/v1/admin/orders/${publicId('ord', orderId)}/saga`,
      headers: { authorization: 'Bearer hf_dev_viewer' },
    });
    expect(saga.json()).toMatchObject({
      acts: { ship: false },
      goods: [{ quantity: 1, shipped: 0, left: 0 }],
    });
    const nobody = await post(newId(), 'shipments', { reason });
    expect([nobody.status, nobody.body.code]).toEqual([404, 'order_not_found']);
  });
});

describe('POST /v1/admin/orders/{id}/refunds', () => {
  const reason = 'arrived broken';
  const refundsOf = (orderId: string) =>
    world.rows<{ amount: number; actor: string; reason: string }>(
      `SELECT amount, actor, reason FROM payment_tasks WHERE order_id = $1 AND kind = 'refund' ORDER BY id`,
      [orderId],
    );

  it('refunds an amount, says what is left, and keeps the reason in the audit log and in the refund', async () => {
    const sku = await world.product({ amount: 1_000 });
    const orderId = await placed(world, [{ sku, quantity: 3 }]);

    const { status, body } = await post(orderId, 'refunds', { amount: 1_250, reason });

    expect(status).toBe(200);
    expect(body.refundable).toEqual({
      captured: { amount: 3_000, currency: 'EUR' },
      refunded: { amount: 0, currency: 'EUR' },
      pending: { amount: 1_250, currency: 'EUR' },
      left: { amount: 1_750, currency: 'EUR' },
    });
    expect(body.acts).toMatchObject({ refund: true });
    const [refund] = body.order.refunds;
    expect(refund).toMatchObject({ amount: { amount: 1_250 }, lines: null, status: 'pending', reason });
    expect(await actionsOn(orderId)).toEqual([
      {
        action: 'order.refund',
        actor: 'bootstrap-admin',
        reason,
        after: { refundId: refund.id, amount: { amount: 1_250, currency: 'EUR' }, goods: null },
      },
    ]);
    expect(await refundsOf(orderId)).toEqual([{ amount: 1_250, actor: 'bootstrap-admin', reason }]);
  });

  it('refunds goods at the price of the order and puts back on sale what was not shipped', async () => {
    const sku = await world.product({ amount: 1_000, onHand: 5 });
    const orderId = await placed(world, [{ sku, quantity: 3 }]);
    await post(orderId, 'shipments', { lines: [{ sku, quantity: 1 }], reason });
    const lines = [{ sku, quantity: 3, restock: 'none' }];
    const { body } = await post(orderId, 'refunds', { lines, reason });
    expect(body.goods).toMatchObject([{ sku, shipped: 1, givenBack: 2, returned: 1, left: 0 }]);
    expect(body).toMatchObject({ refundable: { left: { amount: 0 } }, acts: { refund: false, ship: false } });
    expect(await world.level(sku)).toEqual({ onHand: 4, reserved: 0 });
    expect((await actionsOn(orderId)).at(-1)!.after).toMatchObject({ goods: `3 × ${sku}` });
  });

  it('refunds once when copies with one key arrive at once', async () => {
    const orderId = await placed(world, [{ sku: await world.product(), quantity: 3 }]);
    const key = newId();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post(orderId, 'refunds', { amount: 100, reason }, { key })),
    );
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(7);
    expect(await refundsOf(orderId)).toHaveLength(1);
    expect(await actionsOn(orderId)).toHaveLength(1);
  });

  it.each([
    ['without a key', 400, 'idempotency_key_missing', { amount: 1, reason }, { key: null }],
    ['without a reason', 422, 'validation_failed', { amount: 1 }, {}],
    [
      'of an amount and goods',
      422,
      'validation_failed',
      { amount: 1, lines: [{ sku: 'A', quantity: 1 }], reason },
      {},
    ],
    ['of more than was captured', 409, 'more_than_captured', { amount: 9_999_999, reason }, {}],
    ['by a viewer', 403, 'forbidden', { amount: 1, reason }, { role: 'viewer' }],
    ['by a client', 403, 'forbidden', { amount: 1, reason }, { role: 'client' }],
  ] as const)(
    'is refused %s, and leaves no line in the audit log',
    async (_, status, code, body, sending) => {
      const orderId = await placed(world, [{ sku: await world.product(), quantity: 2 }]);
      const answer = await post(orderId, 'refunds', body, sending);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(await actionsOn(orderId)).toEqual([]);
      expect(await refundsOf(orderId)).toEqual([]);
    },
  );
});

describe('POST /v1/admin/orders/{id}/capture', () => {
  const reason = 'ships today';
  const onShipment = async () =>
    heldOrder(world, [{ sku: await world.product({ amount: 1_000 }), quantity: 3 }]);
  const capturesOf = (orderId: string) =>
    world.rows<{ amount: number }>(
      `SELECT amount FROM payment_tasks WHERE order_id = $1 AND kind = 'capture' ORDER BY id`,
      [orderId],
    );

  it('captures less once, and keeps in the audit log what is voided', async () => {
    const orderId = await onShipment();
    const key = newId();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => post(orderId, 'capture', { amount: 2_500, reason }, { key })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(4).fill(200));
    // Its goods wait for the capture, and it cannot be captured again.
    expect(answers[0]!.body.acts).toMatchObject({ capture: false, ship: false, refund: false });
    expect(await capturesOf(orderId)).toEqual([{ amount: 2_500 }]);
    expect(await actionsOn(orderId)).toMatchObject([
      {
        action: 'order.capture',
        reason,
        after: { amount: { amount: 2_500, currency: 'EUR' }, voided: { amount: 500, currency: 'EUR' } },
      },
    ]);
    const again = await post(orderId, 'capture', { reason });
    expect([again.status, again.body.code]).toEqual([409, 'nothing_to_capture']);
  });

  it('is refused for an order that is captured already, above the total, and by a viewer', async () => {
    const captured = await placed(world, [{ sku: await world.product(), quantity: 1 }]);
    const done = await post(captured, 'capture', { reason });
    expect([done.status, done.body.code]).toEqual([409, 'nothing_to_capture']);
    const orderId = await onShipment();
    const over = await post(orderId, 'capture', { amount: 3_001, reason });
    expect([over.status, over.body.code]).toEqual([422, 'validation_failed']);
    const viewer = await post(orderId, 'capture', { reason }, { role: 'viewer' });
    expect([viewer.status, viewer.body.code]).toEqual([403, 'forbidden']);
    expect([...(await capturesOf(orderId)), ...(await actionsOn(orderId))]).toEqual([]);
    const { body } = await post(orderId, 'shipments', { reason });
    expect(body.order.shipments).toMatchObject([{ status: 'pending' }]);
    expect(body).toMatchObject({ acts: { capture: false, ship: false }, goods: [{ left: 0 }] });
  });
});
