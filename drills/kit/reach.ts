import { NotInTime, until } from '../../test/support/until';

/** The drill did not get to its failure, which says nothing about the promise. */
export class NotReached extends Error {}

/** Waits for a precondition of the drill. */
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
