import type { DrilledShop } from './drilled-shop';
import { tour } from './tour';

/** A failpoint and a process that reaches it. */
export interface Place {
  process: 'api-1' | 'worker-1';
  point: string;
}

export const processes = ['api-1', 'worker-1'] as const;

export const nameOf = ({ process, point }: Place): string => `${point} in ${process}`;

/** Every failpoint that a tour reaches, in order of first use. */
export async function placesOfATour(shop: DrilledShop): Promise<Place[]> {
  for (const process of processes) await shop.service.restart(process, { FAILPOINT: 'record' });
  await tour(shop);
  await shop.audit();
  return processes.flatMap((process) =>
    [...shop.service.outputOf(process).matchAll(/^failpoint (\S+)$/gm)].map(([, point]) => ({
      process,
      point: point!,
    })),
  );
}

/** From its next start on, the process dies there; without a place, nowhere. */
export const dyingAt = (place?: Place) => ({ FAILPOINT: place && `${place.point}:kill9` });
