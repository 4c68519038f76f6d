import { attemptsMax } from '../../src/orders/checkout-saga/transitions';
import { type Checkout, accepted, eventsOf, keyOf, realDecisions } from './abstract-checkout';
import type { Random } from './seeded';

/**
 * Attempts matter where they are none, one, or spent. From three on they stand for two and for nearly spent, both of
 * which are then looked at: that is more than can happen, and finitely many.
 */
export function attemptsLike(attempt: number): number[] {
  if (attempt > attemptsMax) return [attemptsMax + 1];
  return attempt > 2 && attempt < attemptsMax - 1 ? [2, attemptsMax - 1] : [attempt];
}

/** Every state that some order of events leads to, each with one of the shortest histories that lead there. */
export function reachableCheckouts(): Checkout[] {
  const states = [accepted];
  const known = new Set([keyOf(accepted)]);
  for (let place = 0; place < states.length; place++)
    for (const { next: reached } of eventsOf(states[place]!, realDecisions))
      for (const attempt of attemptsLike(reached.saga.attempt)) {
        const next = { ...reached, saga: { ...reached.saga, attempt } };
        const key = keyOf(next);
        if (known.has(key)) continue;
        known.add(key);
        states.push(next);
      }
  return states;
}

/** Where chance leads in so many events, with a history that no shortest way has. */
export function* randomWalk(random: Random, events: number): Generator<Checkout> {
  let state = accepted;
  for (let nth = 0; nth < events; nth++) {
    const next = eventsOf(state, realDecisions);
    if (next.length === 0) return;
    state = random.pick(next).next;
    yield state;
  }
}
