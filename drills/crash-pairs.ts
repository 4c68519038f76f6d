import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { noSweeperForSagas } from './kit/mutants';
import { type Place, dyingAt, nameOf, placesOfATour, processes } from './kit/places';
import type { Environment } from './kit/environment';
import { hasty, tour } from './kit/tour';

const pairsDefault = 100;
const lanes = 2;

/** How often a process dies in a row before the audit. Each restart is armed to die again. */
const deathsInARow = 6;

export const drill: Drill = {
  name: 'crash-pairs',
  promise: 'A process that is killed during its recovery from a kill leaves nothing inconsistent.',
  rows: [1, 2, 4, 5, 6, 7, 8, 10, 11],
  sometimes: ['pairs'],
  limitSeconds: 900,
  mutants: [noSweeperForSagas],

  run: async (environment) => {
    const open = () => environment.open({ queue: 'postgres', env: hasty });
    const first = await open();
    const places = await placesOfATour(first);
    const wanted = environment.options.pairs ?? pairsDefault;
    const play = async (shop: DrilledShop) => {
      while ((environment.facts.pairs ?? 0) < wanted) await dieInARow(environment, shop, places);
    };
    await Promise.all([play(first), ...Array.from({ length: lanes - 1 }, async () => play(await open()))]);
  },
};

/** Both processes die repeatedly, at random failpoints, while clients continue; then the audit must pass. */
async function dieInARow(environment: Environment, shop: DrilledShop, places: Place[]): Promise<void> {
  const died: string[] = [];
  try {
    let dying = processes.length;
    const chains = processes.map(async (process) => {
      const own = places.filter((place) => place.process === process);
      for (let death = 1; death <= deathsInARow; death++) {
        const place = environment.random.pick(own);
        died.push(nameOf(place));
        await shop.service.restart(process, dyingAt(place));
        await shop.service.ended(process);
        if (death > 1) environment.count('pairs', 1);
      }
      dying -= 1;
      await shop.service.restart(process, dyingAt());
    });
    const touring = (async () => {
      do await tour(shop);
      while (dying > 0);
    })();
    await Promise.all([...chains, touring]);
    await shop.audit();
  } catch (error) {
    if (error instanceof Error) error.message = `After deaths at ${died.join(', ')}: ${error.message}`;
    throw error;
  }
}
