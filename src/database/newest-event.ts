import type { ClientBase } from 'pg';
import { isNotMigrated } from './pg-errors';

/**
 * The clock of a standby that was promoted may be behind. An event that it dates before one that a reader of the feed has
 * seen would be missed. So each new connection reads when the newest event was written, if that is later than its
 * clock, and writes no older one.
 */
const newest = new WeakMap<ClientBase, string>();

/** A clock that was ahead by more than this was wrong, and must not hold back what is written now. */
const aheadMinutesMax = 10;

export async function readNewestEvent(client: ClientBase): Promise<void> {
  try {
    const at = await eventAhead(client);
    if (at) newest.set(client, at);
  } catch (error) {
    if (!isNotMigrated(error)) throw error;
  }
}

/** As PostgreSQL's text, which keeps the microseconds. Null where the clock is not behind, which is nearly always. */
export const newestEventAt = (client: ClientBase): string | null => newest.get(client) ?? null;

async function eventAhead(client: ClientBase): Promise<string | null> {
  const { rows } = await client.query<{ at: string | null }>(
    `
    SELECT max(created_at)::text AS at
      FROM outbox
     WHERE created_at > statement_timestamp()
       AND created_at < statement_timestamp() + $1::int * interval '1 minute'
    `,
    [aheadMinutesMax],
  );
  return rows[0]?.at ?? null;
}
