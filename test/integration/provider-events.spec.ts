import { ProviderEventWorker } from '../../src/background/provider-event.worker';
import { newId, publicId } from '../../src/ids';
import { storeProviderEvents } from '../../src/payment/webhooks/provider-events.repository';
import { type World, createWorld, expectInvariants } from '../support/fixtures';
import { approvalOf, silence } from '../support/scripted-gateway';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
});
afterAll(() => world.close());

const intentOf = (orderId: string) => `ref_${publicId('ord', orderId)}:authorize:1`;
const routine = 'payment_intent.succeeded';

/** Stored as by the API. Returns its id. */
async function hear(
  orderId: string | null,
  event: { type?: string; reference?: string; stripeAccount?: string; rawBody?: string } = {},
) {
  const { type = routine, reference = orderId === null ? null : intentOf(orderId), ...more } = event;
  const id = `evt_${newId()}`;
  const named = { id, type, providerReference: reference, orderId };
  await storeProviderEvents(world.db, [{ ...named, stripeAccount: null, rawBody: '{}', ...more }]);
  return id;
}
const rowOf = (id: string) =>
  world.row<{ verdict: string | null; settled: boolean; version: string }>(
    `SELECT verdict, processed_at IS NOT NULL AS settled, xmin::text AS version FROM provider_events WHERE id = $1`,
    [id],
  );
async function sweep(): Promise<void> {
  const runner = world.runner();
  await new ProviderEventWorker(world.db, runner).sweep();
  await runner.idle();
}
const checksOf = (orderId: string) => world.rows(`SELECT FROM payment_checks WHERE order_id = $1`, [orderId]);

async function placed(): Promise<string> {
  const orderId = await world.order();
  world.gateway.expect('authorize').expect('capture');
  await world.runner().drive(orderId);
  return orderId;
}

/** What is stored of an event that arrives while the provider is asked. */
async function heardDuring(kind: 'authorize' | 'capture', orderId: string) {
  let heard = '';
  world.gateway.expect(kind, async (request) => {
    heard = await hear(orderId);
    return approvalOf(request);
  });
  return async () => {
    await world.runner().drive(orderId);
    return heard;
  };
}

const settled = { verdict: 'nothing waited for it', settled: true };
const left = { verdict: null, settled: false };

describe('a routine webhook', () => {
  it('is settled as it is stored, and not written again, when its order has ended', async () => {
    const orderId = await placed();
    const id = await hear(orderId);
    const stored = await rowOf(id);
    expect(stored).toMatchObject(settled);

    await sweep();
    expect(await rowOf(id)).toEqual(stored);
    expect(await checksOf(orderId)).toEqual([]);
  });

  it('is settled as it is stored when its capture is being asked for', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize');
    const drive = await heardDuring('capture', orderId);
    expect(await rowOf(await drive())).toMatchObject(settled);
  });

  it('is left to the sweeper when its authorization is being asked for', async () => {
    const orderId = await world.order();
    const drive = await heardDuring('authorize', orderId);
    world.gateway.expect('capture');
    const id = await drive();
    expect(await rowOf(id)).toMatchObject(left);

    await sweep();
    expect(await rowOf(id)).toMatchObject(settled);
    expect(await checksOf(orderId)).toEqual([]);
  });

  it('is left to the sweeper, and wakes the saga, when a result is in doubt', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture', silence);
    await world.runner().drive(orderId);
    const id = await hear(orderId);
    expect(await rowOf(id)).toMatchObject(left);

    world.gateway.expect('capture');
    await sweep();
    expect(await rowOf(id)).toMatchObject({ verdict: 'saga woken' });
    expect(await world.row('SELECT status FROM orders WHERE id = $1', [orderId])).toEqual({
      status: 'placed',
    });
  });

  it('is left to the sweeper when it arrives while the provider is asked about a pending payment', async () => {
    const orderId = await world.order();
    const pending = { status: 'pending', reference: intentOf(orderId), waitsFor: 'provider' } as const;
    world.gateway.expect('authorize', pending);
    await world.runner().drive(orderId);
    await world.rows('UPDATE sagas SET next_run_at = clock_timestamp() WHERE order_id = $1', [orderId]);
    let id = '';
    world.gateway.expect('authorize', async () => {
      id = await hear(orderId);
      return pending;
    });
    await world.runner().drive(orderId);
    expect(await rowOf(id)).toMatchObject(left);

    world.gateway.expect('authorize').expect('capture');
    await sweep();
    expect(await rowOf(id)).toMatchObject({ verdict: 'saga woken' });
  });

  it('is left to the sweeper, and makes a check due, when it names another payment', async () => {
    const orderId = await placed();
    const id = await hear(orderId, { reference: 'pi_other' });
    expect(await rowOf(id)).toMatchObject(left);

    await sweep();
    expect(await rowOf(id)).toMatchObject({ verdict: 'payments checked' });
    expect(await checksOf(orderId)).toHaveLength(1);
  });

  it('is left to the sweeper when it names another order than its payment', async () => {
    const [orderId, other] = [await placed(), await placed()];
    const id = await hear(orderId, { reference: intentOf(other) });
    expect(await rowOf(id)).toMatchObject(left);
  });
});

describe('a webhook that is not routine', () => {
  it('is left to the sweeper, and makes a check due, when its order has ended', async () => {
    const orderId = await placed();
    const id = await hear(orderId, { type: 'charge.dispute.created' });
    expect(await rowOf(id)).toMatchObject(left);

    await sweep();
    expect(await rowOf(id)).toMatchObject({ verdict: 'payments checked' });
    expect(await checksOf(orderId)).toHaveLength(1);
  });
});

describe('a group of webhooks', () => {
  it('is stored once each and settled each by itself', async () => {
    const orderId = await placed();
    const event = {
      type: routine,
      providerReference: intentOf(orderId),
      orderId,
      rawBody: '{}',
      stripeAccount: null,
    };
    const ids = Array.from({ length: 3 }, () => `evt_${newId()}`);
    const [known, news, orphan] = ids as [string, string, string];
    const group = [
      { ...event, id: known },
      { ...event, id: news, type: 'charge.refunded' },
      { ...event, id: orphan, orderId: newId() },
      { ...event, id: known },
    ];
    await storeProviderEvents(world.db, group);
    await storeProviderEvents(world.db, group);

    expect(await rowOf(known)).toMatchObject(settled);
    expect(await rowOf(news)).toMatchObject(left);
    expect(await rowOf(orphan)).toMatchObject(left);
  });
});

describe('a webhook of a connected account', () => {
  const stripeAccount = 'acct_berlin';
  const connected = () => world.order(undefined, { payment: { stripeAccount } });
  const rawBody = JSON.stringify({ data: { object: { metadata: { kind: 'authorize', number: '1' } } } });
  const referenceOf = (orderId: string) =>
    world.row(`SELECT provider_reference AS reference FROM payment_operations WHERE order_id = $1`, [
      orderId,
    ]);

  it('wakes the order that is charged there, and names its payment', async () => {
    const orderId = await connected();
    world.gateway.expect('authorize', silence);
    await world.runner().drive(orderId);
    await hear(orderId, { stripeAccount, reference: 'pi_heard', rawBody });
    world.gateway.expect('authorize').expect('capture');
    await sweep();

    expect(await world.row('SELECT status FROM orders WHERE id = $1', [orderId])).toEqual({
      status: 'placed',
    });
    expect(world.gateway.looks.at(-1)).toMatchObject({ account: stripeAccount, authorization: 'pi_heard' });
  });

  it.each([
    ['another account', 'acct_paris'],
    ['our own account', undefined],
  ])('is about nobody when it names that order from %s', async (_, other) => {
    const orderId = await connected();
    world.gateway.expect('authorize', silence);
    await world.runner().drive(orderId);
    const id = await hear(orderId, {
      reference: 'pi_planted',
      rawBody,
      ...(other && { stripeAccount: other }),
    });
    await sweep();

    expect(await rowOf(id)).toMatchObject({ verdict: 'orphan' });
    expect(await referenceOf(orderId)).toEqual({ reference: null });
  });

  it('is about nobody when it has the reference of a payment at our own account', async () => {
    const orderId = await placed();
    const id = await hear(null, { stripeAccount, reference: intentOf(orderId), type: 'charge.refunded' });
    await sweep();

    expect(await rowOf(id)).toMatchObject({ verdict: 'orphan' });
    expect(await checksOf(orderId)).toEqual([]);
  });
});
