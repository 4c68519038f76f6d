import { Contention } from '../../src/inventory/allocation/contention';
import { ContentionModes } from '../../src/inventory/allocation/contention-modes';

let contention: Contention;
let modes: ContentionModes;
beforeEach(() => {
  jest.useFakeTimers({ now: Date.UTC(2026, 10, 20) });
  contention = new Contention();
  modes = new ContentionModes(contention);
});
afterEach(() => void jest.useRealTimers());

const sku = 'SKU-1';
const inSeconds = (seconds: number) => jest.advanceTimersByTime(seconds * 1_000);
const times = (count: number, act: () => void) => Array.from({ length: count }, act);

describe('contention of a SKU', () => {
  it('is reported per reservation and second over the last minute, and then forgotten', () => {
    times(30, () => contention.noteTake(sku, 'row-lock', 1));
    times(15, () => contention.noteConflict(sku, 'row-lock'));

    expect(contention.figures(sku)).toMatchObject([
      { sku, strategy: 'row-lock', reservationsPerSecond: 0.5, conflictRate: 0.5, batchSize: 1 },
    ]);
    inSeconds(59);
    expect(contention.figures(sku)).toHaveLength(1);
    inSeconds(1);
    expect(contention.figures(sku)).toEqual([]);
  });

  it('never reports a lock wait shorter than it was, for any percentile', () => {
    times(98, () => contention.noteTake(sku, 'row-lock', 1.5));
    times(2, () => contention.noteTake(sku, 'row-lock', 180));
    expect(contention.figures(sku)[0]!.lockWait).toEqual({ p50: 2, p99: 200 });
  });

  it('counts every buyer of a batch with the lock wait of the batch', () => {
    contention.noteTake(sku, 'grouped', 0.4);
    contention.noteTake(sku, 'grouped', 9, 19);
    expect(contention.figures(sku)).toMatchObject([{ batchSize: 10, lockWait: { p50: 10, p99: 10 } }]);
  });

  it('is kept per strategy, the busiest first', () => {
    contention.noteTake(sku, 'row-lock', 1);
    times(2, () => contention.noteTake(sku, 'grouped', 1));
    expect(contention.figures(sku).map(({ strategy }) => strategy)).toEqual(['grouped', 'row-lock']);
  });

  it('counts the requests that arrived and have no result yet', () => {
    contention.noteTake(sku, 'row-lock', 1);
    const ends = [contention.noteArrival(sku, 'row-lock'), contention.noteArrival(sku, 'row-lock')];
    expect(contention.figures(sku)[0]!.waiting).toBe(2);
    ends.forEach((end) => end());
    expect(contention.figures(sku)[0]!.waiting).toBe(0);
  });
});

describe('contention mode of an adaptive product', () => {
  /** So many buyers a second, for so long, each with that lock wait. */
  function buyers(perSecond: number, waitMs: number, seconds = 3): void {
    for (let second = 0; second < seconds; second++) {
      times(perSecond, () => contention.noteTake(sku, modes.isGrouped(sku) ? 'grouped' : 'adaptive', waitMs));
      inSeconds(1);
    }
  }

  it('is single while nobody waits, for any number of buyers', () => {
    buyers(500, 1);
    expect(modes.isGrouped(sku)).toBe(false);
  });

  it('is single while only a few buyers wait', () => {
    buyers(2, 400);
    expect(modes.isGrouped(sku)).toBe(false);
  });

  it('becomes grouped when half of the buyers wait for the stock row, with the reason', () => {
    buyers(40, 8);
    expect(modes.isGrouped(sku)).toBe(true);
    expect(modes.modeOf(sku)).toMatchObject({
      grouped: true,
      reason: expect.stringMatching(/waited more than 5 ms/),
    });
  });

  it('becomes grouped when every fifth try is lost to rivals', () => {
    times(40, () => contention.noteTake(sku, 'adaptive', 1));
    times(10, () => contention.noteConflict(sku, 'adaptive'));
    expect(modes.isGrouped(sku)).toBe(true);
    expect(modes.modeOf(sku).reason).toBe('25 % of tries were lost to rivals');
  });

  it('stays grouped while batches have several buyers', () => {
    buyers(40, 8);
    for (let second = 0; second < 60; second++) {
      times(10, () => contention.noteTake(sku, 'grouped', 1, 4));
      expect(modes.isGrouped(sku)).toBe(true);
      inSeconds(1);
    }
  });

  it('stays grouped for ten seconds at least, also with batches of one', () => {
    buyers(40, 8);
    const since = modes.modeOf(sku).since.getTime();
    while (modes.isGrouped(sku)) {
      times(40, () => contention.noteTake(sku, 'grouped', 1));
      inSeconds(1);
    }
    expect((modes.modeOf(sku).since.getTime() - since) / 1_000).toBeGreaterThanOrEqual(10);
    expect(modes.modeOf(sku)).toMatchObject({ grouped: false, reason: 'its batches have 1.0 buyers' });
  });

  it('becomes single again when there are no requests', () => {
    buyers(40, 8);
    inSeconds(60);
    expect(modes.isGrouped(sku)).toBe(false);
    expect(modes.modeOf(sku).reason).toBe('no requests');
  });
});
