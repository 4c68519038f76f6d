import { Injectable } from '@nestjs/common';
import { Database, type Queryable } from '../database/database';

/** For SQL: whose a message is, by what it is about. For those that were written without their owner. */
export const ownerOf = (message: string) => `
  coalesce((SELECT o.principal FROM orders o WHERE ${message}.aggregate_type = 'order' AND o.id = ${message}.aggregate_id),
           (SELECT r.principal FROM reservations r
             WHERE ${message}.aggregate_type = 'reservation' AND r.id = ${message}.aggregate_id))`;

/** No principal has this name. What a message is about is never deleted, so this is for damaged data only. */
const nobody = '?';

/** Whether the owners of all messages are filled in, or found in the index of those without. It stays so once it is. */
@Injectable()
export class EventOwners {
  private known = false;

  constructor(private readonly db: Database) {}

  async areKnown(): Promise<boolean> {
    if (!this.known) {
      const [row] = await this.db.rows<{ missing: boolean }>(
        `SELECT owners_missing AS missing FROM event_upkeep`,
      );
      this.known = row?.missing === false;
    }
    return this.known;
  }
}

/** Fills in the owners of what earlier processes wrote beside this build. Returns how many. */
export async function ownNewMessages(queryable: Queryable, limit: number): Promise<number> {
  const owned = await queryable.rows(
    `
    WITH unowned AS MATERIALIZED (
      SELECT id FROM outbox WHERE principal IS NULL AND principal IS DISTINCT FROM '' LIMIT $1::int FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox m SET principal = coalesce(${ownerOf('m')}, '${nobody}') FROM unowned WHERE m.id = unowned.id
    RETURNING m.id
    `,
    [limit],
  );
  return owned.length;
}

/**
 * Fills in the owners of messages of builds before the shops' feed, among the next `limit` messages after an id. Returns the
 * last id; null: there are no more messages.
 */
export async function ownOldMessages(
  queryable: Queryable,
  after: string,
  limit: number,
): Promise<string | null> {
  const [row] = await queryable.rows<{ last: string | null }>(
    `
    WITH next AS MATERIALIZED (
      SELECT id, principal FROM outbox WHERE id > $1::uuid ORDER BY id LIMIT $2::int
    ), locked AS MATERIALIZED (
      SELECT id FROM outbox WHERE id IN (SELECT id FROM next WHERE principal = '') ORDER BY id FOR UPDATE
    ), owned AS (
      UPDATE outbox m SET principal = coalesce(${ownerOf('m')}, '${nobody}') FROM locked WHERE m.id = locked.id
    )
    SELECT max(id::text)::uuid AS last FROM next
    `,
    [after, limit],
  );
  return row?.last ?? null;
}

/** The owners of all messages are filled in. */
export async function noteOwnersKnown(queryable: Queryable): Promise<void> {
  await queryable.rows(`UPDATE event_upkeep SET owners_missing = false WHERE owners_missing`);
}
