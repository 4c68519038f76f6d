import { hearClock } from '../../src/clock';
import { clockOf } from '../../src/database/database';
import { ProviderLookup, type LookupResult } from '../../src/payment/provider-lookup';
import type { ProviderRecord } from '../../src/payment/provider-lookup';
import { optionsOf } from '../../src/reporting/order-timeline/saga-options';
import { findSagaFacts } from '../../src/reporting/order-timeline/saga-facts';
import { Checkout } from '../support/checkouts';
import { createWorld, expectInvariants, type World } from '../support/fixtures';

/** What an operator sees before an action: whether it is possible, and its result. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const heard = (record: Partial<ProviderRecord> | null): LookupResult => ({
  answered: true,
  problem: null,
  record: record && {
    reference: 'pi_1',
    currency: 'EUR',
    authorized: 1_000,
    captured: 0,
    voided: 0,
    refunded: 0,
    ...record,
  },
  askedAt: new Date(),
});
const unheard: LookupResult = {
  answered: false,
  problem: 'The provider did not answer.',
  record: null,
  askedAt: null,
};

const optionsFor = async ({ orderId }: Checkout, answer: LookupResult) =>
  optionsOf((await findSagaFacts(world.db, orderId))!, answer);
const captureUnheard = async () => (await Checkout.start(world)).driveWhile({ capture: 'answer lost' });

describe('the options of a saga with an unknown capture', () => {
  it('suggest a retry, which ends in placed, when the provider has the money', async () => {
    const options = await optionsFor(await captureUnheard(), heard({ captured: 1_000 }));
    expect(options).toMatchObject({
      suggested: 'retry',
      recorded: { captured: null, authorized: { amount: 1_000 } },
      provider: { answered: true, captured: { amount: 1_000, currency: 'EUR' } },
      retry: { possible: true, endsAs: 'placed', refund: null, units: 0 },
      compensate: { possible: true, endsAs: 'rejected', refund: { amount: 1_000 }, units: 1 },
      resolve: { possible: true, endsAs: 'rejected', refund: null, units: 1 },
    });
    expect(options.retry.why).toContain('The provider has taken €\u202f10.00 already');
    expect(options.compensate.why).toMatch(/^Refunds €\u202f10\.00, puts 1 unit of .* back on sale and ends/);
  });

  it.each([
    ['has only authorized it', heard({}), null],
    ['has taken another amount', heard({ captured: 999 }), { amount: 999 }],
    ['has refunded it already', heard({ captured: 1_000, refunded: 1_000 }), null],
    ['has nothing of it', heard(null), null],
    ['does not answer', unheard, null],
  ])('suggest no action when the provider %s', async (_, answer, refund) => {
    const options = await optionsFor(await captureUnheard(), answer);
    expect(options).toMatchObject({ suggested: null, retry: { possible: true, endsAs: null } });
    expect(options.compensate.refund).toEqual(refund && { ...refund, currency: 'EUR' });
  });
});

describe('the options of a saga', () => {
  it('show what is voided, and that a resolved order may still be charged', async () => {
    const found = await (await Checkout.start(world)).driveWhile({ authorize: 'answer lost' });
    const { compensate, resolve } = await optionsFor(found, heard({}));
    expect(compensate.why).toMatch(/^Voids €\u202f10\.00, puts 1 unit of .* back on sale and ends the order/);
    expect(resolve.why).toMatch(/1 unit of .* goes back on sale\. Holdfast keeps asking the provider/);
    const silent = await optionsFor(found, unheard);
    expect(silent.compensate.why).toMatch(/^Voids what turns out to be authorized, puts/);
  });

  it('promise no result of a retry when the saga stopped for another amount', async () => {
    const found = await (await Checkout.start(world)).driveWhile({ capture: 'held back' });
    found.gateway.overcharge = 1;
    await found.driveWhile({});
    const options = await optionsFor(found, heard({ captured: 1_001 }));
    expect(options).toMatchObject({ suggested: null, retry: { possible: true, endsAs: null } });
    expect(options.retry.why).toContain('The provider answered, so retrying alone will not fix this.');
    expect(options.resolve.why).toMatch(
      /1 unit of .* goes back on sale\. Holdfast asks the provider about the capture once more, and stops again while the amount differs\.$/,
    );
    // The action has the announced result.
    await (await found.act('resolve')).driveWhile({});
    const facts = (await findSagaFacts(world.db, found.orderId))!;
    expect(facts.order).toMatchObject({ status: 'rejected' });
    expect(facts.saga).toMatchObject({ status: 'stuck', nextRunAt: null });
    expect(facts.transitions.at(-1)).toMatchObject({ code: 'amount_differs' });
    expect((await optionsFor(found, heard({ captured: 1_001 }))).resolve.why).toContain('stops again');
    await world.rows(
      `UPDATE sagas SET status = 'compensating', next_run_at = clock_timestamp() WHERE order_id = $1`,
      [found.orderId],
    );
  });

  it('show that resolve voids the authorization when the saga stopped for its amount', async () => {
    const found = await Checkout.start(world);
    found.gateway.overcharge = 1;
    await found.driveWhile({});
    const { resolve } = await optionsFor(found, heard({ authorized: 1_001 }));
    expect(resolve).toMatchObject({ possible: true, endsAs: 'rejected', units: 1 });
    expect(resolve.why).toMatch(
      /^Ends the order now\. 1 unit of .* goes back on sale\. Holdfast then voids the authorization, whatever its amount; the order stays rejected\.$/,
    );
    // The action has the announced result.
    await (await found.act('resolve')).driveWhile({});
    expect(await found.end()).toMatchObject({
      order: 'rejected (abandoned)',
      reservation: 'released',
      kept: 0,
      setAside: 0,
    });
    expect((await found.saga()).nextRun).toBe('never');
  });
});

describe('the comparison of our record with the provider', () => {
  const comparison = async (found: Checkout, answer: LookupResult) =>
    (await optionsFor(found, answer)).comparison;
  const all = (word: string) =>
    Object.fromEntries(
      ['authorized', 'captured', 'voided', 'refunded', 'reference'].map((name) => [name, word]),
    );
  const later = (answer: LookupResult): LookupResult => ({
    ...answer,
    askedAt: new Date(Date.now() + 60_000),
  });

  it('marks no difference while an authorization has no result', async () => {
    const found = await (await Checkout.start(world)).driveWhile({ authorize: 'answer lost' });
    expect(await comparison(found, heard({}))).toEqual({
      ...all('same'),
      authorized: 'not_heard',
      reference: 'not_heard',
    });
    expect(await comparison(found, heard(null))).toEqual(all('not_heard'));
    expect(await comparison(found, unheard)).toEqual(all('not_heard'));
  });

  it('marks an amount that the provider holds without our request', async () => {
    const found = await Checkout.start(world);
    found.gateway.overcharge = 1;
    await found.driveWhile({});
    expect(await comparison(found, heard({ authorized: 1_001 }))).toMatchObject({
      authorized: 'differs',
      captured: 'same',
    });
    await (await found.act('compensate')).driveToItsEnd();
  });

  it('marks a capture that only one side has, unless it is newer than the provider’s record', async () => {
    const found = await (await Checkout.start(world)).driveWhile({});
    const reference = (await optionsFor(found, unheard)).recorded.reference!;
    const behind = heard({ reference });
    expect(await comparison(found, later(behind))).toEqual({ ...all('same'), captured: 'differs' });
    expect(await comparison(found, behind)).toEqual({ ...all('same'), captured: 'not_heard' });
    expect(await comparison(found, later(heard({ reference, captured: 1_000 })))).toEqual(all('same'));
    expect(await comparison(found, later(heard({ captured: 1_000 })))).toEqual({
      ...all('same'),
      reference: 'differs',
    });
  });
});

describe('an option that is not possible', () => {
  it('stays in the list with the refusal as its reason', async () => {
    const placed = await (await Checkout.start(world)).driveWhile({});
    const options = await optionsFor(placed, heard({ captured: 1_000 }));
    expect(options.suggested).toBeNull();
    for (const act of ['retry', 'compensate', 'resolve'] as const)
      expect(options[act]).toEqual({
        possible: false,
        why: 'The order is placed. To undo it, cancel or refund it.',
        refund: null,
        units: 0,
        endsAs: null,
      });

    const fresh = await optionsFor(await Checkout.start(world), unheard);
    expect(fresh.resolve).toMatchObject({ possible: false });
    expect(fresh.compensate).toMatchObject({ possible: true, refund: null, units: 1 });
  });

  it('promises no result of a retry for a declined refund', async () => {
    const found = await (await Checkout.start(world, { declines: { refund: true } })).driveWhile({});
    await (await found.refund()).driveWhile({});
    const { retry, resolve } = await optionsFor(found, heard({ captured: 1_000 }));
    expect(retry).toMatchObject({ possible: true, endsAs: null });
    expect(resolve).toMatchObject({ possible: true, endsAs: 'refunded' });
    expect(resolve.why).toContain('Moves no money');
    await world.rows(
      `UPDATE sagas SET status = 'compensating', next_run_at = clock_timestamp() WHERE order_id = $1`,
      [found.orderId],
    );
  });

  it('shows the known end of an order that is being compensated', async () => {
    const found = await (
      await Checkout.start(world, { declines: { capture: true } })
    ).driveWhile({ void: 'question lost' });
    const options = await optionsFor(found, heard({ voided: 1_000 }));
    expect(options).toMatchObject({
      suggested: 'retry',
      retry: { possible: true, endsAs: 'rejected' },
      compensate: { possible: false },
      resolve: { possible: true, endsAs: 'rejected', units: 1 },
    });
  });
});

describe('ProviderLookup', () => {
  const order = { orderId: 'ord_1', reference: null };
  const record = heard({}).record;

  it('asks the provider once when several operators open an order at the same time', async () => {
    let asked = 0;
    const lookup = new ProviderLookup({ find: async () => ((asked += 1), record) });
    const answers = await Promise.all([
      lookup.find(order),
      lookup.find(order),
      lookup.find({ ...order, orderId: 'ord_2' }),
    ]);
    await lookup.find(order);
    expect(asked).toBe(2);
    expect(answers[0]).toMatchObject({ answered: true, record, problem: null });
  });

  it('dates its records by the database’s clock in a process whose clock is an hour ahead', async () => {
    const found = await captureUnheard();
    const now = Date.now() - 3_600_000;
    hearClock(new Date(now));
    try {
      const answer = await new ProviderLookup({ find: async () => record }).find(order);
      expect(answer.askedAt!.getTime()).toBeLessThan(now + 60_000);
      const { provider } = await optionsFor(found, answer);
      expect(provider.askedSecondsAgo).toBeLessThan(60);
    } finally {
      await clockOf(world.db);
    }
  });

  describe('after ten seconds', () => {
    beforeEach(() => void jest.useFakeTimers());
    afterEach(() => void jest.useRealTimers());

    it('asks again, and keeps the earlier record with its time when there is no response', async () => {
      let silent = false;
      const lookup = new ProviderLookup({
        find: () => (silent ? new Promise<never>(() => undefined) : Promise.resolve(record)),
      });
      const first = await lookup.find(order);
      silent = true;
      jest.advanceTimersByTime(10_000);
      const second = lookup.find(order);
      await jest.advanceTimersByTimeAsync(3_000);
      expect(await second).toEqual({
        answered: false,
        problem: 'The provider did not answer within 3 s.',
        record,
        askedAt: first.askedAt,
      });
    });
  });

  it('reports a missing response when the connection breaks', async () => {
    const lookup = new ProviderLookup({ find: () => Promise.reject(new Error('ECONNREFUSED')) });
    expect(await lookup.find(order)).toEqual(unheard);
  });
});
