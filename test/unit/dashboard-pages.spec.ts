import type { ContentionHistory, StrategyMeasurement } from '../../dashboard/src/api/shapes/contention';
import type { LoadTestLane } from '../../dashboard/src/api/shapes/load-tests';
import type { Product } from '../../dashboard/src/api/shapes/products';
import type { Reservation } from '../../dashboard/src/api/shapes/reservations';
import { bandOf, lineOf, stepsTo } from '../../dashboard/src/components/charts/plot-lines';
import { curvesOf } from '../../dashboard/src/pages/flash-sale/curves';
import { draftAtFirst, errorsOf, orderFrom } from '../../dashboard/src/pages/flash-sale/draft';
import { adjustmentOf } from '../../dashboard/src/pages/products/adjustment';
import { fieldOf, waitShare } from '../../dashboard/src/pages/products/contention/field-scale';
import { stripsOf } from '../../dashboard/src/pages/products/contention/strips';
import { bodyOf, chosenOf, conflictOf, differencesOf, editableOf } from '../../dashboard/src/pages/products/product-edits';
import { csvOf } from '../../dashboard/src/pages/reservations/csv';
import { queryOf, releaseFilterOf, viewOf } from '../../dashboard/src/pages/reservations/reservation-filters';

/** What the desk pages compute before they draw or send anything. */

const stock = { onHand: 5_000, reserved: 5_000, confirmed: 4_322, pinned: 402, active: 276, available: 0 };

describe('an adjustment of stock', () => {
  it('is a difference, or what was counted; either fills the other', () => {
    const roomy = { ...stock, available: 50, reserved: 4_950 };
    expect(adjustmentOf('−12', null, roomy)).toEqual({ delta: -12, problem: null });
    expect(adjustmentOf('', '5 010', roomy)).toEqual({ delta: 10, problem: null });
    expect(adjustmentOf('', null, roomy)).toEqual({ delta: null, problem: null });
  });

  it('that would undercut what is promised is refused before it is sent', () => {
    expect(adjustmentOf('', '4950', stock)).toEqual({
      delta: -50,
      problem:
        '4\u202f950 would be 50 fewer than promised. Release reservations first, or take off at most 0.',
    });
  });

  it('that is no number is none', () => {
    expect(adjustmentOf('a dozen', null, stock)).toEqual({
      delta: null,
      problem: 'Enter a whole number of units.',
    });
  });
});

const product: Product = {
  object: 'product',
  sku: 'drop-042',
  name: 'Harbour parka',
  unitPrice: { amount: 12_900, currency: 'EUR' },
  strategy: 'grouped',
  pools: null,
  quantityPerOrderMax: 2,
  reservationsPerCustomerMax: null,
  stock: { ...stock, byPool: [] },
  version: 3,
};

describe('an edit of a product', () => {
  const yours = { ...editableOf(product), name: 'Harbour parka, ochre', quantityPerOrderMax: null };
  const now = { ...editableOf(product), name: 'Harbour parka, M', strategy: 'row-lock' };

  it('names only the fields that differ from what somebody else saved', () => {
    expect(differencesOf(now, yours).map(({ name, now: is, yours: was }) => [name, is, was])).toEqual([
      ['name', 'Harbour parka, M', 'Harbour parka, ochre'],
      ['strategy', 'row-lock', 'grouped'],
      ['quantityPerOrderMax', '2', 'no limit'],
    ]);
  });

  it('marks what was changed here, apart from what only the other changed', () => {
    const base = editableOf(product);
    const marks = (mine: typeof base) =>
      conflictOf(base, now, mine).map(({ name, isMine }) => [name, isMine]);
    expect(marks(yours)).toEqual([
      ['name', true],
      ['strategy', false],
      ['quantityPerOrderMax', true],
    ]);
    // Both made the same change: nothing is left to choose about it.
    expect(marks({ ...base, name: now.name })).toEqual([['strategy', false]]);
  });

  it('is saved as chosen field by field, and keeps what nobody chose', () => {
    const chosen = chosenOf(now, yours, { name: 'yours', strategy: 'now' });
    expect(bodyOf(chosen, 'renamed')).toEqual({
      name: 'Harbour parka, ochre',
      unitPrice: { amount: 12_900, currency: 'EUR' },
      strategy: 'row-lock',
      quantityPerOrderMax: 2,
      reason: 'renamed',
    });
  });
});

describe('the filters of the reservations', () => {
  const address = (query: string) => {
    const params = new URLSearchParams(query);
    const all = (name: string) => params.get(name)?.split(',') ?? [];
    return viewOf({ get: (name) => params.get(name), all });
  };

  it('show what still holds something, soonest end first, when none is set', () => {
    expect(queryOf(address(''))).toBe('status=active%2Cpinned&sort=ends');
  });

  it('order ended ones by age, and ignore a status that does not exist', () => {
    expect(queryOf(address('status=expired,active,lost'))).toBe('status=active%2Cexpired');
  });

  it('release what they show, and nothing else', () => {
    expect(releaseFilterOf(address('sku=drop-042&expiringWithinSeconds=60'))).toEqual({
      sku: 'drop-042',
      expiringWithinSeconds: 60,
    });
    expect(releaseFilterOf(address(''))).toEqual({});
  });
});

describe('reservations as a spreadsheet', () => {
  const row = {
    id: 'rsv_1',
    status: 'active',
    customerId: '=HYPERLINK("x")',
    lines: [
      { sku: 'a', quantity: 2, fencingToken: 8, unitPrice: { amount: 30, currency: 'EUR' } },
      { sku: 'b', quantity: 1, fencingToken: 9, unitPrice: { amount: 40, currency: 'EUR' } },
    ],
    total: { amount: 100, currency: 'EUR' },
    expiresAt: '2026-11-20T10:00:00Z',
    orderId: null,
    extensionsUsed: 0,
    endReason: null,
  } as unknown as Reservation;

  it('have one line for each SKU, and no cell that is taken for a formula', () => {
    const csv = csvOf([row]);
    const [heads, first, second] = csv.split('\r\n');
    expect(first).toBe(`rsv_1,active,"'=HYPERLINK(""x"")",a,2,30,60,EUR,2026-11-20T10:00:00Z,,8,0,`);
    expect(second).toContain(',b,1,');
    expect(heads).toContain(',unit_price_minor,line_total_minor,currency,');
    // Spreadsheets read the file as UTF-8 only with its mark.
    expect(csv.charCodeAt(0)).toBe(0xfeff);
  });

  it('adds up to what the reservations come to, however many lines each has', () => {
    const cells = csvOf([
      { ...row, customerId: 'cus_42' },
      { ...row, customerId: 'cus_43' },
    ])
      .split('\r\n')
      .slice(1)
      .filter(Boolean)
      .map((line) => Number(line.split(',')[6]));
    expect(cells.reduce((sum, amount) => sum + amount, 0)).toBe(2 * row.total.amount);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '＝1+1'])('keeps %j a text', (customerId) => {
    expect(csvOf([{ ...row, customerId }])).toContain(`,'${customerId},`);
  });
});

describe('a line of a plot', () => {
  it('breaks where nothing is known', () => {
    expect(
      lineOf([
        [0, 0],
        [0.25, 1],
        [0.5, null],
        [1, 0.5],
      ]),
    ).toBe('M0.0 1000.0L250.0 0.0M998.0 500.0L1002.0 500.0');
  });

  it('leaves the same gap in a band', () => {
    const upper = [
      [0, 1],
      [0.5, null],
      [1, 1],
    ] as const;
    expect(bandOf(upper, upper).match(/M/g)).toHaveLength(2);
  });

  it('has round steps', () => {
    expect(stepsTo(540)).toEqual([0, 200, 400]);
    expect(stepsTo(1.5, 7)).toEqual([0, 0.5, 1, 1.5]);
  });
});

describe('the contention of ten minutes', () => {
  const history: ContentionHistory = {
    object: 'contention_history',
    sku: 'drop-042',
    strategy: 'grouped',
    adaptive: null,
    from: '2026-11-20T10:00:00.000Z',
    sliceSeconds: 2.5,
    slices: Array.from({ length: 240 }, (_, nth) => ({
      strategy: 'grouped',
      takenPerSecond: 1,
      refusedPerSecond: 0,
      p50Ms: nth === 7 ? null : 1,
      p99Ms: nth === 7 ? null : 500,
      conflictRate: nth === 7 ? null : 0.02,
    })),
    switches: [{ at: '2026-11-20T10:05:00.000Z', from: 'row-lock', to: 'grouped', by: 'anna', reason: null }],
    strategies: [],
  };

  it('has a gap where nobody came, and shows a few per cent of conflicts as few', () => {
    const { p99, conflicts, conflictTop } = stripsOf(history);
    expect(p99[7]![1]).toBeNull();
    expect(p99[0]![1]).toBe(1);
    expect(conflictTop).toBe(0.5);
    expect(conflicts[0]![1]).toBeCloseTo(0.04);
  });

  it('names the strategy before the first switch and after the last', () => {
    const stretches = stripsOf(history).stretches.map(({ strategy, from, to }) => [strategy, from, to]);
    expect(stretches).toEqual([
      ['row-lock', 0, 0.5],
      ['grouped', 0.5, 1],
    ]);
  });
});

describe('the field of strategies', () => {
  it('puts calm to the lower left and gives each name a line of its own', () => {
    const measured = (strategy: string, p99: number, conflictRate: number) =>
      ({ strategy, conflictRate, lockWaitMs: { p50: 1, p99 } }) as StrategyMeasurement;
    const { points } = fieldOf([
      measured('row-lock', 200, 0),
      measured('grouped', 2, 0),
      measured('pools', 2, 0.01),
      measured('version-check', 10, 0.44),
    ]);
    const byName = Object.fromEntries(points.map((point) => [point.strategy, point]));
    expect(byName.grouped!.y).toBeLessThan(byName['row-lock']!.y);
    expect(byName.pools!.y - byName.grouped!.y).toBeGreaterThan(0.08);
    expect(byName['version-check']).toMatchObject({ leftward: true, x: 0.88 });
    expect([waitShare(0.1), waitShare(9_999)]).toEqual([0, 1]);
  });
});

describe('the curves of a race', () => {
  it('share one zero and one width, and go on level once all is sold', () => {
    const lane = (strategy: string, course: [number, number][], soldOutSeconds: number | null) =>
      ({ strategy, course, soldOutSeconds, unitsTaken: course.at(-1)![1] }) as LoadTestLane;
    const fast: [number, number][] = [
      [0, 0],
      [0.5, 500],
    ];
    const slow: [number, number][] = [
      [0, 0],
      [2, 400],
    ];
    const { curves, xTicks } = curvesOf([lane('grouped', fast, 0.5), lane('row-lock', slow, null)], 500);
    expect(curves[0]!.points.at(-1)![0]).toBe(1);
    expect(curves[0]!.points.at(-1)![1]).toBe(curves[0]!.points.at(-2)![1]);
    expect(curves[1]!.points.at(-1)![0]).toBeCloseTo(2 / 2.08);
    expect(xTicks.map(({ seconds }) => seconds)).toEqual([0, 0.5, 1, 1.5, 2]);
  });
});

describe('the form of a rehearsal', () => {
  const draft = draftAtFirst(['grouped', 'row-lock', 'adaptive']);

  it('starts with what can be run here', () => {
    expect(draft.strategies).toEqual(['grouped', 'row-lock']);
    expect(errorsOf(draft)).toEqual({});
    expect(orderFrom({ ...draft, buyers: '5 000', seed: '4021' })).toEqual({
      buyers: 5_000,
      units: 500,
      strategies: ['grouped', 'row-lock'],
      declineRate: 0.08,
      abandonRate: 0.02,
      rate: 1_000,
      seed: 4_021,
    });
  });

  it('asks for more than nothing and less than everybody', () => {
    const wrong = { ...draft, buyers: '0', declined: '60', silent: '50', strategies: [] };
    expect(Object.keys(errorsOf(wrong)).sort()).toEqual(['buyers', 'silent', 'strategies']);
  });
});
