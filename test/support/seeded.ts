/** Random numbers from a seed, so that a failure can be repeated. */
export class Random {
  constructor(readonly seed: number) {
    this.state = seed;
  }

  private state: number;

  /** From 0 up to 1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `min` to `max`, inclusive. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)]!;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    return list.map(() => rest.splice(this.integer(0, rest.length - 1), 1)[0]!);
  }
}

/**
 * A test body with random numbers, from a new seed each time or from HOLDFAST_TEST_SEED. A failure prints its seed, so
 * that it can be repeated.
 */
export const seeded = (body: (random: Random) => Promise<void>) => async (): Promise<void> => {
  const random = new Random(Number(process.env.HOLDFAST_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31)));
  try {
    await body(random);
  } catch (error) {
    if (error instanceof Error) error.message = `HOLDFAST_TEST_SEED=${random.seed}\n${error.message}`;
    throw error;
  }
};
