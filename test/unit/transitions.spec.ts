import { stepNames } from '../../src/orders/checkout-saga/checkout.saga';
import type { SagaState } from '../../src/orders/saga-state';
import {
  type SagaEvent,
  attemptsMax,
  backoffMs,
  canTurnBack,
  transition,
} from '../../src/orders/checkout-saga/transitions';

const accepted: SagaState = {
  status: 'running',
  step: 'authorize-payment',
  attempt: 0,
  wanted: null,
  endsAs: null,
};
const ended = (state: SagaState) => state.status === 'completed' || state.status === 'compensated';

/** Everything that can happen to a saga in a state. A completed one can only be turned back, a compensated one not at all. */
function eventsIn(state: SagaState): SagaEvent[] {
  if (state.status === 'compensated') return [];
  const turns: SagaEvent[] = [{ type: 'turn-back', by: 'cancel' }];
  if (state.status === 'completed') return [...turns, { type: 'turn-back', by: 'refund' }];
  const found: SagaEvent[] = [
    { type: 'asked' },
    { type: 'done' },
    { type: 'unknown' },
    { type: 'not-asked' },
    { type: 'failed', counted: false },
    { type: 'failed', counted: true },
    { type: 'blocked' },
    { type: 'retried' },
    { type: 'given-up', unheard: true },
    { type: 'given-up', unheard: false },
    ...turns,
  ];
  if (state.endsAs === null) found.push({ type: 'compensated-by-hand' });
  if (state.endsAs === 'abandoned') found.push({ type: 'reacquired' });
  const declinable = state.endsAs === null && state.step !== 'place-order' && state.step !== 'reserve-stock';
  return declinable ? [...found, { type: 'declined', endsAs: 'payment_declined' }] : found;
}

interface Reached {
  state: SagaState;
  path: string[];
}

/** All states that any order of events leads to. Attempts are cut where they stop making a difference. */
function explore(depthMax: number): Reached[] {
  const seen = new Map<string, Reached>([[JSON.stringify(accepted), { state: accepted, path: [] }]]);
  for (let frontier = [...seen.values()], depth = 0; depth < depthMax && frontier.length > 0; depth++) {
    frontier = frontier.flatMap(({ state, path }) =>
      eventsIn(state).flatMap((event) => {
        const reached = transition(state, event).state;
        const next = { ...reached, attempt: Math.min(reached.attempt, attemptsMax) };
        if (seen.has(JSON.stringify(next))) return [];
        const found = { state: next, path: [...path, event.type] };
        seen.set(JSON.stringify(next), found);
        return [found];
      }),
    );
  }
  return [...seen.values()];
}

describe('the transitions of a saga, over all orders of events', () => {
  const reached = explore(60);

  it('are explored to their end', () => {
    console.log(
      `saga states explored: ${reached.length}, longest way ${Math.max(...reached.map(({ path }) => path.length))} events`,
    );
    expect(reached.length).toBeGreaterThan(100);
    expect(explore(61)).toHaveLength(reached.length);
  });

  it.each([
    [
      'a saga that is on its way back knows how its order ends',
      (s: SagaState) => s.status !== 'compensating' || s.endsAs !== null,
    ],
    ['a completed saga is on no way back', (s: SagaState) => s.status !== 'completed' || s.endsAs === null],
    [
      'an ended saga has no open wish',
      (s: SagaState) => !ended(s) || s.wanted !== 'cancel' || s.status === 'completed',
    ],
    ['every step is a step of the checkout', (s: SagaState) => stepNames.includes(s.step)],
  ])('%s', (_, holds) => {
    expect(reached.filter(({ state }) => !holds(state))).toEqual([]);
  });

  it('leave every unfinished saga a way to an end', () => {
    const canEnd = new Set(
      reached.filter(({ state }) => ended(state)).map(({ state }) => JSON.stringify(state)),
    );
    for (let grew = true; grew;) {
      grew = false;
      for (const { state } of reached) {
        const leads = eventsIn(state).some((event) => {
          const next = transition(state, event).state;
          return canEnd.has(JSON.stringify({ ...next, attempt: Math.min(next.attempt, attemptsMax) }));
        });
        if (leads && !canEnd.has(JSON.stringify(state))) grew = Boolean(canEnd.add(JSON.stringify(state)));
      }
    }
    expect(reached.filter(({ state }) => !canEnd.has(JSON.stringify(state)))).toEqual([]);
  });

  it('end nothing as merely cancelled once the pivot was asked for', () => {
    const asked = { ...accepted, step: 'capture-payment' as const, attempt: 1 };
    expect(canTurnBack(asked)).toBe(false);
    expect(transition(asked, { type: 'turn-back', by: 'cancel' }).state).toMatchObject({
      status: 'running',
      wanted: 'cancel',
    });
  });

  it('never turn a saga back because of silence', () => {
    const turned = reached.filter(({ state }) => {
      const next = transition(state, { type: 'unknown' });
      return state.endsAs === null && !ended(state) && next.state.endsAs !== null;
    });
    expect(turned).toEqual([]);
  });
});

describe('a saga', () => {
  it('goes through its steps in order and completes', () => {
    let state = accepted;
    const visited: string[] = [];
    while (state.status === 'running') {
      visited.push(state.step);
      state = transition(state, { type: 'done' }).state;
    }
    expect(visited).toEqual(['authorize-payment', 'capture-payment', 'place-order']);
    expect(state.status).toBe('completed');
  });

  it.each([
    ['authorize-payment', ['reserve-stock']],
    ['capture-payment', ['authorize-payment', 'reserve-stock']],
  ] as const)('declined at %s compensates the steps before it, last first', (step, compensated) => {
    let { state } = transition({ ...accepted, step }, { type: 'declined', endsAs: 'payment_declined' });
    const visited: string[] = [];
    while (state.status === 'compensating') {
      visited.push(state.step);
      state = transition(state, { type: 'done' }).state;
    }
    expect(visited).toEqual(compensated);
    expect(state).toMatchObject({ status: 'compensated', endsAs: 'payment_declined' });
  });

  it('that was cancelled while its charge was in flight is given back after it was placed', () => {
    const state: SagaState = { ...accepted, step: 'place-order', wanted: 'cancel' };
    expect(transition(state, { type: 'done' }).state).toMatchObject({
      status: 'compensating',
      step: 'place-order',
      endsAs: 'placed_then_cancelled',
    });
  });

  it('becomes stuck when its attempts are spent, and goes on asking all the same', () => {
    const { state, nextRun } = transition({ ...accepted, attempt: attemptsMax }, { type: 'unknown' });
    expect([state.status, nextRun]).toEqual(['stuck', 'backoff']);
    expect(transition(state, { type: 'done' }).state).toMatchObject({
      status: 'running',
      step: 'capture-payment',
    });
  });

  it('that is stuck on its way back goes on backwards', () => {
    const state: SagaState = { ...accepted, status: 'stuck', endsAs: 'cancelled', attempt: attemptsMax };
    expect(transition(state, { type: 'done' }).state).toMatchObject({
      status: 'compensating',
      step: 'reserve-stock',
    });
  });

  it('waits 5, 15, 60 and then every 300 seconds, a fifth more or less', () => {
    expect([1, 2, 3, 4, 9].map((attempt) => backoffMs(attempt, 0.5))).toEqual([
      5_000, 15_000, 60_000, 300_000, 300_000,
    ]);
    expect([backoffMs(1, 0), backoffMs(1, 1)]).toEqual([4_000, 6_000]);
  });
});
