import assert from 'node:assert/strict';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { everyKeyIsNew } from './kit/mutants';
import { type Place, dyingAt, nameOf, placesOfATour } from './kit/places';
import { hasty, tour } from './kit/tour';

/** Shops in parallel, each dying at its own failpoint, because a drill mostly waits. */
const lanes = 3;

export const drill: Drill = {
  name: 'crash-points',
  promise: 'Wherever a process is killed, all started work completes correctly, once.',
  rows: [1, 2, 4, 5, 6, 7, 8, 10, 11],
  sometimes: ['places'],
  limitSeconds: 900,
  mutants: [everyKeyIsNew],

  run: async (environment) => {
    const open = () => environment.open({ queue: 'postgres', env: hasty });
    const first = await open();
    const places = await placesOfATour(first);
    const left = places.values();
    const play = async (shop: DrilledShop) => {
      for (const place of left) if (await dieAt(shop, place)) environment.count('places', 1);
    };
    await Promise.all([play(first), ...Array.from({ length: lanes - 1 }, async () => play(await open()))]);
    assert.ok(environment.facts.places! >= 25, `killed at ${environment.facts.places} places only`);
  },
};

/** False: this tour did not reach it. */
async function dieAt(shop: DrilledShop, place: Place): Promise<boolean> {
  try {
    await shop.service.restart(place.process, dyingAt(place));
    const touring = tour(shop);
    const died = await Promise.race([
      shop.service.ended(place.process).then(() => true),
      touring.then(() => shop.converge()).then(() => false),
    ]);
    await shop.service.restart(place.process, dyingAt());
    await touring;
    await shop.audit();
    return died;
  } catch (error) {
    if (error instanceof Error) error.message = `Killed at ${nameOf(place)}: ${error.message}`;
    throw error;
  }
}
