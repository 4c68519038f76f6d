import type { GatewayResult } from '../../src/payment/gateways/gateway';
import type { LookupResult } from '../../src/payment/provider-lookup';
import { findSagaFacts } from '../../src/reporting/order-timeline/saga-facts';
import { optionsOf } from '../../src/reporting/order-timeline/saga-options';
import { sagaView } from '../../src/reporting/order-timeline/saga-view';
import { findCase } from '../../src/reporting/review/review';
import { caseView } from '../../src/reporting/review/review-formatting';
import { newId } from '../../src/ids';
import { createWorld, expectInvariants, operator, shop, type World } from '../support/fixtures';
import { notDone, serverError, silence } from '../support/scripted-gateway';
import { passTime } from '../support/sagas';

/** What an operator reads when the provider decides later, takes something back, or refuses our request. */

let world: World;
beforeEach(async () => (world = await createWorld()));
afterEach(async () => {
  world.gateway.expectSpoken();
  await expectInvariants(world);
  await world.close();
});

async function drive(orderId: string): Promise<void> {
  await passTime(world, orderId);
  await world.runner().drive(orderId);
}

const viewOf = async (orderId: string) => sagaView((await findSagaFacts(world.db, orderId))!);
/** With plain spaces, and without what differs from run to run. */
const plain = (text: string) =>
  text
    .replaceAll('\u202f', ' ')
    .replace(/SKU-\d+/, 'SKU')
    .replace(/ in [\d.]+ m?s\./, ' in time.')
    .replace(/\d\d:\d\d:\d\d UTC/, '10:00:00 UTC');
const storyOf = async (orderId: string) => (await viewOf(orderId)).story.map(plain);

const noLookup: LookupResult = { answered: false, problem: null, record: null, askedAt: null };
const optionsFor = async (orderId: string, lookup = noLookup) =>
  optionsOf((await findSagaFacts(world.db, orderId))!, lookup);
const caseOf = async (orderId: string) => {
  const view = caseView((await findCase(world.db, orderId))!);
  return { ...view, title: plain(view.title), facts: view.facts.map(plain) };
};

const approved = (amount = 1_000): GatewayResult => ({
  status: 'approved',
  reference: 'ref',
  amount,
  currency: 'EUR',
});
const pending = (waitsFor: 'buyer' | 'provider'): GatewayResult => ({
  status: 'pending',
  reference: 'pi_1',
  waitsFor,
});
const failedRefund: GatewayResult = {
  status: 'failed',
  reference: 're_1',
  reason: 'expired_or_canceled_card',
};
const refused: GatewayResult = {
  status: 'misused',
  code: 'parameter_unknown',
  requestId: 'req_123',
  detail: 'Received unknown parameter: foo',
  httpStatus: 400,
};
const savedError: GatewayResult = { ...serverError, code: 'saved_error' } as GatewayResult;

async function refunding(result: GatewayResult): Promise<string> {
  const orderId = await world.order();
  world.gateway.expect('authorize').expect('capture');
  await drive(orderId);
  await world.orders.requestCancellation(orderId, 'refund', newId(), shop);
  world.gateway.expect('refund', result);
  await drive(orderId);
  return orderId;
}

async function failsLater(orderId: string): Promise<void> {
  await world.rows(
    `UPDATE payment_operations SET status = 'failed', failure_reason = 'declined' WHERE order_id = $1 AND kind = 'refund'`,
    [orderId],
  );
}

const retry = (orderId: string) =>
  world.sagaActions.perform('retry', orderId, { reason: 'the bank fixed it' }, operator);

describe('the story of an order whose provider decides later', () => {
  it('says that a refund was accepted and has not finished', async () => {
    const orderId = await refunding(pending('provider'));
    expect(await storyOf(orderId)).toEqual([
      'A refund was asked for after the order was placed, so 1 unit of SKU went back on sale.',
      'The customer paid € 10.00; the provider has accepted the refund of € 10.00 and has not finished it.',
    ]);
    const { money, operations } = await viewOf(orderId);
    expect(money).toMatchObject({ refunded: { amount: 0 }, paid: { amount: 1_000 } });
    expect(operations.at(-1)).toMatchObject({
      kind: 'refund',
      number: 1,
      status: 'pending',
      waitsFor: 'provider',
    });
    // The provider counts a pending refund, which is no difference.
    const record = { reference: 'ref', currency: 'EUR', authorized: 1_000, captured: 1_000, voided: 0 };
    const { comparison } = await optionsFor(orderId, {
      answered: true,
      problem: null,
      record: { ...record, refunded: 1_000 },
      askedAt: new Date(Date.now() + 60_000),
    });
    expect(comparison.refunded).toBe('not_heard');
  });

  it('says that an authorization is still being decided', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', pending('provider'));
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The provider had not decided about the authorization.',
      'It waits at authorize-payment and is tried again by itself.',
      'The customer has paid nothing; whether money is held is not known yet.',
    ]);
    expect((await viewOf(orderId)).money).toMatchObject({ authorized: null, captured: { amount: 0 } });
    world.gateway.expectLook(approved()).expect('capture');
    await drive(orderId);
    const { attempts, story } = await viewOf(orderId);
    expect(attempts.map(({ operation, looksUp }) => [operation, looksUp])).toEqual([
      [null, false],
      ['authorize', false],
      ['authorize', true],
      ['capture', false],
      [null, false],
    ]);
    expect(plain(story[0]!)).toBe(
      'The provider had not decided about the first authorization; Holdfast asked once more, and it went through.',
    );
  });

  it('says that the buyer must authenticate, and what became of it', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', pending('buyer'));
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The buyer must authenticate the payment; the stock stays reserved until then.',
      'The customer has paid nothing; whether money is held is not known yet.',
    ]);
    await world.rows(
      `UPDATE payment_operations SET action_expires_at = clock_timestamp() WHERE order_id = $1`,
      [orderId],
    );
    world.gateway.expectLook(pending('buyer')).expect('void');
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The buyer did not authenticate the payment in time, so the authorization was voided and 1 unit of SKU went back on sale.',
      'The customer paid nothing.',
    ]);
    const { attempts } = await viewOf(orderId);
    expect(attempts.map(({ operation, outcome }) => [operation, outcome])).toEqual([
      [null, 'done'],
      ['authorize', 'done'],
      ['authorize', 'declined'],
      ['void', 'undone'],
      [null, 'undone'],
    ]);
  });

  it('names the amount that the bank authorized instead of the total', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', approved(400)).expect('void', silence);
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The provider did not answer the void.',
      'The bank authorized € 4.00 of € 10.00, and everything is being undone.',
      'The customer paid nothing; whether the hold of € 4.00 was lifted is not known yet.',
    ]);
    expect((await viewOf(orderId)).money).toMatchObject({ authorized: { amount: 400 } });
    world.gateway.expectLook(approved(400));
    await drive(orderId);
    expect((await viewOf(orderId)).money).toMatchObject({ voided: { amount: 400 } });
  });
});

describe('the story of an order whose refund failed', () => {
  it('says why it stopped, what a retry does, and how much is at risk', async () => {
    const orderId = await refunding(failedRefund);
    expect(await storyOf(orderId)).toEqual([
      'A refund was asked for after the order was placed. The refund failed (expired or canceled card); it stopped at capture-payment and an operator must act.',
      'The customer paid € 10.00; the refund of € 10.00 did not reach the customer: expired or canceled card.',
    ]);
    expect((await viewOf(orderId)).money).toMatchObject({
      refunded: { amount: 0 },
      paid: { amount: 1_000 },
    });
    const { retry: option, suggested } = await optionsFor(orderId);
    expect(plain(option.why)).toBe(
      'Makes a new refund of € 10.00 under a new key. The failed one did not reach the customer. If the customer was paid in another way, mark the order as resolved instead.',
    );
    expect(option).toMatchObject({ refund: { amount: 1_000 }, endsAs: 'refunded' });
    expect(suggested).toBeNull();
    expect(await caseOf(orderId)).toMatchObject({
      title: 'Refund failed: expired or canceled card',
      moneyAtRisk: { amount: 1_000 },
      waitsFor: 'operator',
    });
    await retry(orderId);
    world.gateway.expect('refund');
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The order was placed and then refunded, so the capture was refunded and 1 unit of SKU went back on sale.',
      'The customer paid € 10.00 and got € 10.00 back.',
    ]);
    const { attempts } = await viewOf(orderId);
    expect(
      attempts.flatMap(({ operation, key }) => (operation === 'refund' ? [key!.slice(-8)] : [])),
    ).toEqual(['refund:1', 'refund:2']);
  });

  it('no longer says that the customer got the money back when it failed later', async () => {
    const orderId = await refunding(approved());
    await failsLater(orderId);
    expect(await storyOf(orderId)).toEqual([
      'A refund was asked for after the order was placed, so 1 unit of SKU went back on sale.',
      'The customer paid € 10.00; the refund of € 10.00 did not reach the customer: declined.',
    ]);
    await retry(orderId);
    world.gateway.expect('refund', silence);
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The provider did not answer the second refund.',
      'A failed refund is made again, after 1 unit of SKU went back on sale; Holdfast still asks the provider about the refund.',
      'The customer paid € 10.00; whether the refund of € 10.00 went through is not known yet.',
    ]);
    world.gateway.expectLook(approved());
    await drive(orderId);
  });
});

describe('the story of an order whose request the provider refused', () => {
  it("gives the provider's code and request id, and says to fix the cause first", async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', refused);
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The provider refused our request for the authorization (parameter_unknown, request req_123); it stopped at authorize-payment and an operator must act.',
      'The customer has paid nothing yet.',
    ]);
    const { retry: option } = await optionsFor(orderId);
    expect(option.why).toBe(
      'Asks again with the same key. It cannot charge twice. The provider refused the request itself (parameter_unknown, request req_123): fix its cause first, or it stops again.',
    );
    expect(await caseOf(orderId)).toMatchObject({
      title: 'Provider refused our request: parameter_unknown',
      facts: [
        'The provider refused our request for the authorization (parameter_unknown, request req_123).',
        'An operator must act.',
        '1 unit of SKU cannot be sold until this ends.',
      ],
    });
    await retry(orderId);
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
  });

  it('says that it goes on by itself after a refused key', async () => {
    const orderId = await world.order();
    const expired: GatewayResult = { ...refused, code: 'api_key_expired', httpStatus: 401 };
    world.gateway.expect('authorize', expired);
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The provider refused our request for the authorization (api_key_expired, request req_123); it is stuck at authorize-payment and Holdfast asks again by itself.',
      'The customer has paid nothing yet.',
    ]);
    expect(await caseOf(orderId)).toMatchObject({
      title: 'Provider refused our request: api_key_expired',
      facts: [
        'The provider refused our request for the authorization (api_key_expired, request req_123).',
        'Holdfast keeps asking.',
        '1 unit of SKU cannot be sold until this ends.',
      ],
    });
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
  });
});

describe('the story of an order whose provider saved an error', () => {
  it('says that nothing was done and that a new request follows', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize').expect('capture', serverError);
    await drive(orderId);
    world.gateway.expectLook(notDone, notDone).expect('capture', savedError);
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The provider answered the first capture with an error (500); Holdfast asked once more, and nothing was done: a new request follows.',
      'It waits at capture-payment and is tried again by itself.',
      'The customer has paid nothing yet; € 10.00 is held.',
    ]);
    world.gateway.expect('capture');
    await drive(orderId);
    expect(await storyOf(orderId)).toEqual([
      'The provider answered the first capture with an error (500); Holdfast asked twice more, and it went through.',
      'The order was placed in time.',
      'The customer paid € 10.00.',
    ]);
  });
});
