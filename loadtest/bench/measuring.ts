import { createTestDatabase } from '../../test/support/database';
import type { QueueBackend } from '../../test/support/redis-server';
import type { BenchArgs } from '../bench-args';
import type { Results } from '../bench-results';
import type { Crowd } from '../crowd';
import type { Build, Environment, Site, SiteOptions } from '../environment';
import { type LevelArgs, type LevelResult, runLevel } from '../levels';

export const plainBuyers = { lines: 1, declineRate: 0, abandonRate: 0 };

export interface Bench {
  args: BenchArgs;
  environment: Environment;
  crowd: Crowd;
  results: Results;
  /** Those of this machine; the first is used where one is enough. */
  queues: readonly QueueBackend[];
  /** Compared with this clone's. */
  other: Build | undefined;
}

/** Opens a service for the work and closes it afterwards. */
export async function at<T>(
  bench: Bench,
  options: SiteOptions,
  work: (site: Site) => Promise<T>,
): Promise<T> {
  const site = await bench.environment.open({ queue: bench.queues[0], ...options });
  try {
    return await work(site);
  } finally {
    await site.close();
  }
}

/** Runs the work on a database with all tables and no rows. */
export async function inDatabase<T>(work: (url: string) => Promise<T>): Promise<T> {
  const database = await createTestDatabase();
  try {
    return await work(database.url);
  } finally {
    await database.drop();
  }
}

/** Measures a number of buyers at once. */
export async function level(
  { args, crowd, results }: Bench,
  site: Site,
  { name, ...how }: { name: string; concurrency: number } & Partial<LevelArgs>,
): Promise<LevelResult> {
  const measured = await runLevel(site, crowd, {
    skus: 1,
    ...plainBuyers,
    strategy: 'grouped',
    seed: args.seed,
    seconds: args.seconds,
    ...how,
  });
  results.failIfOdd(name, measured.tally);
  return measured;
}
