import { newId, publicId } from '../../src/ids';
import { markRestored } from '../../src/orders/checkout-saga/saga.repository';
import type { GatewayResult } from '../../src/payment/gateways/gateway';
import { createWorld, expectInvariants, operator, shop, type World } from '../support/fixtures';
import { notDone, serverError, silence } from '../support/scripted-gateway';
import { endOf, passTime, sagaOf } from '../support/sagas';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const savedError: GatewayResult = { ...serverError, code: 'saved_error' } as GatewayResult;
const conflict: GatewayResult = { status: 'unknown', code: 'key_conflict', detail: 'other parameters' };
const approved = (reference = 'ref'): GatewayResult => ({
  status: 'approved',
  reference,
  amount: 1_000,
  currency: 'EUR',
});
const processing: GatewayResult = { status: 'pending', reference: 'ref', waitsFor: 'provider' };

async function drive(orderId: string): Promise<void> {
  await passTime(world, orderId);
  await world.runner().drive(orderId);
}

/** Lets the time pass since the authorization was sent, as the search delay counts it. */
async function searchIsDue(orderId: string, seconds: number): Promise<void> {
  await world.rows(
    `UPDATE payment_operations SET sent_at = sent_at - $2::int * interval '1 second' WHERE order_id = $1`,
    [orderId, seconds],
  );
}

const operationsOf = async (orderId: string): Promise<string[]> => {
  const rows = await world.rows<{ line: string }>(
    `SELECT kind || ':' || number || ' ' || status AS line FROM payment_operations WHERE order_id = $1 ORDER BY id`,
    [orderId],
  );
  return rows.map(({ line }) => line);
};

const keysOf = (orderId: string) =>
  world.gateway.calls
    .filter(({ request }) => request.metadata.orderId === publicId('ord', orderId))
    .map(({ request }) => request.key.split(':').slice(1).join(':'));

const placed = async (): Promise<string> => {
  const orderId = await world.order();
  world.gateway.expect('authorize').expect('capture');
  await drive(orderId);
  return orderId;
};

const cancel = (orderId: string, by: 'cancel' | 'refund') =>
  world.orders.requestCancellation(orderId, by, newId(), shop);

describe('a doubtful capture, void or refund', () => {
  it('P1: is captured when a look shows it, and never sent again', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture', serverError);
    await drive(orderId);
    world.gateway.expectLook(approved());
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    expect(keysOf(orderId)).toEqual(['authorize:1', 'capture:1']);
  });

  it('P2: is voided when a look shows it', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize')
      .expect('capture', { status: 'declined', code: 'x' })
      .expect('void', serverError);
    await drive(orderId);
    world.gateway.expectLook(approved());
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)' });
    expect(await operationsOf(orderId)).toContain('void:1 approved');
  });

  it('P2: is refunded when a look shows it', async () => {
    const orderId = await placed();
    await cancel(orderId, 'refund');
    world.gateway.expect('refund', serverError);
    await drive(orderId);
    world.gateway.expectLook(approved());
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'refunded' });
  });

  it.each([savedError, conflict])(
    'P6: gets the next number when its key holds an error and a look after that shows nothing ($code; alphagov/pay-connector#3989)',
    async (error) => {
      const orderId = await world.order();
      world.gateway.expect('authorize').expect('capture', serverError);
      await drive(orderId);
      world.gateway.expectLook(notDone, notDone).expect('capture', error);
      await drive(orderId);
      expect(await operationsOf(orderId)).toEqual(['authorize:1 approved', 'capture:1 failed']);
      world.gateway.expect('capture');
      await drive(orderId);
      expect(keysOf(orderId)).toEqual(['authorize:1', 'capture:1', 'capture:1', 'capture:2']);
      expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    },
  );

  it.each<[string, GatewayResult]>([
    ['silence', silence],
    ['a server error that is not saved', serverError],
    ['a key in use', { status: 'unknown', code: 'key_in_use', detail: '409' }],
  ])('P6: keeps its key after %s', async (_, doubt) => {
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture', doubt);
    await drive(orderId);
    world.gateway.expect('capture', doubt);
    await drive(orderId);
    world.gateway.expect('capture');
    await drive(orderId);
    expect(keysOf(orderId)).toEqual(['authorize:1', 'capture:1', 'capture:1', 'capture:1']);
  });

  it('P9: is declined when the provider takes the payment method away', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture', silence);
    await drive(orderId);
    world.gateway.expectLook({ status: 'declined', code: 'requires_payment_method' }).expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)' });
  });
});

describe('a doubtful authorization', () => {
  it('P3: is read by the reference that an event named', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', serverError);
    await drive(orderId);
    await world.rows(`UPDATE payment_operations SET provider_reference = 'pi_1' WHERE order_id = $1`, [
      orderId,
    ]);
    world.gateway.expectLook(approved('pi_1')).expect('capture');
    await drive(orderId);
    expect(world.gateway.looks.at(-1)).toMatchObject({ kind: 'authorize', authorization: 'pi_1' });
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    expect(keysOf(orderId)).toEqual(['authorize:1', 'capture:1']);
  });

  it('P3: keeps a reference that an event named during the call', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', async () => {
      await world.rows(`UPDATE payment_operations SET provider_reference = 'pi_2' WHERE order_id = $1`, [
        orderId,
      ]);
      return silence;
    });
    await drive(orderId);
    world.gateway.expectLook(approved('pi_2')).expect('capture');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('P4: is looked up while it is processing, without spending attempts', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', processing);
    await drive(orderId);
    for (let nth = 0; nth < 12; nth += 1) {
      world.gateway.expectLook(processing);
      await drive(orderId);
    }
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'running', attempt: 1, nextRun: 'waits' });
    expect(await operationsOf(orderId)).toEqual(['authorize:1 pending']);
    world.gateway.expectLook(approved()).expect('capture');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    expect(keysOf(orderId)).toEqual(['authorize:1', 'capture:1']);
  });

  it.each([savedError, conflict])(
    'P5, P7: is adopted when a search finds it ($code; lago-api#3063)',
    async (error) => {
      const orderId = await world.order();
      world.gateway.expect('authorize', error);
      await drive(orderId);
      await searchIsDue(orderId, 61);
      world.gateway.expectLook(approved('pi_found')).expect('capture');
      await drive(orderId);
      expect(world.gateway.looks.at(-1)).toMatchObject({ kind: 'authorize', authorization: null });
      expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
      expect(keysOf(orderId)).toEqual(['authorize:1', 'capture:1']);
    },
  );

  it('P7: gets a new key only when two searches found nothing, each at its time', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', savedError);
    await drive(orderId);
    // Woken too early: it does not count.
    for (const seconds of [0, 59, 10, 100]) {
      await searchIsDue(orderId, seconds);
      world.gateway.expectLook(notDone);
      await drive(orderId);
      expect(await operationsOf(orderId)).toEqual(['authorize:1 unknown']);
    }
    await searchIsDue(orderId, 20);
    world.gateway.expectLook(notDone).expect('authorize').expect('capture');
    await drive(orderId);
    expect(await operationsOf(orderId)).toEqual([
      'authorize:1 failed',
      'authorize:2 approved',
      'capture:1 approved',
    ]);
    expect(keysOf(orderId)).toEqual(['authorize:1', 'authorize:2', 'capture:1']);
  });

  it('P7: leaves nothing to void when two searches of a cancelled order found nothing', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', savedError);
    await drive(orderId);
    await cancel(orderId, 'cancel');
    for (const seconds of [61, 130]) {
      await searchIsDue(orderId, seconds);
      world.gateway.expectLook(notDone);
      await drive(orderId);
    }
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)' });
    expect(await operationsOf(orderId)).toEqual(['authorize:1 failed']);
  });
});

describe('an order whose key the provider may have forgotten', () => {
  it.each(['is older than 23 hours', 'was unfinished when the database was restored'])(
    'P0b: is searched before its first authorization when it %s',
    async (why) => {
      const orderId = await world.order();
      if (why.startsWith('is older')) await makeOld(orderId);
      else expect(await markRestored(world.db)).toBeGreaterThan(0);
      world.gateway.expectLook(approved('pi_lost')).expect('capture');
      await drive(orderId);
      expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
      expect(keysOf(orderId)).toEqual(['capture:1']);
    },
  );

  it('P0b: is searched again when the search got no answer', async () => {
    const orderId = await world.order();
    await makeOld(orderId);
    world.gateway.expectLook(silence);
    await drive(orderId);
    expect(keysOf(orderId)).toEqual([]);
    world.gateway.expectLook(approved('pi_lost')).expect('capture');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    expect(keysOf(orderId)).toEqual(['capture:1']);
  });

  it('P0b: is authorized when the search finds nothing', async () => {
    const orderId = await world.order();
    await makeOld(orderId);
    world.gateway.expectLook(notDone).expect('authorize').expect('capture');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  const makeOld = (orderId: string) =>
    world.rows(`UPDATE orders SET created_at = created_at - interval '23 hours 1 minute' WHERE id = $1`, [
      orderId,
    ]);
});

describe('a request that the provider refuses', () => {
  const typo: GatewayResult = {
    status: 'misused',
    code: 'parameter_unknown',
    requestId: 'req_1',
    detail: 'Received unknown parameter: amuont',
    httpStatus: 400,
  };

  it('P8: stops the saga with Stripe’s code, and is no decline', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', typo);
    await drive(orderId);
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'stuck', nextRun: 'never' });
    expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'pinned' });
    const { code, data } = await world.row<{ code: string; data: unknown }>(
      `SELECT code, data FROM saga_transitions WHERE order_id = $1 ORDER BY version DESC LIMIT 1`,
      [orderId],
    );
    expect(code).toBe('request_refused');
    expect(data).toMatchObject({ providerCode: 'parameter_unknown', requestId: 'req_1' });
    await cancel(orderId, 'cancel');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (cancelled)' });
  });

  it('P8: goes on by itself when it was the key that was refused', async () => {
    const orderId = await world.order();
    for (let nth = 0; nth < 12; nth += 1) {
      world.gateway.expect('authorize', { ...typo, code: 'invalid_api_key', httpStatus: 401 });
      await drive(orderId);
    }
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'stuck', nextRun: 'waits', attempt: 1 });
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });
});

describe('a provider that is too busy', () => {
  it('P11: costs no attempt, and nothing counts as sent', async () => {
    const orderId = await world.order();
    for (let nth = 0; nth < 12; nth += 1) {
      world.gateway.expect('authorize', { status: 'unknown', code: 'provider_busy', detail: '429' });
      await drive(orderId);
    }
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'running', attempt: 1 });
    expect(await operationsOf(orderId)).toEqual(['authorize:1 created']);
    expect(await endOf(world, orderId)).toMatchObject({ reservation: 'pinned' });
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });
});

describe('an authorization that cannot be used', () => {
  it('P12: is voided when the bank authorized less than the total', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize', { status: 'approved', reference: 'ref', amount: 400, currency: 'EUR' })
      .expect('void');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'rejected (payment_declined)', reserved: 0 });
    expect(await codeOf(orderId)).toBe('partial_authorization');
  });

  const codeOf = async (orderId: string) =>
    (await world.orders.get(orderId, shop)).operations.find(({ declineCode }) => declineCode)?.declineCode;
});

describe('a refund', () => {
  async function refunding(result: GatewayResult): Promise<string> {
    const orderId = await placed();
    await cancel(orderId, 'refund');
    world.gateway.expect('refund', result);
    await drive(orderId);
    return orderId;
  }

  it('P17: ends the order when the provider has accepted it', async () => {
    const orderId = await refunding({ status: 'pending', reference: 're_1', waitsFor: 'provider' });
    expect(await endOf(world, orderId)).toMatchObject({ order: 'refunded', reservation: 'returned' });
    expect(await operationsOf(orderId)).toContain('refund:1 pending');
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'compensated' });
  });

  it('P18: stops the saga when it failed at once, and is made again under a new key by an operator alone', async () => {
    const orderId = await refunding({
      status: 'failed',
      reference: 're_1',
      reason: 'expired_or_canceled_card',
    });
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'stuck', nextRun: 'never' });
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    await retry(orderId);
    world.gateway.expect('refund');
    await drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'refunded' });
    expect(keysOf(orderId).slice(2)).toEqual(['refund:1', 'refund:2']);
  });

  it('P18: is made again by an operator when it failed after the order had ended', async () => {
    const orderId = await refunding(approved('re_1'));
    await world.rows(
      `UPDATE payment_operations SET status = 'failed', failure_reason = 'declined' WHERE order_id = $1 AND kind = 'refund'`,
      [orderId],
    );
    const before = await endOf(world, orderId);
    await retry(orderId);
    world.gateway.expect('refund');
    await drive(orderId);
    expect(await endOf(world, orderId)).toEqual(before);
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'compensated' });
    expect(await operationsOf(orderId)).toEqual(
      expect.arrayContaining(['refund:1 failed', 'refund:2 approved']),
    );
    await expect(retry(orderId)).rejects.toMatchObject({ code: 'saga_settled' });
  });

  const retry = (orderId: string) =>
    world.sagaActions.perform('retry', orderId, { reason: 'the bank fixed it' }, operator);
});
