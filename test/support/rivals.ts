import type { World } from './fixtures';

/** Other sessions on the same rows that stay inside their transactions until the test continues them. */

/** Holds the locks of a statement until the returned function is called. */
export async function holding(
  world: World,
  sql: string,
  parameters: unknown[],
): Promise<() => Promise<void>> {
  const session = await world.session();
  await session.query('BEGIN');
  await session.query(sql, parameters);
  return async () => {
    await session.query('ROLLBACK');
    await session.end();
  };
}

/** A buyer who has taken stock without a commit, and may still commit or roll back. */
export async function hesitating(
  world: World,
  line: { sku: string; quantity: number },
  pool?: string,
): Promise<(decision: 'buys' | 'goes away') => Promise<void>> {
  const goesAway = new Error('goes away');
  const decision = later<string>();
  const taken = later<void>();
  const over = world.db
    .transaction('command', async (tx) => {
      const outcome = await world.reserver.single(tx, { ...world.reservationRequest([line]), pool });
      if ('refused' in outcome) throw outcome.refused;
      taken.resolve();
      if ((await decision.promise) !== 'buys') throw goesAway;
    })
    .catch((error: unknown) => {
      if (error !== goesAway) throw error;
    });
  await Promise.race([taken.promise, over]);
  return (what) => {
    decision.resolve(what);
    return over;
  };
}

function later<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
