import { newId } from '../../src/ids';
import {
  type FoundDifference,
  addProgress,
  beginReconciliation,
  endReconciliation,
  findReconciliation,
  listReconciliations,
  newestOf,
} from '../../src/reconciliation/reconciliations.repository';
import { type World, createWorld } from '../support/fixtures';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
beforeEach(() => world.rows('DELETE FROM reconciliations'));
afterAll(() => world.close());

const period = { from: new Date('2026-11-19T03:00:00Z'), to: new Date('2026-11-20T03:00:00Z') };
const begin = async (actor = 'nightly') => {
  const id = newId();
  return (await beginReconciliation(world.db, { id, actor, ...period })) ? id : undefined;
};
const difference = (nth: number): FoundDifference => ({
  kind: 'not_captured',
  orderId: null,
  ours: `captured ${nth}`,
  provider: 'requires_capture',
  amountAtRisk: { amount: nth, currency: 'EUR' },
  caseId: null,
});

describe('a reconciliation in the database', () => {
  it('runs once at a time when several processes start it', async () => {
    const begun = await Promise.all([begin('a'), begin('b'), begin('c'), begin('d')]);
    const ids = begun.filter(Boolean);
    expect(ids).toHaveLength(1);
    await endReconciliation(world.db, ids[0]!, null);
    expect(await begin('e')).toBeDefined();
  });

  it('is failed by the next one when its process ended, and cannot go on then', async () => {
    const crashed = (await begin())!;
    await world.rows(`UPDATE reconciliations SET lease_expires_at = clock_timestamp() - interval '1 second'`);
    const next = (await begin())!;
    expect(await findReconciliation(world.db, crashed)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('Run the period again'),
    });
    expect(await addProgress(world.db, crashed, { compared: 1, others: 0, differences: [] })).toBe(false);
    await endReconciliation(world.db, crashed, null);
    expect(await findReconciliation(world.db, crashed)).toMatchObject({ status: 'failed', compared: 0 });
    expect(await findReconciliation(world.db, next)).toMatchObject({ status: 'running' });
  });

  it('keeps its lease while it reports progress', async () => {
    const id = (await begin())!;
    await world.rows(`UPDATE reconciliations SET lease_expires_at = clock_timestamp() + interval '1 second'`);
    expect(await addProgress(world.db, id, { compared: 0, others: 0, differences: [] })).toBe(true);
    const [lease] = await world.rows<{ left: number }>(
      `SELECT extract(epoch FROM lease_expires_at - clock_timestamp())::float8 AS left FROM reconciliations`,
    );
    expect(lease!.left).toBeGreaterThan(30);
  });

  it('adds up its progress, counts every difference and lists the first 500', async () => {
    const id = (await begin())!;
    const many = Array.from({ length: 300 }, (_, nth) => difference(nth));
    await addProgress(world.db, id, { compared: 400, others: 3, differences: many });
    await addProgress(world.db, id, { compared: 400, others: 1, differences: many });
    await addProgress(world.db, id, { compared: 5, others: 0, differences: [difference(999)] });
    await endReconciliation(world.db, id, null);
    const found = (await findReconciliation(world.db, id))!;
    expect(found).toMatchObject({
      status: 'done',
      compared: 805,
      others: 4,
      differenceCount: 601,
      error: null,
    });
    expect(found.differences).toHaveLength(500);
    expect(found.differences[0]).toEqual(difference(0));
    expect(found.differences.at(-1)).toEqual(difference(199));
  });

  it('is listed newest first, a page at a time', async () => {
    const ids: string[] = [];
    for (const error of [null, 'the provider did not answer', null]) {
      const id = (await begin(error === null ? 'nightly' : 'anna'))!;
      await endReconciliation(world.db, id, error);
      ids.unshift(id);
    }
    const page = await listReconciliations(world.db, 2, null);
    expect(page.map(({ id }) => id)).toEqual(ids);
    const rest = await listReconciliations(world.db, 2, ids[1]!);
    expect(rest.map(({ id }) => id)).toEqual([ids[2]]);
    expect(await newestOf(world.db, 'anna', 'done')).toBeUndefined();
    expect(await newestOf(world.db, 'anna', 'any')).toMatchObject({ id: ids[1], status: 'failed' });
    expect(await newestOf(world.db, 'nightly', 'done')).toMatchObject({ id: ids[0], ...period });
  });
});
