import { type ClaimOutcome, claimKeys, dropKeys } from '../../src/idempotency/idempotency.repository';
import { outcomeOf, createWorld, expectInvariants, untilBlocked, type World } from '../support/fixtures';
import { seeded } from '../support/seeded';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const test = 'test operation';
const claim = (key: string, body: unknown = 'body', operation = test) => world.claim(operation, key, body);
const claimAlone = async (one: ReturnType<typeof claim>) =>
  (await world.db.transaction('command', (tx) => claimKeys(tx, [one])))[0]!;

const wordOf = (outcome: ClaimOutcome) =>
  outcome.first ? 'first' : 'reused' in outcome ? 'reused' : `like ${outcome.resourceId}`;

describe('concurrent copies of a request', () => {
  it('make one order, and all return it', async () => {
    const sku = await world.product({ onHand: 50 });
    const first = world.claim();
    const copies = Array.from({ length: 30 }, () =>
      world.checkout([{ sku, quantity: 1 }], { claim: { ...first, resourceId: world.claim().resourceId } }),
    );

    const answers = await Promise.all(copies.map((copy) => world.intake.accept(copy)));

    expect(new Set(answers.map(({ orderId }) => orderId)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
  });

  it('make one reservation', async () => {
    const sku = await world.product();
    const key = world.claim('reservations');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => {
        const request = world.reservationRequest([{ sku, quantity: 1 }]);
        return world.reservations.create(request, { ...key, resourceId: request.id });
      }),
    );

    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
  });

  it('are refused with different bodies, and take no stock', async () => {
    const sku = await world.product();
    const checkouts = [1, 2].map((quantity) =>
      world.checkout([{ sku, quantity }], { claim: world.claim('orders', 'one key', quantity) }),
    );
    await world.intake.accept(checkouts[0]!);

    expect(await outcomeOf(world.intake.accept(checkouts[1]!))).toBe('idempotency_key_reused');
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
  });
});

describe('an idempotency key that another transaction is claiming', () => {
  /** Claims in an open transaction; the rival arrives while it is open. */
  async function besideARival(
    ending: 'commit' | 'rollback' | 'give back',
    rivalBody: unknown,
  ): Promise<{ owner: string; outcome: string }> {
    const one = claim(`contested ${ending} ${String(rivalBody)}`);
    let rival: Promise<ClaimOutcome> | undefined;
    const work = world.db.transaction('command', async (tx) => {
      expect(await claimKeys(tx, [one])).toEqual([{ first: true }]);
      rival = claimAlone(claim(one.key, rivalBody));
      await untilBlocked(world);
      if (ending === 'give back') await dropKeys(tx, [one]);
      if (ending === 'rollback') throw new Error('rolled back on purpose');
    });
    await work.catch(() => undefined);
    return { owner: one.resourceId, outcome: wordOf(await rival!) };
  }

  it('replays what that transaction made', async () => {
    const { owner, outcome } = await besideARival('commit', 'body');
    expect(outcome).toBe(`like ${owner}`);
  });

  it('is refused to a different request after that transaction has committed', async () => {
    expect((await besideARival('commit', 'another body')).outcome).toBe('reused');
  });

  it.each(['rollback', 'give back'] as const)('is free again after a %s', async (ending) => {
    expect((await besideARival(ending, 'body')).outcome).toBe('first');
    expect((await besideARival(ending, 'another body')).outcome).toBe('first');
  });
});

describe('an idempotency key', () => {
  it('belongs to one caller and one operation', async () => {
    const mine = claim('shared');
    const yours = { ...claim('shared', 'your body'), principal: 'another shop' };
    const forSomethingElse = claim('shared', 'a third body', 'another operation');

    for (const one of [mine, yours, forSomethingElse]) expect(wordOf(await claimAlone(one))).toBe('first');
    for (const one of [mine, yours, forSomethingElse])
      expect(wordOf(await claimAlone({ ...one }))).toBe(`like ${one.resourceId}`);
  });

  it('is freed without affecting other keys', async () => {
    const [gone, kept] = [claim('gone'), claim('kept')];
    const neighbour = { ...claim('gone'), principal: 'another shop' };
    await world.db.transaction('command', (tx) => claimKeys(tx, [gone, kept, neighbour]));

    await world.db.transaction('command', (tx) => dropKeys(tx, [gone]));

    const outcomes = await world.db.transaction('command', (tx) => claimKeys(tx, [gone, kept, neighbour]));
    expect(outcomes.map(wordOf)).toEqual([
      'first',
      `like ${kept.resourceId}`,
      `like ${neighbour.resourceId}`,
    ]);
  });

  it('belongs to the first of its requests in a batch', async () => {
    const first = claim('thrice');
    const outcomes = await world.db.transaction('command', (tx) =>
      claimKeys(tx, [first, claim('thrice'), claim('thrice', 'another body'), claim('once')]),
    );
    expect(outcomes.map(wordOf)).toEqual(['first', `like ${first.resourceId}`, 'reused', 'first']);
  });
});

describe('transactions with many keys', () => {
  it(
    'never deadlock, whatever the order of their keys',
    seeded(async (random) => {
      const before = await world.deadlocks();
      for (let round = 0; round < 10; round++) {
        const keys = Array.from({ length: 60 }, (_, nth) => `round ${round} key ${nth}`);
        const batches = Array.from({ length: 6 }, () => random.shuffled(keys).map((key) => claim(key)));

        const outcomes = await Promise.all(
          batches.map((batch) => world.db.transaction('command', (tx) => claimKeys(tx, batch))),
        );

        expect(outcomes.flat().filter((outcome) => outcome.first)).toHaveLength(keys.length);
      }
      expect((await world.deadlocks()) - before).toBe(0);
    }),
  );
});
