import { attemptsMax } from '../../src/orders/checkout-saga/transitions';
import { type Checkout, accepted, eventsOf, keyOf, realDecisions } from './abstract-checkout';
import type { Random } from './seeded';

/**
 * Attempts matter only as none, one, or used up. From three on they count both as two and as nearly used up: that
 * covers more than can happen, with finitely many states. A surprise does not depend on the attempts: there they are not
 * used up.
 */
export function attemptsLike({ saga: { attempt }, surprise }: Checkout): number[] {
  if (surprise !== null) return [Math.min(attempt, 2)];
  if (attempt > attemptsMax) return [attemptsMax + 1];
  return attempt > 2 && attempt < attemptsMax - 1 ? [2, attemptsMax - 1] : [attempt];
}

/** Every state that some order of events leads to, each with one of its shortest histories. */
export function reachableCheckouts(): Checkout[] {
  const states = [accepted];
  const known = new Set([keyOf(accepted)]);
  for (let place = 0; place < states.length; place++)
    for (const { next: reached } of eventsOf(states[place]!, realDecisions))
      for (const attempt of attemptsLike(reached)) {
        const next = { ...reached, saga: { ...reached.saga, attempt } };
        const key = keyOf(next);
        if (known.has(key)) continue;
        known.add(key);
        states.push(next);
      }
  return states;
}

/** A state after this many random events, with a history that is not the shortest. */
export function* randomWalk(random: Random, events: number): Generator<Checkout> {
  let state = accepted;
  for (let nth = 0; nth < events; nth++) {
    const next = eventsOf(state, realDecisions);
    if (next.length === 0) return;
    state = random.pick(next).next;
    yield state;
  }
}
