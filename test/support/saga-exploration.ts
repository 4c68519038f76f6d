import type { SagaState, StepList } from '../../src/orders/saga-state';
import {
  type SagaEvent,
  attemptsMax,
  begun,
  placeOf,
  transition,
} from '../../src/orders/checkout-saga/transitions';

/** Every state of a saga over every order of events, for any list of steps. */

export const hasEnded = ({ status }: SagaState) => status === 'completed' || status === 'compensated';

/**
 * What can happen to a saga in this state. Steps that call the provider may be declined: all but the first and the
 * retriable.
 */
export function eventsIn(steps: StepList, state: SagaState): SagaEvent[] {
  if (state.status === 'compensated') return [];
  const cancel: SagaEvent = { type: 'turn-back', by: 'cancel' };
  if (state.status === 'completed') return [cancel, { type: 'turn-back', by: 'refund' }];
  const place = placeOf(steps, state.step);
  const isDeclinable = place > 0 && steps[place]!.kind !== 'retriable';
  return [
    { type: 'asked' },
    { type: 'done' },
    { type: 'unknown' },
    { type: 'not-asked' },
    { type: 'failed', counted: false },
    { type: 'failed', counted: true },
    { type: 'blocked' },
    { type: 'worker-lost' },
    { type: 'retried' },
    { type: 'given-up', mayBeCharged: true },
    { type: 'given-up', mayBeCharged: false },
    cancel,
    ...(state.endsAs === null ? ([{ type: 'compensated-by-hand' }] as const) : []),
    ...(state.endsAs === null && isDeclinable
      ? ([{ type: 'waits-for-buyer' }, { type: 'paid-again' }] as const)
      : []),
    ...(state.endsAs === 'abandoned' ? ([{ type: 'reacquired' }] as const) : []),
    ...(state.endsAs === null && isDeclinable
      ? ([{ type: 'declined', endsAs: 'payment_declined' }] as const)
      : []),
  ];
}

export interface Exploration {
  states: SagaState[];
  /** The states that can still reach an end. */
  canEnd: Set<SagaState>;
  /** Every change of status, as `running → stuck`. */
  edges: Set<string>;
}

/** Attempts above the maximum make no difference, so there are finitely many states. */
export function exploreSaga(steps: StepList): Exploration {
  const accepted = begun(steps);
  const states = [accepted];
  const known = new Map([[JSON.stringify(accepted), accepted]]);
  const reachedFrom = new Map<SagaState, SagaState[]>([[accepted, []]]);
  const edges = new Set<string>();
  for (let nth = 0; nth < states.length; nth++) {
    const state = states[nth]!;
    for (const event of eventsIn(steps, state)) {
      const reached = transition(steps, state, event).state;
      const next = { ...reached, attempt: Math.min(reached.attempt, attemptsMax) };
      if (next.status !== state.status) edges.add(`${state.status} → ${next.status}`);
      const key = JSON.stringify(next);
      const seen = known.get(key);
      if (seen) reachedFrom.get(seen)!.push(state);
      if (seen) continue;
      known.set(key, next);
      states.push(next);
      reachedFrom.set(next, [state]);
    }
  }
  const canEnd = new Set(states.filter(hasEnded));
  for (const state of canEnd) for (const before of reachedFrom.get(state)!) canEnd.add(before);
  return { states, canEnd, edges };
}
