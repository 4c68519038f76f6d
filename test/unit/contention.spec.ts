import { contentionOf, noteArrival, noteConflict, noteTake } from '../../src/inventory/allocation/contention';
import { heatOf, isHot } from '../../src/inventory/allocation/strategies/adaptive';

beforeEach(() => void jest.useFakeTimers({ now: Date.UTC(2026, 10, 20) }));
afterEach(() => void jest.useRealTimers());

/** What is measured is remembered by SKU, so each test has one of its own. */
let skus = 0;
const newSku = () => `SKU-${++skus}`;

const inSeconds = (seconds: number) => jest.advanceTimersByTime(seconds * 1_000);
const times = (count: number, act: () => void) => Array.from({ length: count }, act);

describe('what is measured', () => {
  it('is told per reservation and second, over the last minute, and then forgotten', () => {
    const sku = newSku();
    times(30, () => noteTake(sku, 'row-lock', 1));
    times(15, () => noteConflict(sku, 'row-lock'));

    expect(contentionOf(sku)).toMatchObject([
      { sku, strategy: 'row-lock', reservationsPerSecond: 0.5, conflictRate: 0.5, batchSize: 1 },
    ]);
    inSeconds(59);
    expect(contentionOf(sku)).toHaveLength(1);
    inSeconds(1);
    expect(contentionOf(sku)).toEqual([]);
  });

  it('never tells a wait shorter than it was, whichever share of the buyers is asked for', () => {
    const sku = newSku();
    times(98, () => noteTake(sku, 'row-lock', 1.5));
    times(2, () => noteTake(sku, 'row-lock', 180));
    expect(contentionOf(sku)[0]!.lockWait).toEqual({ p50: 2, p99: 200 });
  });

  it('counts every buyer of a batch as one who waited that long', () => {
    const sku = newSku();
    noteTake(sku, 'grouped', 0.4);
    noteTake(sku, 'grouped', 9, 19);
    expect(contentionOf(sku)).toMatchObject([{ batchSize: 10, lockWait: { p50: 10, p99: 10 } }]);
  });

  it('keeps the strategies of a product apart, the busiest first', () => {
    const sku = newSku();
    noteTake(sku, 'row-lock', 1);
    times(2, () => noteTake(sku, 'grouped', 1));
    expect(contentionOf(sku).map(({ strategy }) => strategy)).toEqual(['grouped', 'row-lock']);
  });

  it('says how many have come and were not answered yet', () => {
    const sku = newSku();
    noteTake(sku, 'row-lock', 1);
    const answered = [noteArrival(sku, 'row-lock'), noteArrival(sku, 'row-lock')];
    expect(contentionOf(sku)[0]!.waiting).toBe(2);
    answered.forEach((tell) => tell());
    expect(contentionOf(sku)[0]!.waiting).toBe(0);
  });
});

describe('an adaptive product', () => {
  /** So many buyers a second, for so long, each of whom waited that long. */
  function buyers(sku: string, perSecond: number, waitMs: number, seconds = 3): void {
    for (let second = 0; second < seconds; second++) {
      times(perSecond, () => noteTake(sku, isHot(sku) ? 'grouped' : 'adaptive', waitMs));
      inSeconds(1);
    }
  }

  it('is taken alone while nobody waits, however many come', () => {
    const sku = newSku();
    buyers(sku, 500, 1);
    expect(isHot(sku)).toBe(false);
  });

  it('is taken alone while those who wait are too few to be a crowd', () => {
    const sku = newSku();
    buyers(sku, 2, 400);
    expect(isHot(sku)).toBe(false);
  });

  it('is grouped when half of its buyers wait for its row, and says why', () => {
    const sku = newSku();
    buyers(sku, 40, 8);
    expect(isHot(sku)).toBe(true);
    expect(heatOf(sku)).toMatchObject({ hot: true, reason: expect.stringMatching(/waited more than 5 ms/) });
  });

  it('is grouped when every fifth try is for nothing', () => {
    const sku = newSku();
    times(40, () => noteTake(sku, 'adaptive', 1));
    times(10, () => noteConflict(sku, 'adaptive'));
    expect(isHot(sku)).toBe(true);
    expect(heatOf(sku).reason).toBe('25 % of tries were for nothing');
  });

  it('stays grouped for as long as its batches have several buyers', () => {
    const sku = newSku();
    buyers(sku, 40, 8);
    for (let second = 0; second < 60; second++) {
      times(10, () => noteTake(sku, 'grouped', 1, 4));
      expect(isHot(sku)).toBe(true);
      inSeconds(1);
    }
  });

  it('is not taken alone again before ten seconds are over, though its batches are empty', () => {
    const sku = newSku();
    buyers(sku, 40, 8);
    const since = heatOf(sku).since.getTime();
    while (isHot(sku)) {
      times(40, () => noteTake(sku, 'grouped', 1));
      inSeconds(1);
    }
    expect((heatOf(sku).since.getTime() - since) / 1_000).toBeGreaterThanOrEqual(10);
    expect(heatOf(sku)).toMatchObject({ hot: false, reason: 'its batches have 1.0 buyers' });
  });

  it('is taken alone again when nobody asks for it any more', () => {
    const sku = newSku();
    buyers(sku, 40, 8);
    inSeconds(60);
    expect(isHot(sku)).toBe(false);
    expect(heatOf(sku).reason).toBe('nobody asked for it');
  });
});
