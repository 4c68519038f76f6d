/**
 * Generous: a busy machine must not make a test fail. With four busy loops on two cores, waits of forty seconds timed
 * out. Below Jest's limit, whose message says less.
 */
export const patienceMs = Number(process.env.HOLDFAST_TEST_PATIENCE_MS ?? 120_000);

/** Often at first, then less often, so that polling does not keep the machine busy. */
const pauseMs = { first: 25, growth: 1.2, max: 250 };

/** The condition did not become true. */
export class NotInTime extends Error {}

/**
 * Calls `look` until it returns something, and returns that. An error of `look` counts as nothing, and is reported at
 * the timeout.
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
