/**
 * Generous: a busy machine makes a test slow, and only a broken promise makes it fail. With four busy loops beside them
 * on two cores, waits of forty seconds failed by load alone. Below Jest's own limit, whose message says less.
 */
export const patienceMs = Number(process.env.HOLDFAST_TEST_PATIENCE_MS ?? 120_000);

/** Soon at first; what takes longer is looked for less often, or looking would be what keeps the machine busy. */
const pauseMs = { first: 25, growth: 1.2, max: 250 };

/** What was waited for did not come. */
export class NotInTime extends Error {}

/**
 * Looks until there is something to see, and returns it. What `look` throws counts as nothing seen yet, and is told
 * when time runs out.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | null | false>,
  withinMs = patienceMs,
): Promise<T> {
  const giveUpAt = performance.now() + withinMs;
  let last: unknown;
  let pause = pauseMs.first;
  while (performance.now() < giveUpAt) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== null && seen !== false) return seen;
      last = 'nothing to see';
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * pauseMs.growth, pauseMs.max);
  }
  throw new NotInTime(
    `Not within ${withinMs} ms: ${what} (${last instanceof Error ? last.message : String(last)})`,
  );
}
