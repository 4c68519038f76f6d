import type { OrderEnd, SagaState, StepList } from '../saga-state';

/**
 * The saga's decisions as a pure function: a state and what happened to it give the next state. No clock, no
 * database, no provider, so that every order of events can be tried (`test/unit/transitions.spec.ts`).
 *
 * running      → running       a step is done, or its answer was not heard and it is asked again
 * running      → completed     the last step is done
 * running      → compensating  a step was declined, or the customer wants out before the pivot
 * completed    → compensating  a placed order is cancelled or refunded
 * compensating → compensated   everything that ran is undone
 * running, compensating → stuck   attempts are spent, or something is wrong: an operator must act
 * stuck        → wherever the next good news would have led it from there
 *
 * and by an operator's hand, or because a charge turned up late:
 *
 * running, stuck               → compensating             it is compensated by hand, from whatever step
 * running, compensating, stuck → compensating, compensated   it is given up: the order ends now
 * compensating                 → running                  given up, then charged after all, and there was stock left
 */
export type SagaEvent =
  | { type: 'asked' }
  | { type: 'done' }
  | { type: 'declined'; endsAs: OrderEnd }
  | { type: 'unknown' }
  | { type: 'not-asked' }
  /** A step threw. `counted`: this attempt was counted when it was asked. */
  | { type: 'failed'; counted: boolean }
  | { type: 'blocked' }
  /** A worker's lease ran out before it came back: the next one goes on from what is committed. */
  | { type: 'worker-lost' }
  | { type: 'turn-back'; by: 'cancel' | 'refund' }
  /** By an operator: ask again now, with attempts to spend. */
  | { type: 'retried' }
  /** By an operator: undo everything, though the capture may have been asked for. */
  | { type: 'compensated-by-hand' }
  /** By an operator: the order ends now. `unheard`: a charge may still turn up, so the saga goes on asking. */
  | { type: 'given-up'; unheard: boolean }
  /** A charge for a given-up order turned up, and its stock could be taken again. */
  | { type: 'reacquired' };

/** When to look again: at once, after the backoff of this attempt, or never by itself. */
export type NextRun = 'now' | 'backoff' | 'never';

export interface Transition {
  state: SagaState;
  nextRun: NextRun;
}

/**
 * After this many attempts at one step a person should look: with the pauses of `backoffMs` that is about half an hour.
 * The saga goes on asking all the same, because the provider may come back before the person does.
 */
export const attemptsMax = 10;

export function transition(steps: StepList, state: SagaState, event: SagaEvent): Transition {
  const goingBack = state.endsAs !== null;
  const status = goingBack ? 'compensating' : 'running';
  switch (event.type) {
    case 'asked':
      return { state: spent({ ...state, attempt: state.attempt + 1 }, attemptsMax + 1), nextRun: 'backoff' };
    case 'done':
      return goingBack ? undone(steps, { ...state, status }) : advanced(steps, { ...state, status });
    case 'declined':
      if (goingBack) throw new Error(`Bug: the compensation of ${state.step} was declined.`);
      return back(state, stepBefore(steps, state.step), event.endsAs);
    case 'unknown':
      return { state: spent({ ...state, status }, attemptsMax), nextRun: 'backoff' };
    case 'not-asked':
      return { state: { ...state, attempt: Math.max(0, state.attempt - 1) }, nextRun: 'backoff' };
    case 'failed':
      return transition(
        steps,
        { ...state, attempt: state.attempt + (event.counted ? 0 : 1) },
        { type: 'unknown' },
      );
    case 'blocked':
      return { state: { ...state, status: 'stuck' }, nextRun: 'never' };
    case 'worker-lost':
      return { state, nextRun: 'now' };
    case 'turn-back':
      return goingBack ? { state, nextRun: 'now' } : cancelled(steps, state, event.by);
    case 'retried':
      // One attempt stays counted where one was made: whether the pivot was asked for is read from it.
      return { state: { ...state, status, attempt: Math.min(state.attempt, 1) }, nextRun: 'now' };
    case 'compensated-by-hand':
      if (goingBack) throw new Error('Bug: a saga that is going back already was turned back by hand.');
      return back(state, state.step, 'cancelled');
    case 'given-up':
      return givenUp(state, event.unheard);
    case 'reacquired':
      return { state: begun(steps), nextRun: 'now' };
  }
}

/** As a saga stands when its stock is taken and nothing else is known. */
export const begun = (steps: StepList): SagaState => ({
  status: 'running',
  step: steps[1]!.name,
  attempt: 0,
  requestedEnd: null,
  endsAs: null,
});

function givenUp(state: SagaState, unheard: boolean): Transition {
  const endsAs = state.endsAs ?? 'abandoned';
  if (unheard) return { state: { ...state, status: 'compensating', attempt: 0, endsAs }, nextRun: 'now' };
  return {
    state: { ...state, status: 'compensated', attempt: 0, requestedEnd: null, endsAs },
    nextRun: 'never',
  };
}

const spent = (state: SagaState, max: number): SagaState =>
  state.attempt >= max ? { ...state, status: 'stuck' } : state;

/** May the saga still turn without having charged? Not once the pivot was asked for, whatever came of it. */
export function canCancel(steps: StepList, state: SagaState): boolean {
  if (state.endsAs !== null || state.status === 'completed' || state.status === 'compensated') return false;
  const at = placeOf(steps, state.step);
  const pivot = steps.findIndex(({ kind }) => kind === 'pivot');
  return pivot === -1 || at < pivot || (at === pivot && state.attempt === 0);
}

function advanced(steps: StepList, state: SagaState): Transition {
  const next = steps[placeOf(steps, state.step) + 1];
  if (next) return { state: { ...state, step: next.name, attempt: 0 }, nextRun: 'now' };
  const completed: SagaState = { ...state, status: 'completed', attempt: 0 };
  // Cancelled while the charge was in flight: it was charged and placed, so now it is given back.
  return state.requestedEnd === 'cancel'
    ? cancelled(steps, completed, 'cancel')
    : { state: completed, nextRun: 'never' };
}

function undone(steps: StepList, state: SagaState): Transition {
  const before = stepBefore(steps, state.step);
  if (before) return { state: { ...state, step: before, attempt: 0 }, nextRun: 'now' };
  return { state: { ...state, status: 'compensated', attempt: 0, requestedEnd: null }, nextRun: 'never' };
}

function cancelled(steps: StepList, state: SagaState, by: 'cancel' | 'refund'): Transition {
  if (state.status === 'completed') {
    return back(state, state.step, by === 'cancel' ? 'placed_then_cancelled' : 'placed_then_refunded');
  }
  // The present step may have half happened, so it is compensated too.
  if (canCancel(steps, state)) return back(state, state.step, 'cancelled');
  return { state: { ...state, requestedEnd: by }, nextRun: 'now' };
}

function back(state: SagaState, step: string | undefined, endsAs: OrderEnd): Transition {
  if (!step) throw new Error('Bug: the first step of a saga was declined after its order had been accepted.');
  return {
    state: { ...state, status: 'compensating', step, attempt: 0, requestedEnd: null, endsAs },
    nextRun: 'now',
  };
}

const stepBefore = (steps: StepList, step: string): string | undefined =>
  steps[placeOf(steps, step) - 1]?.name;

export function placeOf(steps: StepList, step: string): number {
  const place = steps.findIndex(({ name }) => name === step);
  if (place === -1) throw new Error(`Bug: a saga is at the step "${step}", which is not on its list.`);
  return place;
}

/** Pauses between attempts. The last repeats: an outage of an hour must neither be hammered nor forgotten. */
// guard: unknown-is-asked-again
const pausesMs = [5_000, 15_000, 60_000, 300_000];

/** How long to wait before attempt `attempt + 1`; jittered by a fifth, so that an outage's orders do not return as one. */
export function backoffMs(attempt: number, random: number): number {
  const pause = pausesMs[Math.min(Math.max(attempt, 1), pausesMs.length) - 1]!;
  return Math.round(pause * (0.8 + 0.4 * random));
}
