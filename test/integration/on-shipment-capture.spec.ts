import { PaymentCheckWorker } from '../../src/background/payment-check.worker';
import { newId } from '../../src/ids';
import { orderView } from '../../src/orders/orders.responses';
import { PaymentCheck } from '../../src/orders/payment-check/payment-check';
import type { GatewayResult } from '../../src/payment/gateways/gateway';
import { Installation } from '../../src/payment/installation';
import { listCases } from '../../src/reporting/review/review';
import { createWorld, expectInvariants, operator, shop, type World } from '../support/fixtures';
import { PaymentsStub, paymentOf } from '../support/provider-payments';
import { databaseThatDiesAfter, endOf, LedgerGateway, passTime, timelineOf } from '../support/sagas';
import { declinedCard } from '../support/scripted-gateway';

/** Orders that are placed on an authorization: `capture: on_shipment`. */

let world: World;
let provider: PaymentsStub;
beforeAll(async () => (world = await createWorld({ PAYMENT_CAPTURE_NOTICE_SECONDS: '3600' })));
beforeEach(() => (provider = new PaymentsStub()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
  await world.rows('DELETE FROM payment_checks');
});
afterAll(() => world.close());

const order = (sku?: string) =>
  world.order(sku === undefined ? undefined : [{ sku, quantity: 1 }], { capture: 'on_shipment' });

async function drive(orderId: string): Promise<void> {
  await passTime(world, orderId);
  await world.runner().drive(orderId);
}

const cancel = (orderId: string, by: 'cancel' | 'refund') =>
  world.orders.requestCancellation(orderId, by, newId(), shop);

const clock = async () => (await world.row<{ now: Date }>('SELECT clock_timestamp() AS now')).now;
const inHours = async (hours: number) => new Date((await clock()).getTime() + hours * 3_600_000);

const authorized = (reference: string, captureBefore?: Date): GatewayResult => ({
  status: 'approved',
  reference,
  amount: 1_000,
  currency: 'EUR',
  captureBefore,
});

const operationsOf = async (orderId: string): Promise<string[]> => {
  const rows = await world.rows<{ line: string }>(
    `SELECT kind || ':' || number || ' ' || status AS line FROM payment_operations WHERE order_id = $1 ORDER BY id`,
    [orderId],
  );
  return rows.map(({ line }) => line);
};
const shown = async (orderId: string) => orderView(await world.orders.get(orderId, shop));

/** Its authorization ends in that many hours. */
async function placed(hours?: number): Promise<{ orderId: string; reference: string; end?: Date }> {
  const orderId = await order();
  const reference = `pi_${orderId}`;
  const end = hours === undefined ? undefined : await inHours(hours);
  world.gateway.expect('authorize', authorized(reference, end));
  await drive(orderId);
  return { orderId, reference, end };
}

describe('an order with capture: on_shipment', () => {
  it('is placed on an authorization, and says until when it can be captured', async () => {
    const { orderId, end } = await placed(100);
    expect(await endOf(world, orderId)).toEqual({ order: 'placed', reservation: 'confirmed', reserved: 1 });
    expect(await operationsOf(orderId)).toEqual(['authorize:1 approved']);
    expect(await timelineOf(world, orderId)).toEqual([
      'reserve-stock accepted → running',
      'authorize-payment asked',
      'authorize-payment done',
      'place-order done → completed',
    ]);
    const { capture, payment } = await shown(orderId);
    expect(capture).toBe('on_shipment');
    expect(payment).toMatchObject({ status: 'authorized', captureBefore: end!.toISOString() });
    expect(payment.captureInSeconds).toBeGreaterThan(99 * 3_600);
    expect(world.gateway.calls.at(-1)!.request).toMatchObject({ asksDeadline: true });
  });

  it('invents no deadline when the provider does not name one', async () => {
    const { orderId } = await placed();
    expect((await shown(orderId)).payment).toMatchObject({ captureBefore: null, captureInSeconds: null });
    expect(await world.rows(`SELECT FROM payment_checks WHERE order_id = $1`, [orderId])).toEqual([]);
  });

  it('is rejected when the authorization is declined', async () => {
    const orderId = await order();
    world.gateway.expect('authorize', declinedCard);
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
  });

  it.each([
    ['cancel', 'cancelled'],
    ['refund', 'refunded'],
  ] as const)('is voided when it is undone before it was captured (%s)', async (by, status) => {
    const { orderId } = await placed(100);
    await cancel(orderId, by);
    world.gateway.expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toEqual({ order: status, reservation: 'returned', reserved: 0 });
    expect(await operationsOf(orderId)).toEqual(['authorize:1 approved', 'void:1 approved']);
    expect((await shown(orderId)).payment).toMatchObject({ status: 'voided', captureBefore: null });
  });

  it('is refunded when it is undone after it was captured', async () => {
    const { orderId } = await placed(100);
    await world.rows(
      `INSERT INTO payment_operations (id, order_id, kind, number, provider_key, status, amount, currency, created_at, settled_at)
       SELECT $2::uuid, id, 'capture', 1, 'a key', 'approved', 700, currency, clock_timestamp(), clock_timestamp()
         FROM orders WHERE id = $1::uuid`,
      [orderId, newId()],
    );
    await cancel(orderId, 'cancel');
    world.gateway.expect('refund');
    await drive(orderId);
    expect((await shown(orderId)).status).toBe('cancelled');
    expect(world.gateway.calls.at(-1)!.request).toMatchObject({
      amount: 700,
      authorization: `pi_${orderId}`,
    });
  });

  it.each([0, 1, 2])('is authorized once after its worker crashed after commit %i', async (commits) => {
    const orderId = await order();
    const gateway = new LedgerGateway();
    const { db, crashed } = databaseThatDiesAfter(commits, world.db);
    await Promise.race([crashed, world.runner({ db, gateway }).drive(orderId)]);
    await passTime(world, orderId);
    await world.runner({ gateway }).drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    expect(gateway.done.map(({ kind }) => kind)).toEqual(['authorize']);
  });

  it('is placed by a late authorization after it was given up', async () => {
    const orderId = await order();
    const gateway = new LedgerGateway();
    gateway.fails = { authorize: 'answer lost' };
    await world.runner({ gateway }).drive(orderId);
    await world.sagaActions.perform('resolve', orderId, { reason: 'a test' }, operator);
    gateway.fails = {};
    await passTime(world, orderId);
    await world.runner({ gateway }).drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed', reservation: 'confirmed' });
    expect(gateway.moneyOf(orderId)).toEqual({ kept: 0, setAside: 1_000 });
  });
});

describe('the deadline of an authorization that is not captured', () => {
  const sweep = () => {
    const check = new PaymentCheck(
      world.config,
      world.db,
      provider,
      new Installation(world.db),
      world.relay(),
    );
    return new PaymentCheckWorker(world.config, world.db, check).sweep();
  };
  const dueOf = async (orderId: string) =>
    (
      await world.rows<{ dueAt: Date }>(`SELECT due_at AS "dueAt" FROM payment_checks WHERE order_id = $1`, [
        orderId,
      ])
    )[0]?.dueAt;
  const secondsUntil = async (orderId: string, at: Date) =>
    ((await dueOf(orderId))!.getTime() - at.getTime()) / 1_000;
  const makeDue = (orderId: string) =>
    world.rows(`UPDATE payment_checks SET due_at = clock_timestamp() WHERE order_id = $1`, [orderId]);
  const casesOf = async (orderId: string) => {
    const rows = await listCases(world.db, { kinds: ['payment'], sort: 'age', limit: 100, after: null });
    return rows.filter((row) => row.aggregateId === orderId).map((row) => row.fact!.type);
  };
  const held = (reference: string, captureBefore: Date | null) =>
    paymentOf(reference, { status: 'requires_capture', capturable: 1_000, received: 0, captureBefore });
  const canceled = (reference: string) =>
    paymentOf(reference, {
      status: 'canceled',
      received: 0,
      canceledAt: new Date(),
      cancellationReason: 'automatic',
    });
  const eventsOf = async (orderId: string) =>
    (
      await world.rows<{ type: string }>(
        `SELECT type FROM outbox WHERE aggregate_id = $1 AND type = 'order.authorization_expired'`,
        [orderId],
      )
    ).length;

  it('is looked at a while before it, and not earlier', async () => {
    const { orderId, reference, end } = await placed(100);
    expect(await dueOf(orderId)).toEqual(new Date(end!.getTime() - 3_600_000));
    provider.put(held(reference, end!));
    await makeDue(orderId);
    await sweep();
    expect(await secondsUntil(orderId, new Date(end!.getTime() - 3_600_000))).toBeCloseTo(0, -1);
    expect(await casesOf(orderId)).toEqual([]);
  });

  it('becomes one case with the money, and is looked at again when it has passed', async () => {
    const { orderId, reference, end } = await placed(0.5);
    provider.put(held(reference, end!));
    for (const _ of [1, 2]) {
      await makeDue(orderId);
      await sweep();
      expect(await casesOf(orderId)).toEqual(['authorization_ends']);
      expect(await secondsUntil(orderId, end!)).toBeCloseTo(0, -1);
    }
    expect((await shown(orderId)).payment.status).toBe('authorized');
  });

  it('is asked about after it has passed, and the authorization is never assumed to have ended', async () => {
    const { orderId, reference } = await placed(-0.01);
    provider.put(held(reference, await inHours(-0.01)));
    await sweep();
    expect((await shown(orderId)).payment.status).toBe('authorized');
    expect(await eventsOf(orderId)).toBe(0);
    expect((await dueOf(orderId))!.getTime()).toBeGreaterThan((await clock()).getTime());

    provider.put(canceled(reference));
    await makeDue(orderId);
    await sweep();
    expect((await shown(orderId)).payment).toMatchObject({ status: 'voided', captureBefore: null });
    expect((await shown(orderId)).status).toBe('placed');
    expect(await casesOf(orderId)).toEqual(['authorization_expired']);
    expect(await eventsOf(orderId)).toBe(1);
    expect(await dueOf(orderId)).toBeUndefined();
  });

  it('is nobody’s case once the order was captured or cancelled', async () => {
    const { orderId, reference, end } = await placed(0.5);
    provider.put(held(reference, end!));
    await sweep();
    expect(await casesOf(orderId)).toEqual(['authorization_ends']);
    await cancel(orderId, 'cancel');
    world.gateway.expect('void');
    await drive(orderId);
    expect(await casesOf(orderId)).toEqual([]);
  });

  it('does not void the authorization that a placed order still needs', async () => {
    const { orderId, reference, end } = await placed(100);
    const installation = await new Installation(world.db).id();
    provider.put({ ...held(reference, end!), orderId, installation });
    await makeDue(orderId);
    await sweep();
    expect(provider.voids).toEqual([]);
    expect(await world.rows(`SELECT FROM payment_facts WHERE order_id = $1`, [orderId])).toEqual([]);
  });

  it('can be cancelled after it has ended: the void finds it canceled', async () => {
    const { orderId, reference } = await placed(-0.01);
    provider.put(canceled(reference));
    await sweep();
    await cancel(orderId, 'cancel');
    world.gateway.expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'cancelled', reserved: 0 });
    expect(await casesOf(orderId)).toEqual([]);
  });
});
