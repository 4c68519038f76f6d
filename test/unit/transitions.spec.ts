import fc from 'fast-check';
import { lastStep, requestStep, stepLists, stepNames } from '../../src/orders/checkout-saga/checkout.saga';
import type { SagaState, StepKind, StepList } from '../../src/orders/saga-state';
import {
  attemptsMax,
  backoffMs,
  begun,
  canCancel,
  placeOf,
  transition,
} from '../../src/orders/checkout-saga/transitions';
import { eventsIn, exploreSaga, hasEnded } from '../support/saga-exploration';

const checkoutSteps = stepLists.automatic;
const accepted = begun(checkoutSteps);

const listOf = (...kinds: StepKind[]): StepList => kinds.map((kind, nth) => ({ name: `step-${nth}`, kind }));

/** Every list of the checkout, and lists that no build has: money in one step, and money that is taken after the last step. */
const lists: [string, StepList][] = [
  ...Object.entries(stepLists).map(([mode, steps]): [string, StepList] => [`the checkout: ${mode}`, steps]),
  ['a list whose first driven step is the pivot', listOf('compensatable', 'pivot', 'retriable')],
  ['a list without a pivot', listOf('compensatable', 'compensatable', 'retriable')],
];

/** What must be true of every state of a saga, whatever its steps are. */
const invariants: Record<string, (state: SagaState, steps: StepList) => boolean> = {
  'a compensating saga knows how its order ends': (state) =>
    state.status !== 'compensating' || state.endsAs !== null,
  'a completed saga is not compensating': (state) => state.status !== 'completed' || state.endsAs === null,
  'an ended saga has no open cancellation': (state) => !hasEnded(state) || state.requestedEnd !== 'cancel',
  'its step is on its list': (state, steps) => steps.some(({ name }) => name === state.step),
  'no unknown result sends it back': (state, steps) =>
    hasEnded(state) ||
    state.endsAs !== null ||
    transition(steps, state, { type: 'unknown' }).state.endsAs === null,
  'an asked pivot is not cancelled as if nothing had been charged': (state, steps) => {
    const pivot = steps.findIndex(({ kind }) => kind === 'pivot');
    if (hasEnded(state) || state.endsAs !== null || pivot === -1) return true;
    const place = placeOf(steps, state.step);
    const mayHaveCharged = place > pivot || (place === pivot && state.attempt > 0);
    return canCancel(steps, state) !== mayHaveCharged;
  },
};

describe.each(lists)('transition, over every order of events of %s', (_, steps) => {
  const { states, canEnd } = exploreSaga(steps);

  it.each(Object.entries(invariants))('%s', (_name, holds) => {
    expect(states.filter((state) => !holds(state, steps))).toEqual([]);
  });

  it('leaves every unfinished saga a way to an end', () => {
    console.log(`saga states explored: ${states.length}`);
    expect(states.length).toBeGreaterThan(100);
    expect(states.filter((state) => !canEnd.has(state))).toEqual([]);
  });
});

/** Any list: a step inside the request, some that can be undone, perhaps a pivot, some that must succeed. */
const anyList = fc
  .record({
    compensatable: fc.integer({ min: 0, max: 2 }),
    hasPivot: fc.boolean(),
    retriable: fc.integer({ min: 0, max: 2 }),
  })
  .filter(({ compensatable, hasPivot, retriable }) => compensatable + Number(hasPivot) + retriable > 0)
  .map(({ compensatable, hasPivot, retriable }) =>
    listOf(
      'compensatable',
      ...Array<StepKind>(compensatable).fill('compensatable'),
      ...(hasPivot ? (['pivot'] as const) : []),
      ...Array<StepKind>(retriable).fill('retriable'),
    ),
  );

/** The steps that a saga is at while each is done. */
function visited(steps: StepList, state: SagaState): { names: string[]; last: SagaState } {
  const names: string[] = [];
  while (!hasEnded(state)) {
    names.push(state.step);
    state = transition(steps, state, { type: 'done' }).state;
  }
  return { names, last: state };
}

describe('transition, over any list of steps', () => {
  const namesOf = (steps: StepList) => steps.map(({ name }) => name);

  it('keeps every invariant and leaves every saga a way to an end', () => {
    fc.assert(
      fc.property(anyList, (steps) => {
        const { states, canEnd } = exploreSaga(steps);
        const broken = states.flatMap((state) => [
          ...(canEnd.has(state) ? [] : [['cannot end', state]]),
          ...Object.entries(invariants).flatMap(([name, holds]) =>
            holds(state, steps) ? [] : [[name, state]],
          ),
        ]);
        expect(broken).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it('visits the steps after the first in order and completes', () => {
    fc.assert(
      fc.property(anyList, (steps) => {
        const { names, last } = visited(steps, begun(steps));
        expect(names).toEqual(namesOf(steps).slice(1));
        expect(last).toMatchObject({ status: 'completed', endsAs: null });
      }),
    );
  });

  it('compensates the steps before a declined one, last first', () => {
    fc.assert(
      fc.property(anyList, fc.nat(), (steps, pick) => {
        const declined = 1 + (pick % (steps.length - 1));
        const state = { ...begun(steps), step: steps[declined]!.name };
        const back = transition(steps, state, { type: 'declined', endsAs: 'payment_declined' }).state;
        const { names, last } = visited(steps, back);
        expect(names).toEqual(namesOf(steps).slice(0, declined).reverse());
        expect(last).toMatchObject({ status: 'compensated', endsAs: 'payment_declined' });
      }),
    );
  });

  it('compensates every step of a placed order that is cancelled', () => {
    fc.assert(
      fc.property(anyList, (steps) => {
        const completed = visited(steps, begun(steps)).last;
        const back = transition(steps, completed, { type: 'turn-back', by: 'cancel' }).state;
        expect(back.endsAs).toBe('placed_then_cancelled');
        expect(visited(steps, back).names).toEqual(namesOf(steps).reverse());
      }),
    );
  });

  it('refuses a step that is not on the list', () => {
    const stray: SagaState = { ...accepted, step: 'of-another-list' };
    expect(() => transition(checkoutSteps, stray, { type: 'done' })).toThrow('not on its list');
  });
});

describe.each(Object.entries(stepLists))('the list of steps: %s', (_, steps) => {
  const names = steps.map(({ name }) => name);

  it('begins inside the request and ends by placing the order', () => {
    expect([names[0], names.at(-1)]).toEqual([requestStep, lastStep]);
  });

  it('has its steps in the order in which they are named', () => {
    expect(names).toEqual(stepNames.filter((name) => names.includes(name)));
  });
});

describe('transition of a checkout', () => {
  it('goes through authorize, capture and place', () => {
    const { names } = visited(checkoutSteps, accepted);
    expect(names).toEqual(['authorize-payment', 'capture-payment', 'place-order']);
  });

  it('keeps a cancellation for later once the capture was asked for', () => {
    const asked = { ...accepted, step: 'capture-payment', attempt: 1 };
    expect(canCancel(checkoutSteps, asked)).toBe(false);
    expect(transition(checkoutSteps, asked, { type: 'turn-back', by: 'cancel' }).state).toMatchObject({
      status: 'running',
      requestedEnd: 'cancel',
    });
  });

  it('refunds an order that was cancelled while its charge was in flight, after it was placed', () => {
    const state: SagaState = { ...accepted, step: 'place-order', requestedEnd: 'cancel' };
    expect(transition(checkoutSteps, state, { type: 'done' }).state).toMatchObject({
      status: 'compensating',
      step: 'place-order',
      endsAs: 'placed_then_cancelled',
    });
  });

  it('goes on asking a saga that is stuck because its attempts are spent', () => {
    const spent = transition(checkoutSteps, { ...accepted, attempt: attemptsMax }, { type: 'unknown' });
    expect([spent.state.status, spent.nextRun]).toEqual(['stuck', 'backoff']);
    expect(transition(checkoutSteps, spent.state, { type: 'done' }).state).toMatchObject({
      status: 'running',
      step: 'capture-payment',
    });
  });

  it('goes on compensating a saga that was stuck while it compensated', () => {
    const state: SagaState = { ...accepted, status: 'stuck', endsAs: 'cancelled', attempt: attemptsMax };
    expect(transition(checkoutSteps, state, { type: 'done' }).state).toMatchObject({
      status: 'compensating',
      step: 'reserve-stock',
    });
  });

  it('knows an event for every state but the last', () => {
    const { states } = exploreSaga(checkoutSteps);
    const silent = states.filter((state) => eventsIn(checkoutSteps, state).length === 0);
    expect(new Set(silent.map(({ status }) => status))).toEqual(new Set(['compensated']));
  });
});

describe('backoffMs', () => {
  it('waits 5, 15, 60 and then every 300 seconds, a fifth more or less', () => {
    expect([1, 2, 3, 4, 9].map((attempt) => backoffMs(attempt, 0.5))).toEqual([
      5_000, 15_000, 60_000, 300_000, 300_000,
    ]);
    expect([backoffMs(1, 0), backoffMs(1, 1)]).toEqual([4_000, 6_000]);
  });
});
