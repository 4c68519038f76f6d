import type { SagaAttempt, SagaTransition } from '../../dashboard/src/api/openapi';
import { formatFineDuration } from '../../dashboard/src/formatting/durations';
import { isFold, piecesOf } from '../../dashboard/src/pages/orders/timeline/folding';
import { historyOf, type SagaFacts } from '../../dashboard/src/pages/orders/timeline/history';
import { formatBar, formatLane, formatLease } from '../../dashboard/src/pages/orders/timeline/labels';
import {
  cutNear,
  placeOf,
  stretchesOf,
  ticksOf,
  widthOfWork,
} from '../../dashboard/src/pages/orders/timeline/scale';
import { drawingOf } from '../../dashboard/src/pages/orders/timeline/timeline-model';

/** The timeline of an order, from the API's data to bars in a grid. */

type Step = SagaAttempt['step'];
const plain = (text: string) => text.replaceAll(/[\u202f\u00a0]/g, ' ');

function attempt(step: Step, startedAtMs: number, endedAtMs: number | null, more: Partial<SagaAttempt> = {}) {
  const operation =
    step === 'authorize-payment' ? 'authorize' : step === 'capture-payment' ? 'capture' : null;
  const defaults = {
    step,
    compensates: false,
    attempt: 1,
    operation,
    looksUp: false,
    outcome: 'done',
    detail: null,
    code: null,
    data: null,
  } as const;
  const driver = { key: operation && `pay_${operation}`, fencingToken: 1, worker: 'worker-1' };
  return { ...defaults, ...driver, startedAtMs, endedAtMs, ...more } satisfies SagaAttempt;
}

const moved = (afterMs: number, worker: string, fencingToken: number, more: Partial<SagaTransition> = {}) =>
  ({ afterMs, worker, fencingToken, leaseOwner: worker, ...more }) as SagaTransition;

const saga = (facts: Partial<SagaFacts>): SagaFacts => ({
  status: 'completed',
  step: 'place-order',
  waitsFor: null,
  steps: ['reserve-stock', 'authorize-payment', 'capture-payment', 'place-order'],
  transitions: [],
  attempts: [],
  reservation: {
    id: 'rsv_1',
    status: 'confirmed',
    startedAtMs: 0,
    pinnedAtMs: null,
    endedAtMs: null,
    endReason: null,
    units: 2,
    fencingToken: 7,
  },
  ...facts,
});

/** No response twice, then authorized; the capture is declined and everything is compensated. */
const odd = saga({
  status: 'compensated',
  step: 'reserve-stock',
  attempts: [
    attempt('reserve-stock', 0, 6),
    attempt('authorize-payment', 31, 3_031, { outcome: 'unknown', code: 'no_answer' }),
    attempt('authorize-payment', 8_230, 8_310, {
      attempt: 2,
      outcome: 'unknown',
      code: 'key_in_use',
    }),
    attempt('authorize-payment', 23_900, 24_112, { attempt: 3 }),
    attempt('capture-payment', 24_130, 24_521, { outcome: 'declined' }),
    attempt('authorize-payment', 24_541, 24_790, { compensates: true, operation: 'void', outcome: 'undone' }),
    attempt('reserve-stock', 24_800, 24_803, { compensates: true, outcome: 'undone' }),
  ],
  transitions: [
    moved(0, 'api-1', 0),
    moved(31, 'worker-1', 1),
    moved(8_230, 'worker-2', 2),
    moved(24_803, 'worker-2', 3),
  ],
});

describe('timeline lanes', () => {
  it('are the four steps, reached or not, then the compensations in the order they ran', () => {
    const { lanes } = historyOf(odd, 0);
    expect(lanes.map((lane) => formatLane(lane, false))).toEqual([
      { name: 'Reserve', note: 'local, in the request' },
      { name: 'Authorize', note: '3 attempts, one key' },
      { name: 'Capture', note: 'point of no return' },
      { name: 'Place', note: 'not reached' },
      { name: 'Void authorization', note: 'undoes Authorize' },
      { name: 'Release stock', note: 'undoes Reserve' },
    ]);
  });

  it('keep a charge that is checked during compensation beside its other attempts', () => {
    const back = { compensates: true } as const;
    const asked = saga({
      status: 'compensated',
      attempts: [
        attempt('authorize-payment', 31, 90, { outcome: 'stuck', code: 'amount_differs' }),
        attempt('authorize-payment', 9_000, 9_080, { ...back, attempt: 2 }),
        attempt('authorize-payment', 9_080, 9_120, { ...back, operation: 'void', outcome: 'undone' }),
      ],
    });
    const lanes = historyOf(asked, 0).lanes.map((lane) => [formatLane(lane, false), lane.bars.length]);
    expect(lanes[1]).toEqual([{ name: 'Authorize', note: '2 attempts, one key' }, 2]);
    expect(lanes[4]).toEqual([{ name: 'Void authorization', note: 'undoes Authorize' }, 1]);
  });

  it('label each attempt with its number and outcome', () => {
    const words = historyOf(odd, 0).lanes.flatMap(({ bars }) => bars.map((bar) => plain(formatBar(bar, 2))));
    expect(words).toEqual([
      '2 units',
      '1 no answer, 3.0 s',
      '2 key in use',
      '3 yes, 212 ms',
      '1 declined',
      '249 ms',
      '2 units',
    ]);
  });

  it('labels a missing result by its code, and a lost lease not as provider silence', () => {
    const said = (code: string | null, data: SagaAttempt['data'] = null) => {
      const one = attempt('capture-payment', 0, 3_000, { outcome: 'unknown', code, data });
      return plain(formatBar(historyOf(saga({ attempts: [one] }), 0).lanes[2]!.bars[0]!, 1));
    };
    expect(said('worker_lost')).toBe('1 lease lost');
    expect(said('provider_error', { httpStatus: 503 })).toBe('1 answered 503');
    expect(said('provider_busy')).toBe('1 asked to wait');
    expect(said('still_processing')).toBe('1 not decided yet');
    expect(said('saved_error')).toBe('1 saved error');
    expect(said('key_conflict')).toBe('1 key conflict');
    expect(said('not_found')).toBe('1 not found yet');
    expect(said(null)).toBe('1 no clear answer, 3.0 s');
  });

  it('labels a look-up, a refund that was accepted, and what stopped the saga', () => {
    const said = (one: SagaAttempt, lane: number) =>
      plain(formatBar(historyOf(saga({ attempts: [one] }), 0).lanes[lane]!.bars[0]!, 1));
    expect(said(attempt('authorize-payment', 0, 12, { looksUp: true }), 1)).toBe('1 looked up, yes, 12 ms');
    const refund = { operation: 'refund', compensates: true, outcome: 'undone' } as const;
    expect(said(attempt('capture-payment', 0, 12, { ...refund, code: 'refund_accepted' }), 4)).toBe(
      'accepted',
    );
    for (const [code, label] of [
      ['request_refused', '1 request refused'],
      ['refund_failed', '1 refund failed'],
      ['void_declined', '1 an operator must act'],
    ] as const)
      expect(said(attempt('capture-payment', 0, 12, { outcome: 'stuck', code }), 2)).toBe(label);
  });

  it('end at now while the saga is open, and at its last step once it has ended', () => {
    const running = saga({
      status: 'running',
      attempts: [attempt('capture-payment', 100, null, { outcome: 'running' })],
    });
    const { endMs, lanes, open } = historyOf(running, 2_100);
    expect({ endMs, open }).toEqual({ endMs: 2_100, open: true });
    expect(plain(formatBar(lanes[2]!.bars[0]!, 1))).toBe('1 asking, 2.0 s');
    expect(historyOf(odd, 99_999)).toMatchObject({ endMs: 24_803, open: false });
  });

  it('say after which attempt a stuck saga stopped', () => {
    const attempts = Array.from({ length: 10 }, (_, nth) =>
      attempt('capture-payment', nth * 10_000, nth * 10_000 + 3_000, {
        attempt: nth + 1,
        outcome: 'unknown',
      }),
    );
    const stopped = (waitsFor: SagaFacts['waitsFor']) => {
      const { lanes } = historyOf(
        saga({ status: 'stuck', step: 'capture-payment', waitsFor, attempts }),
        100_000,
      );
      return lanes.map(({ stoppedAfter }) => stoppedAfter);
    };
    expect(stopped('operator')).toEqual([null, null, 10, null]);
    // A saga that still retries has not stopped.
    expect(stopped('next_run')).toEqual([null, null, null, null]);
    const once = saga({
      status: 'stuck',
      step: 'capture-payment',
      waitsFor: 'operator',
      attempts: [attempts[0]!],
    });
    expect(formatLane(historyOf(once, 0).lanes[2]!, true).note).toBe('stopped after 1 attempt');
  });
});

describe('timeline leases', () => {
  it('are one span per worker, with a takeover where a request had no result yet', () => {
    const leftOpen = saga({
      attempts: [
        attempt('authorize-payment', 31, 8_230, { outcome: 'unknown' }),
        attempt('authorize-payment', 8_230, 8_400, { attempt: 2, worker: 'worker-2' }),
      ],
      transitions: [moved(0, 'api-1', 0), moved(31, 'worker-1', 1), moved(8_230, 'worker-2', 2)],
    });
    expect(historyOf(leftOpen, 0).leases.map(formatLease)).toEqual([
      'api-1',
      'worker-1, token 1',
      'worker-2 took over, token 2',
    ]);
    expect(historyOf(odd, 0).leases.map(formatLease).at(-1)).toBe('worker-2, tokens 2 to 3');
  });
});

describe('timeline reservation phases', () => {
  it('are active, pinned while a charge is in flight, then sold or back on sale', () => {
    const times = { startedAtMs: 0, pinnedAtMs: 31 };
    const sold = saga({
      attempts: [attempt('place-order', 500, 500)],
      reservation: { ...saga({}).reservation, ...times, endedAtMs: 480 },
    });
    expect(historyOf(sold, 0).phases.map(({ phase, startMs, endMs }) => [phase, startMs, endMs])).toEqual([
      ['active', 0, 31],
      ['pinned', 31, 500],
      ['confirmed', 500, 501],
    ]);
    const released = {
      ...odd,
      reservation: { ...odd.reservation, ...times, status: 'released', endedAtMs: 24_800 } as const,
    };
    expect(historyOf(released, 0).phases.map(({ phase }) => phase)).toEqual(['active', 'pinned', 'gone']);
  });
});

describe('timeline scale', () => {
  const bars = historyOf(odd, 0).lanes.flatMap((lane) => lane.bars);
  const stretches = stretchesOf(bars, 24_803);

  it('covers the whole time without gaps', () => {
    expect(stretches[0]!.startMs).toBe(0);
    expect(stretches.at(-1)!.endMs).toBe(24_803);
    stretches.slice(1).forEach((one, nth) => expect(one.startMs).toBe(stretches[nth]!.endMs));
  });

  it('draws a wait of 15 seconds as wide as one of 5', () => {
    const waits = stretches.filter(({ kind }) => kind === 'wait');
    expect(waits.map(({ startMs, endMs }) => endMs - startMs)).toEqual([5_199, 15_590]);
    expect(new Set(waits.map(({ width }) => width)).size).toBe(1);
  });

  it('gives longer work more room, but not in proportion', () => {
    expect(widthOfWork(0)).toBe(72);
    expect(widthOfWork(50)).toBe(100);
    expect(widthOfWork(3_000)).toBeGreaterThan(widthOfWork(300));
    expect(widthOfWork(3_600_000)).toBe(240);
  });

  it('finds the stretch of an instant, and clamps instants outside to the edge', () => {
    expect(placeOf(stretches, 1_531)).toEqual({ index: 2, share: 0.5 });
    expect(placeOf(stretches, -3)).toEqual({ index: 0, share: 0 });
    expect(placeOf(stretches, 99_999)).toEqual({ index: stretches.length - 1, share: 1 });
    expect(cutNear(stretches, 3_000)).toBe(3);
  });

  it('never overlaps two labels', () => {
    const ticks = ticksOf(stretches, 52);
    const lefts = ticks.map(({ cut }) => stretches.slice(0, cut).reduce((sum, { width }) => sum + width, 0));
    lefts.slice(1).forEach((left, nth) => expect(left - lefts[nth]!).toBeGreaterThanOrEqual(52));
    expect(ticks[0]).toEqual({ ms: 0, cut: 0 });
  });

  it('never repeats a label', () => {
    const work = (startMs: number, endMs: number) => ({ startMs, endMs });
    const ended = [
      work(62_100, 62_300),
      work(62_300, 90_000),
      work(90_000, 152_000),
      work(3_901_000, 3_920_000),
    ];
    const figures = ticksOf(stretchesOf(ended, 3_920_000), 52).map(({ ms }) => plain(formatFineDuration(ms)));
    expect(figures).toEqual(['0', '1 min 2 s', '1 min 30 s', '2 min 32 s', '1 h 5 min']);
  });

  it('gives a step without length a width', () => {
    const [only] = stretchesOf([{ startMs: 0, endMs: 0 }], 0);
    expect(only).toEqual({ startMs: 0, endMs: 1, kind: 'work', width: widthOfWork(1) });
  });
});

describe('timeline folds', () => {
  const silent = Array.from({ length: 12 }, (_, nth) =>
    attempt('capture-payment', nth * 60_000, nth * 60_000 + 3_000, {
      attempt: nth + 1,
      outcome: 'unknown',
      code: 'no_answer',
    }),
  );
  const history = historyOf(saga({ status: 'running', attempts: silent }), 700_000);
  const lane = history.lanes[2]!;

  it('fold many attempts with one outcome behind the first, and open again', () => {
    const [first, fold, ...others] = piecesOf(lane, new Set());
    expect(others).toEqual([]);
    expect(first!.key).toBe('capture-payment 1');
    expect(isFold(fold!) && fold.bars.length).toBe(11);
    expect(piecesOf(lane, new Set([fold!.key]))).toEqual(lane.bars);
  });

  it('leave five attempts unfolded', () => {
    const five = historyOf(saga({ attempts: silent.slice(0, 5) }), 0).lanes[2]!;
    expect(piecesOf(five, new Set())).toEqual(five.bars);
  });

  it('have a one-sentence label', () => {
    const { lanes } = drawingOf(history, new Set(), 1);
    expect(lanes[2]!.pieces.map(({ label: words }) => plain(words))).toEqual([
      '1 no answer, 3.0 s',
      'attempts 2 to 12, no clear answer, over 10 min 3 s',
    ]);
  });
});

describe('timeline drawing', () => {
  it('fits every bar to its label, and draws each wait in the lane that waited', () => {
    const { lanes, least } = drawingOf(historyOf(odd, 0), new Set(), 2);
    for (const { from, to, label: words } of lanes.flatMap(({ pieces }) => pieces)) {
      const room = least.slice(from, to).reduce((sum, width) => sum + width, 0);
      expect(room).toBeGreaterThan(words.length * 6);
    }
    expect(lanes.map(({ waits }) => waits.length)).toEqual([0, 2, 0, 0, 0, 0]);
  });
});
