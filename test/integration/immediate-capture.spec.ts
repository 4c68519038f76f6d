import { newId, publicId } from '../../src/ids';
import { orderView } from '../../src/orders/orders.responses';
import type { SagaAction } from '../../src/orders/saga-actions/saga-actions';
import type { GatewayResult } from '../../src/payment/gateways/gateway';
import { createWorld, expectInvariants, operator, shop, type World } from '../support/fixtures';
import { approvalOf, declinedCard, serverError, silence } from '../support/scripted-gateway';
import { databaseThatDiesAfter, endOf, LedgerGateway, passTime, sagaOf, timelineOf } from '../support/sagas';

/** Orders that are charged in one call: `capture: immediate`. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const order = (sku?: string) =>
  world.order(sku === undefined ? undefined : [{ sku, quantity: 1 }], { capture: 'immediate' });

async function drive(orderId: string): Promise<void> {
  await passTime(world, orderId);
  await world.runner().drive(orderId);
}

const cancel = (orderId: string, by: 'cancel' | 'refund') =>
  world.orders.requestCancellation(orderId, by, newId(), shop);

const approved = (amount = 1_000): GatewayResult => ({
  status: 'approved',
  reference: 'pi_1',
  amount,
  currency: 'EUR',
});
const act = (action: SagaAction, orderId: string) =>
  world.sagaActions.perform(action, orderId, { reason: 'a test' }, operator);

const savedError = { ...serverError, code: 'saved_error' } as GatewayResult;

const operationsOf = async (orderId: string): Promise<string[]> => {
  const rows = await world.rows<{ line: string }>(
    `SELECT kind || ':' || number || ' ' || status || ' ' || amount AS line
       FROM payment_operations WHERE order_id = $1 ORDER BY id`,
    [orderId],
  );
  return rows.map(({ line }) => line);
};
const statusOf = async (orderId: string) => (await world.orders.get(orderId, shop)).status;

const placed = async (): Promise<string> => {
  const orderId = await order();
  world.gateway.expect('charge');
  await drive(orderId);
  return orderId;
};

describe('an order with capture: immediate', () => {
  it('is placed by one call, under a key that says what it is for', async () => {
    const orderId = await placed();
    expect(await endOf(world, orderId)).toEqual({ order: 'placed', reservation: 'confirmed', reserved: 1 });
    expect(await operationsOf(orderId)).toEqual(['charge:1 approved 1000']);
    expect(world.gateway.keys('charge', publicId('ord', orderId))).toEqual([
      `${publicId('ord', orderId)}:charge:1`,
    ]);
    expect(await timelineOf(world, orderId)).toEqual([
      'reserve-stock accepted → running',
      'charge-payment asked',
      'charge-payment done',
      'place-order done → completed',
    ]);
  });

  it('is rejected when the charge is declined, and its stock is back on sale', async () => {
    const orderId = await order();
    world.gateway.expect('charge', declinedCard);
    await drive(orderId);
    expect(await endOf(world, orderId)).toEqual({
      order: 'rejected (payment_declined)',
      reservation: 'released',
      reserved: 0,
    });
  });

  it.each(['cancel', 'refund'] as const)('is refunded after it was placed (%s)', async (by) => {
    const orderId = await placed();
    await cancel(orderId, by);
    world.gateway.expect('refund');
    await drive(orderId);
    expect(await statusOf(orderId)).toBe(by === 'cancel' ? 'cancelled' : 'refunded');
    expect(await operationsOf(orderId)).toEqual(['charge:1 approved 1000', 'refund:1 approved 1000']);
    expect(world.gateway.calls.at(-1)!.request).toMatchObject({
      authorization: expect.stringContaining('charge:1'),
    });
  });

  it('is cancelled without a call before the charge was asked for', async () => {
    const orderId = await order();
    await cancel(orderId, 'cancel');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
  });

  it('keeps a cancellation for later once the charge was asked for, whatever its result', async () => {
    const orderId = await order();
    world.gateway.expect('charge', silence);
    await drive(orderId);
    await cancel(orderId, 'cancel');
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'running', endsAs: null });
    world.gateway.expect('charge').expect('refund');
    await drive(orderId);
    expect(await statusOf(orderId)).toBe('cancelled');
  });

  it('pins its reservation in the commit that records the intent', async () => {
    const orderId = await order();
    world.gateway.expect('charge', async (request) => {
      expect(await endOf(world, orderId)).toMatchObject({ reservation: 'pinned' });
      return approvalOf(request);
    });
    await drive(orderId);
    expect(await statusOf(orderId)).toBe('placed');
  });
});

describe('a doubtful charge', () => {
  it('is asked for again under the same key after silence', async () => {
    const orderId = await order();
    world.gateway.expect('charge', silence);
    await drive(orderId);
    world.gateway.expect('charge');
    await drive(orderId);
    const keys = world.gateway.keys('charge', publicId('ord', orderId));
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
    expect(await statusOf(orderId)).toBe('placed');
  });

  it('P1: is adopted when a search finds it, after its key held a saved error', async () => {
    const orderId = await order();
    world.gateway.expect('charge', serverError);
    await drive(orderId);
    world.gateway.expect('charge', savedError);
    await drive(orderId);
    world.gateway.expectLook(approved());
    await drive(orderId);
    expect(await operationsOf(orderId)).toEqual(['charge:1 approved 1000']);
    expect(await statusOf(orderId)).toBe('placed');
  });

  it('P3: is read by the reference that an event named, and never sent again', async () => {
    const orderId = await order();
    world.gateway.expect('charge', serverError);
    await drive(orderId);
    await world.rows(`UPDATE payment_operations SET provider_reference = 'pi_1' WHERE order_id = $1`, [
      orderId,
    ]);
    world.gateway.expectLook(approved());
    await drive(orderId);
    expect(await statusOf(orderId)).toBe('placed');
    expect(world.gateway.looks.at(-1)).toMatchObject({ kind: 'charge', authorization: 'pi_1' });
  });

  it('P7: gets the next number after two searches that found nothing', async () => {
    const orderId = await order();
    world.gateway.expect('charge', savedError);
    await drive(orderId);
    const letTimePass = () =>
      world.rows(
        `UPDATE payment_operations SET sent_at = sent_at - interval '10 minutes' WHERE order_id = $1`,
        [orderId],
      );
    for (const search of [1, 2]) {
      await letTimePass();
      world.gateway.expectLook({ status: 'not-done', detail: 'nothing is found' });
      if (search === 2) world.gateway.expect('charge');
      await drive(orderId);
    }
    expect(await operationsOf(orderId)).toEqual(['charge:1 failed 1000', 'charge:2 approved 1000']);
  });

  it('P4: waits while it is processing, and is looked at by its reference', async () => {
    const orderId = await order();
    world.gateway.expect('charge', { status: 'pending', reference: 'pi_1', waitsFor: 'provider' });
    await drive(orderId);
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'running', nextRun: 'waits' });
    world.gateway.expectLook(approved());
    await drive(orderId);
    expect(await statusOf(orderId)).toBe('placed');
  });

  it('P12: is refunded by what was taken, and declined, when the bank approved a part', async () => {
    const orderId = await order();
    world.gateway.expect('charge', approved(400)).expect('refund');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
    expect(await operationsOf(orderId)).toEqual(['charge:1 approved 1000', 'refund:1 approved 400']);
    const taken = { amount: 400, currency: 'EUR' };
    expect(orderView(await world.orders.get(orderId, shop)).payment).toMatchObject({
      status: 'refunded',
      capturedAmount: taken,
      refundedAmount: taken,
    });
  });

  it('P12: refunds what was taken also when the order was being cancelled', async () => {
    const orderId = await order();
    world.gateway.expect('charge', silence);
    await drive(orderId);
    await act('compensate', orderId);
    world.gateway.expect('charge', approved(400)).expect('refund', savedError);
    await drive(orderId);
    world.gateway.expect('refund');
    await drive(orderId);
    expect(await operationsOf(orderId)).toEqual([
      'charge:1 approved 1000',
      'refund:1 failed 400',
      'refund:2 approved 400',
    ]);
  });

  it('stops for an operator when more was taken than was asked for', async () => {
    const orderId = await order();
    world.gateway.expect('charge', approved(1_001));
    await drive(orderId);
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'stuck', nextRun: 'never' });
    expect(await statusOf(orderId)).toBe('pending');
  });

  describe('that the buyer must authenticate', () => {
    const forBuyer: GatewayResult = { status: 'pending', reference: 'pi_1', waitsFor: 'buyer' };
    const waiting = async (): Promise<string> => {
      const orderId = await order();
      world.gateway.expect('charge', forBuyer);
      await drive(orderId);
      expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'pinned' });
      return orderId;
    };

    it('P19: places the order when the provider shows that it succeeded', async () => {
      const orderId = await waiting();
      world.gateway.expectLook(approved());
      await drive(orderId);
      expect(await statusOf(orderId)).toBe('placed');
    });

    it('P19: is voided when the order is cancelled meanwhile, and nothing was taken', async () => {
      const orderId = await waiting();
      await cancel(orderId, 'cancel');
      world.gateway.expect('void');
      await drive(orderId);
      expect(await operationsOf(orderId)).toEqual(['charge:1 declined 1000', 'void:1 approved 1000']);
      expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
    });

    it('P19: is refunded when the order is cancelled and the buyer was quicker than the void', async () => {
      const orderId = await waiting();
      await cancel(orderId, 'cancel');
      world.gateway
        .expect('void', { status: 'declined', code: 'already_captured' })
        .expectLook(approved())
        .expect('refund');
      await drive(orderId);
      expect(await operationsOf(orderId)).toEqual([
        'charge:1 approved 1000',
        'void:1 declined 1000',
        'refund:1 approved 1000',
      ]);
      expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)', reserved: 0 });
    });
  });

  it('P20: is cancelled at the provider before the order ends, when a browser could still confirm it', async () => {
    const orderId = await order();
    world.gateway
      .expect('charge', { status: 'declined', code: 'card_declined', reference: 'pi_1', isOpen: true })
      .expect('void');
    await drive(orderId);
    expect(await operationsOf(orderId)).toEqual(['charge:1 declined 1000', 'void:1 approved 1000']);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
  });
});

describe('an order with capture: immediate whose worker dies', () => {
  it.each([0, 1, 2])('is charged once after a crash after commit %i', async (commits) => {
    const [orderId, neighbour] = [await order(), await order()];
    const gateway = new LedgerGateway();
    const { db, crashed } = databaseThatDiesAfter(commits, world.db);
    await Promise.race([crashed, world.runner({ db, gateway }).drive(orderId)]);
    await passTime(world, orderId);
    await world.runner({ gateway }).drive(orderId);
    expect(await statusOf(orderId)).toBe('placed');
    expect(gateway.done.map(({ kind }) => kind)).toEqual(['charge']);
    expect(await statusOf(neighbour)).toBe('pending');
  });
});

describe('a late charge of an order with capture: immediate that was given up', () => {
  async function givenUp(): Promise<{ orderId: string; gateway: LedgerGateway; sku: string }> {
    const sku = await world.product({ onHand: 1 });
    const orderId = await order(sku);
    const gateway = new LedgerGateway();
    gateway.fails = { charge: 'answer lost' };
    await world.runner({ gateway }).drive(orderId);
    await act('resolve', orderId);
    gateway.fails = {};
    await passTime(world, orderId);
    return { orderId, gateway, sku };
  }

  it('places it after all when its stock is still there', async () => {
    const { orderId, gateway } = await givenUp();
    await world.runner({ gateway }).drive(orderId);
    expect(await endOf(world, orderId)).toEqual({ order: 'placed', reservation: 'confirmed', reserved: 1 });
    expect(gateway.moneyOf(orderId)).toEqual({ kept: 1_000, setAside: 0 });
  });

  it('is refunded when its stock is gone', async () => {
    const { orderId, gateway, sku } = await givenUp();
    await world.reserve([{ sku, quantity: 1 }]);
    await world.runner({ gateway }).drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (abandoned)' });
    expect(gateway.moneyOf(orderId)).toEqual({ kept: 0, setAside: 0 });
  });
});
