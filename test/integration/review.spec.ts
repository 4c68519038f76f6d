import { newId, publicId } from '../../src/ids';
import {
  type ReviewKey,
  type ReviewSort,
  findCase,
  listCases,
  reviewCounts,
} from '../../src/reporting/review/review';
import { caseView } from '../../src/reporting/review/review-formatting';
import { Checkout } from '../support/checkouts';
import { createWorld, expectInvariants, type World } from '../support/fixtures';

/** All cases for an operator in one list, in both sort orders, without any that resolve themselves. */

let world: World;
beforeEach(async () => (world = await createWorld()));
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

const lost = { capture: 'question lost' } as const;
const captureLost = async (amount: number) =>
  (await Checkout.start(world, { amount, quantity: 2 })).driveWhile(lost);

async function stuck(amount: number): Promise<string> {
  const found = await (await captureLost(amount)).spendAttempts();
  return (await found.driveWhile(lost)).orderId;
}

async function unheardThrice(amount: number): Promise<Checkout> {
  const found = await captureLost(amount);
  await found.driveWhile(lost);
  return found.driveWhile(lost);
}

async function deadLetter(): Promise<string> {
  const { id } = await world.row<{ id: string }>(
    `SELECT m.id FROM outbox m WHERE m.type = 'order.accepted'
        AND NOT EXISTS (SELECT FROM dead_letters d WHERE d.id = m.id) ORDER BY m.id LIMIT 1`,
  );
  await world.rows(
    `INSERT INTO dead_letters (id, type, aggregate_id, reason, attempts, died_at)
     SELECT id, type, aggregate_id, 'its handler threw', 3, clock_timestamp() FROM outbox WHERE id = $1`,
    [id],
  );
  return id;
}

async function all(sort: ReviewSort, pageSize = 100): Promise<string[]> {
  const seen: string[] = [];
  for (let after: ReviewKey | null = null; ;) {
    const rows = await listCases(world.db, { kinds: null, sort, limit: pageSize, after });
    seen.push(...rows.slice(0, pageSize).map(({ id }) => id));
    if (rows.length <= pageSize) return seen;
    after = rows[pageSize - 1]!;
  }
}

describe('the list of cases', () => {
  it('contains stuck sagas, payments without a result after two retries, and dead letters, by money and by age', async () => {
    const cheap = await stuck(100);
    const { orderId: dear } = await unheardThrice(90_000);
    const letter = await deadLetter();
    const middle = await stuck(5_000);
    // Asked twice only: it may still resolve itself.
    await (await captureLost(1_000_000)).driveWhile(lost);

    expect(await all('money')).toEqual([dear, middle, cheap, letter]);
    expect(await all('age')).toEqual([cheap, dear, letter, middle]);
    expect(await all('money', 1)).toEqual(await all('money'));
    expect(await all('age', 3)).toEqual(await all('age'));
    const kinds = await listCases(world.db, { kinds: ['unknown'], sort: 'age', limit: 9, after: null });
    expect(kinds.map(({ id }) => id)).toEqual([dear]);
    expect(await reviewCounts(world.db)).toMatchObject({
      stuckSagas: 2,
      unknownPayments: 1,
      deadLetters: 1,
      moneyAtRisk: [{ amount: 190_200, currency: 'EUR' }],
      oldestSeconds: expect.any(Number),
    });
  });

  it('shows each case with title, facts, money and units', async () => {
    const orderId = await stuck(5_000);
    const view = caseView((await findCase(world.db, orderId))!);
    expect(view).toMatchObject({
      id: publicId('ord', orderId),
      kind: 'stuck',
      customerId: 'cus_1',
      title: 'Capture has no answer after 2 attempts',
      moneyAtRisk: { amount: 10_000, currency: 'EUR' },
      units: 2,
      step: 'capture-payment',
    });
    expect(view.facts[0]).toMatch(/^The money was authorized at \d\d:\d\d:\d\d UTC\.$/);
    expect(view.facts[1]).toMatch(
      /^The provider was asked twice about the capture, sent last at .*, and gave no clear answer\.$/,
    );
    expect(view.facts[2]).toBe('Holdfast keeps asking.');
    expect(view.waitsFor).toBe('next_run');
    expect(view.facts[3]).toMatch(/^2 units of SKU-\d+ cannot be sold until this ends\.$/);

    const letter = caseView((await findCase(world.db, await deadLetter()))!);
    expect(letter).toMatchObject({
      kind: 'dead_letter',
      title: 'order.accepted could not be applied',
      moneyAtRisk: null,
      units: 0,
      step: null,
    });
    expect(letter.id).toMatch(/^evt_/);
  });

  it('names both amounts when the provider took another one', async () => {
    const found = await Checkout.start(world);
    found.gateway.overcharge = 1;
    await found.driveWhile({});
    const view = caseView((await findCase(world.db, found.orderId))!);
    expect(view.title).toBe('Amount differs: asked €\u202f10.00, provider says €\u202f10.01');
    expect(view.facts).toEqual([
      'The provider authorized €\u202f10.01 and we asked for €\u202f10.00.',
      'An operator must act.',
      expect.stringContaining('cannot be sold until this ends.'),
    ]);
    expect(view).toMatchObject({ nextAttemptInSeconds: null, waitsFor: 'operator' });
    await world.rows(
      `UPDATE sagas SET status = 'running', next_run_at = clock_timestamp() WHERE status = 'stuck'`,
    );
  });

  it('keeps the age of a case when its kind changes, and restarts it for a problem of a later step', async () => {
    const found = await unheardThrice(100);
    const { orderId } = found;
    const minutesOld = async () => {
      const { kind, since, now } = (await findCase(world.db, orderId))!;
      return [kind, Math.round((now.getTime() - since.getTime()) / 60_000)];
    };
    // Ten minutes pass, by the times in the database.
    const tenMinutes = async () => {
      await world.rows(
        `UPDATE payment_operations SET created_at = created_at - interval '10 minutes' WHERE order_id = $1`,
        [orderId],
      );
      await world.rows(`UPDATE saga_transitions SET at = at - interval '10 minutes' WHERE order_id = $1`, [
        orderId,
      ]);
    };
    await tenMinutes();
    expect(await minutesOld()).toEqual(['unknown', 10]);
    await (await found.spendAttempts()).driveWhile(lost);
    expect(await minutesOld()).toEqual(['stuck', 10]);
    await tenMinutes();
    await found.act('retry');
    await found.driveWhile(lost);
    expect(await minutesOld()).toEqual(['unknown', 20]);
    await (await found.spendAttempts()).driveWhile(lost);
    expect(await minutesOld()).toEqual(['stuck', 20]);
    expect((await reviewCounts(world.db)).oldestSeconds).toBeGreaterThanOrEqual(1_200);

    // The capture gets its result and the order is placed; a refund without a result is a new case.
    await found.driveToItsEnd();
    await tenMinutes();
    await found.refund();
    for (let times = 0; times < 3; times++) await found.driveWhile({ refund: 'question lost' });
    expect(await minutesOld()).toEqual(['unknown', 0]);
    await (await found.spendAttempts()).driveWhile({ refund: 'question lost' });
    expect(await minutesOld()).toEqual(['stuck', 0]);
    await found.driveToItsEnd();
  });

  it('drops a settled case', async () => {
    const found = await unheardThrice(100);
    expect(await all('money')).toEqual([found.orderId]);
    await found.driveToItsEnd();
    expect(await all('money')).toEqual([]);
    expect(await findCase(world.db, found.orderId)).toBeUndefined();
    expect(await findCase(world.db, newId())).toBeUndefined();
    expect(await reviewCounts(world.db)).toMatchObject({
      stuckSagas: 0,
      oldestSeconds: null,
      moneyAtRisk: [],
    });
  });
});
