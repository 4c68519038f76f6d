import { NotInTime, until } from '../../test/support/until';

/** The drill never came to what it is about, which says nothing about the promise. */
export class NotReached extends Error {}

/** Waits for what the drill needs before it can begin to look whether its promise holds. */
export async function reach<T>(
  what: string,
  look: () => Promise<T | undefined | null | false>,
  withinMs?: number,
): Promise<T> {
  try {
    return await until(what, look, withinMs);
  } catch (error) {
    throw error instanceof NotInTime ? new NotReached(error.message) : error;
  }
}
