import type {
  ContentionHistory,
  LoadTestLane,
  Product,
  Reservation,
  StrategyMeasurement,
} from '../../dashboard/src/api/openapi';
import { bandOf, lineOf, stepsTo } from '../../dashboard/src/components/charts/plot-lines';
import { curvesOf } from '../../dashboard/src/pages/flash-sale/curves';
import { draftAtFirst, errorsOf, orderFrom } from '../../dashboard/src/pages/flash-sale/draft';
import { adjustmentOf } from '../../dashboard/src/pages/products/adjustment';
import { fieldOf, waitShare } from '../../dashboard/src/pages/products/contention/field-scale';
import { stripsOf } from '../../dashboard/src/pages/products/contention/strips';
import {
  bodyOf,
  chosenOf,
  conflictOf,
  differencesOf,
  editableOf,
} from '../../dashboard/src/pages/products/product-edits';
import { csvOf } from '../../dashboard/src/pages/reservations/csv';
import { queryOf, releaseFilterOf, viewOf } from '../../dashboard/src/pages/reservations/reservation-filters';

/** The logic of the operator pages, without rendering. */

const stock = { onHand: 5_000, reserved: 5_000, confirmed: 4_322, pinned: 402, active: 276, available: 0 };

describe('stock adjustment form', () => {
  it('fills the difference from the counted total, and the other way round', () => {
    const withSpare = { ...stock, available: 50, reserved: 4_950 };
    expect(adjustmentOf('−12', null, withSpare)).toEqual({ delta: -12, problem: null });
    expect(adjustmentOf('', '5 010', withSpare)).toEqual({ delta: 10, problem: null });
    expect(adjustmentOf('', null, withSpare)).toEqual({ delta: null, problem: null });
  });

  it('refuses a total below the reserved units before sending', () => {
    expect(adjustmentOf('', '4950', stock)).toEqual({
      delta: -50,
      problem:
        'This leaves 4\u202f950, but 5\u202f000 are promised. Release reservations first, or remove at most 0.',
    });
  });

  it('treats text that is not a number as no adjustment', () => {
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
  unitsPerCustomerMax: 4,
  safetyStock: 10,
  salesStartAt: null,
  salesEndAt: '2026-11-20T10:00:00.000Z',
  stock: { ...stock, byPool: [] },
  version: 3,
};

describe('product edit conflict', () => {
  const yours = { ...editableOf(product), name: 'Harbour parka, ochre', quantityPerOrderMax: null };
  const now = { ...editableOf(product), name: 'Harbour parka, M', strategy: 'row-lock' as const };

  it('lists only the fields that differ from what someone else saved', () => {
    expect(differencesOf(now, yours).map(({ name, now: is, yours: was }) => [name, is, was])).toEqual([
      ['name', 'Harbour parka, M', 'Harbour parka, ochre'],
      ['strategy', 'row-lock', 'grouped'],
      ['quantityPerOrderMax', '2', 'no limit'],
    ]);
  });

  it('distinguishes own changes from changes that only the other user made', () => {
    const base = editableOf(product);
    const marks = (mine: typeof base) =>
      conflictOf(base, now, mine).map(({ name, isMine }) => [name, isMine]);
    expect(marks(yours)).toEqual([
      ['name', true],
      ['strategy', false],
      ['quantityPerOrderMax', true],
    ]);
    // Both made the same change, so there is nothing to choose.
    expect(marks({ ...base, name: now.name })).toEqual([['strategy', false]]);
  });

  it('saves the choice for each field and keeps fields without one', () => {
    const chosen = chosenOf(now, yours, { name: 'yours', strategy: 'now' });
    expect(bodyOf(chosen, 'renamed')).toEqual({
      name: 'Harbour parka, ochre',
      unitPrice: { amount: 12_900, currency: 'EUR' },
      strategy: 'row-lock',
      quantityPerOrderMax: 2,
      unitsPerCustomerMax: 4,
      safetyStock: 10,
      salesEndAt: '2026-11-20T10:00:00.000Z',
      reason: 'renamed',
    });
  });
});

describe('reservation filters', () => {
  const address = (query: string) => {
    const params = new URLSearchParams(query);
    const all = (name: string) => params.get(name)?.split(',') ?? [];
    return viewOf({ get: (name) => params.get(name), all });
  };

  it('default to reservations that hold stock, soonest end first', () => {
    expect(queryOf(address(''))).toBe('status=active%2Cpinned&sort=ends');
  });

  it('sort ended ones by age and ignore an unknown status', () => {
    expect(queryOf(address('status=expired,active,lost'))).toBe('status=active%2Cexpired');
  });

  it('release exactly what they show', () => {
    expect(releaseFilterOf(address('sku=drop-042&expiringWithinSeconds=60'))).toEqual({
      sku: 'drop-042',
      expiringWithinSeconds: 60,
    });
    expect(releaseFilterOf(address(''))).toEqual({});
  });
});

describe('reservations CSV', () => {
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

  it('has one line per SKU and no cell that reads as a formula', () => {
    const csv = csvOf([row]);
    const [heads, first, second] = csv.split('\r\n');
    expect(first).toBe(`rsv_1,active,"'=HYPERLINK(""x"")",a,2,30,60,EUR,2026-11-20T10:00:00Z,,8,0,`);
    expect(second).toContain(',b,1,');
    expect(heads).toContain(',unit_price_minor,line_total_minor,currency,');
    // Spreadsheets read the file as UTF-8 only with a byte order mark.
    expect(csv.charCodeAt(0)).toBe(0xfeff);
  });

  it('has line totals that add up to the reservation totals', () => {
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

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '＝1+1'])(
    'keeps a customer id like %j as text',
    (customerId) => {
      expect(csvOf([{ ...row, customerId }])).toContain(`,'${customerId},`);
    },
  );
});

describe('plot lines', () => {
  it('break where a value is missing', () => {
    expect(
      lineOf([
        [0, 0],
        [0.25, 1],
        [0.5, null],
        [1, 0.5],
      ]),
    ).toBe('M0.0 1000.0L250.0 0.0M998.0 500.0L1002.0 500.0');
  });

  it('leave the same gap in a band', () => {
    const upper = [
      [0, 1],
      [0.5, null],
      [1, 1],
    ] as const;
    expect(bandOf(upper, upper).match(/M/g)).toHaveLength(2);
  });

  it('have round axis steps', () => {
    expect(stepsTo(540)).toEqual([0, 200, 400]);
    expect(stepsTo(1.5, 7)).toEqual([0, 0.5, 1, 1.5]);
  });
});

describe('contention charts', () => {
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

  it('have a gap without buyers, and show a few per cent of conflicts as few', () => {
    const { p99, conflicts, conflictTop } = stripsOf(history);
    expect(p99[7]![1]).toBeNull();
    expect(p99[0]![1]).toBe(1);
    expect(conflictTop).toBe(0.5);
    expect(conflicts[0]![1]).toBeCloseTo(0.04);
  });

  it('name the strategy before the first switch and after the last', () => {
    const stretches = stripsOf(history).stretches.map(({ strategy, from, to }) => [strategy, from, to]);
    expect(stretches).toEqual([
      ['row-lock', 0, 0.5],
      ['grouped', 0.5, 1],
    ]);
  });
});

describe('strategy field', () => {
  it('puts low waits and conflicts at the lower left, and gives each label its own line', () => {
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

describe('race curves', () => {
  it('share one time axis and continue level once sold out', () => {
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

describe('rehearsal form', () => {
  const draft = draftAtFirst(['grouped', 'row-lock', 'adaptive']);

  it('starts with the strategies available here', () => {
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

  it('rejects zero buyers and shares above 100 per cent', () => {
    const wrong = { ...draft, buyers: '0', declined: '60', silent: '50', strategies: [] };
    expect(Object.keys(errorsOf(wrong)).sort()).toEqual(['buyers', 'silent', 'strategies']);
  });
});
