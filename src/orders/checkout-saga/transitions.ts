import type { OrderEnd, SagaState, StepList } from '../saga-state';

/**
 * The saga's decisions as a pure function: its list of steps, a state and an event give the next state. No clock, no
 * database, no provider, so every order of events can be tested (`test/unit/transitions.spec.ts`).
 *
 * running      → running       a step is done, or its result is unknown and it is asked again
 * running      → completed     the last step is done
 * running      → compensating  a step was declined, or the customer cancelled before the pivot
 * running      → running       it waits for the buyer, who authenticates or pays with another card
 * completed    → compensating  a placed order is cancelled or refunded
 * compensating → compensated   everything that ran is undone
 * running, compensating → stuck   attempts are used up (it keeps asking), or the step is blocked (it waits for an operator)
 * stuck        → as from the status before it was stuck, when the step goes on
 *
 * by an operator, or because of a late charge:
 *
 * running, stuck               → compensating               an operator compensates it, at whatever step it is
 * running, compensating, stuck → compensating, compensated  an operator gives it up: the order ends now
 * compensating                 → running                    given up, then charged after all, and its stock was free
 * compensated                  → compensating               an operator makes a failed refund again
 */

/** What happens to a saga. The types are stored as causes in its history. */
export type SagaEvent =
  | { type: 'asked' }
  | { type: 'done' }
  /** `undoesStep`: the provider holds something of this step, so its compensation is the first. */
  | { type: 'declined'; endsAs: OrderEnd; undoesStep?: boolean }
  | { type: 'unknown' }
  | { type: 'not-asked' }
  /** The provider decides later, or refused because it is busy: this costs no attempt. */
  | { type: 'waiting' }
  /**
   * The buyer must authenticate, or may pay with another card. It costs no attempt, and nothing is under way that could not
   * be undone: so the pivot counts as not asked for.
   */
  | { type: 'waits-for-buyer' }
  /** The buyer pays with another card. */
  | { type: 'paid-again' }
  /** A step threw. `counted`: this attempt was counted when it was asked. */
  | { type: 'failed'; counted: boolean }
  /** `asksAgain`: it may heal without an operator, like a key that is refused. */
  | { type: 'blocked'; asksAgain?: boolean }
  /** A worker's lease expired: the next worker continues from what is committed. */
  | { type: 'worker-lost' }
  /** The customer asks to cancel or refund. */
  | { type: 'turn-back'; by: 'cancel' | 'refund' }
  /** By an operator: ask again now, with new attempts. */
  | { type: 'retried' }
  /** By an operator: a refund failed after its order had ended, and is made again. */
  | { type: 'refund-retried' }
  /** By an operator: undo everything, though the capture may have been asked for. */
  | { type: 'compensated-by-hand' }
  /** By an operator: the order ends now. `mayBeCharged`: a charge may still arrive, so the saga keeps asking. */
  | { type: 'given-up'; mayBeCharged: boolean }
  /** A late charge for a given-up order, whose stock could be reserved again. */
  | { type: 'reacquired' };

/** When the saga runs again: at once, after the backoff of this attempt, or not until somebody acts. */
export type NextRun = 'now' | 'backoff' | 'never';

export interface Transition {
  state: SagaState;
  nextRun: NextRun;
}

/**
 * After this many attempts at one step an operator should look: with the pauses of `backoffMs`, about half an hour. The saga
 * keeps asking, because the provider may recover first.
 */
export const attemptsMax = 10;

export function transition(steps: StepList, state: SagaState, event: SagaEvent): Transition {
  const compensates = state.endsAs !== null;
  const status = compensates ? 'compensating' : 'running';
  switch (event.type) {
    case 'asked':
      return { state: spent({ ...state, attempt: state.attempt + 1 }, attemptsMax + 1), nextRun: 'backoff' };
    case 'done':
      return compensates ? undone(steps, { ...state, status }) : advanced(steps, { ...state, status });
    case 'declined':
      if (compensates) throw new Error(`Bug: the compensation of ${state.step} was declined.`);
      return back(state, event.undoesStep ? state.step : stepBefore(steps, state.step), event.endsAs);
    case 'unknown':
      return { state: spent({ ...state, status }, attemptsMax), nextRun: 'backoff' };
    case 'not-asked':
      return { state: { ...state, attempt: Math.max(0, state.attempt - 1) }, nextRun: 'backoff' };
    case 'waiting':
      return { state: { ...state, status, attempt: uncounted(state.attempt) }, nextRun: 'backoff' };
    case 'waits-for-buyer':
      if (compensates) throw new Error('Bug: a saga that compensates waits for the buyer.');
      return { state: { ...state, status, attempt: 0 }, nextRun: 'backoff' };
    case 'paid-again':
      if (compensates) throw new Error('Bug: the order of a saga that compensates was paid again.');
      return { state: { ...state, status, attempt: 0 }, nextRun: 'now' };
    case 'failed':
      return transition(
        steps,
        { ...state, attempt: state.attempt + (event.counted ? 0 : 1) },
        { type: 'unknown' },
      );
    case 'blocked':
      return event.asksAgain
        ? { state: { ...state, status: 'stuck', attempt: uncounted(state.attempt) }, nextRun: 'backoff' }
        : { state: { ...state, status: 'stuck' }, nextRun: 'never' };
    case 'worker-lost':
      return { state, nextRun: 'now' };
    case 'turn-back':
      return compensates ? { state, nextRun: 'now' } : cancelled(steps, state, event.by);
    case 'retried':
      // One attempt stays counted: it says whether the pivot was asked for.
      return { state: { ...state, status, attempt: Math.min(state.attempt, 1) }, nextRun: 'now' };
    case 'refund-retried':
      return {
        state: { ...state, status: 'compensating', step: refundingStep(steps), attempt: 0 },
        nextRun: 'now',
      };
    case 'compensated-by-hand':
      if (compensates)
        throw new Error('Bug: a saga that compensates already was compensated by an operator.');
      return back(state, state.step, 'cancelled');
    case 'given-up':
      return givenUp(state, event.mayBeCharged);
    case 'reacquired':
      return { state: begun(steps), nextRun: 'now' };
  }
}

/** A saga whose order was just accepted: its first step is done. */
export const begun = (steps: StepList): SagaState => ({
  status: 'running',
  step: steps[1]!.name,
  attempt: 0,
  requestedEnd: null,
  endsAs: null,
});

function givenUp(state: SagaState, mayBeCharged: boolean): Transition {
  const endsAs = state.endsAs ?? 'abandoned';
  if (mayBeCharged)
    return { state: { ...state, status: 'compensating', attempt: 0, endsAs }, nextRun: 'now' };
  return {
    state: { ...state, status: 'compensated', attempt: 0, requestedEnd: null, endsAs },
    nextRun: 'never',
  };
}

/** This attempt costs nothing. One stays counted: it says whether the pivot was asked for. */
const uncounted = (attempt: number): number => Math.max(Math.min(attempt, 1), attempt - 1);

const spent = (state: SagaState, max: number): SagaState =>
  state.attempt >= max ? { ...state, status: 'stuck' } : state;

/** Whether the saga can still end without a charge: not once the pivot was asked for, whatever its result. */
export function canCancel(steps: StepList, state: SagaState): boolean {
  if (state.endsAs !== null || state.status === 'completed' || state.status === 'compensated') return false;
  const at = placeOf(steps, state.step);
  const pivot = pivotAt(steps);
  return pivot === -1 || at < pivot || (at === pivot && state.attempt === 0);
}

const pivotAt = (steps: StepList): number => steps.findIndex(({ kind }) => kind === 'pivot');

/** The one whose compensation refunds: the pivot, or without one the last that can be undone. */
function refundingStep(steps: StepList): string {
  return steps.findLast(({ kind }) => kind !== 'retriable')!.name;
}

function advanced(steps: StepList, state: SagaState): Transition {
  const next = steps[placeOf(steps, state.step) + 1];
  if (next) return { state: { ...state, step: next.name, attempt: 0 }, nextRun: 'now' };
  const completed: SagaState = { ...state, status: 'completed', attempt: 0 };
  // Cancelled while the charge was in flight: charged and placed, so it is refunded now.
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
  // The present step may have stopped halfway, so it is compensated too.
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

/** Pauses between attempts; the last repeats, for an outage that lasts hours. */
// guard: unknown-is-asked-again
const pausesMs = [5_000, 15_000, 60_000, 300_000];

/** The pause before attempt `attempt + 1`, jittered by a fifth so that the orders of an outage do not all return at once. */
export function backoffMs(attempt: number, random: number): number {
  const pause = pausesMs[Math.min(Math.max(attempt, 1), pausesMs.length) - 1]!;
  return Math.round(pause * (0.8 + 0.4 * random));
}
