import { IsNull, MoreThan } from 'typeorm';
import type { Database, Tx } from '../database/database';
import { DeadLetterEntity } from './outbox.entity';

/**
 * Messages that no consumer could apply, kept with the reason until an operator sends them again. Their orders are not
 * lost: a saga stays due and a reservation expires without any message.
 */
export type DeadLetter = DeadLetterEntity;

const columns = `
  id, type, aggregate_id AS "aggregateId", reason, attempts, died_at AS "diedAt",
  retried_at AS "retriedAt"`;

/**
 * Takes a message out of the relay's rounds. Returns false if it was applied before that. `coalesce`, here and below,
 * forces the lookup by id: docs/decisions/0025.
 */
export async function parkMessage(
  tx: Tx,
  message: { messageId: string; starts: number; reason: string },
): Promise<boolean> {
  const parked = await tx.affected(
    `
    WITH parked AS (
      UPDATE outbox SET next_relay_at = 'infinity'
       WHERE id = $1::uuid AND coalesce(applied_at, 'infinity') = 'infinity'
      RETURNING id, type, aggregate_id
    )
    INSERT INTO dead_letters (id, type, aggregate_id, reason, attempts, died_at)
    SELECT id, type, aggregate_id, $2::text, $3::int, statement_timestamp() FROM parked
        ON CONFLICT (id) DO UPDATE
       SET reason = excluded.reason,
           attempts = dead_letters.attempts + excluded.attempts,
           died_at = excluded.died_at,
           retried_at = NULL
    `,
    [message.messageId, message.reason.slice(0, 500), message.starts],
  );
  return parked > 0;
}

/** Oldest first; `after` is the id of the last one already seen. Those that were sent again are not listed. */
export function listDeadLetters(db: Database, limit: number, after: string | null): Promise<DeadLetter[]> {
  const where = { retriedAt: IsNull(), ...(after === null ? {} : { id: MoreThan(after) }) };
  return db.entities((manager) =>
    manager.find(DeadLetterEntity, { where, order: { id: 'ASC' }, take: limit + 1 }),
  );
}

export const findLetter = (db: Database, id: string): Promise<DeadLetter | null> =>
  db.entities((manager) => manager.findOneBy(DeadLetterEntity, { id }));

/** Locks the letter and reads the clock after the lock. Undefined: there is none. */
export async function lockLetter(tx: Tx, id: string): Promise<(DeadLetter & { now: Date }) | undefined> {
  // The message before its letter, as in parking, so that the two never deadlock.
  await tx.rows(`SELECT id FROM outbox WHERE id = $1::uuid FOR UPDATE`, [id]);
  const [letter] = await tx.rows<DeadLetter & { now: Date }>(
    `
    WITH letter AS MATERIALIZED (
      SELECT ${columns}
        FROM dead_letters
       WHERE id = $1::uuid
         FOR UPDATE
    )
    SELECT letter.*, clock_timestamp() AS now FROM letter
    `,
    [id],
  );
  return letter;
}

/** Makes its message due for the relay. */
export async function sendAgain(tx: Tx, letter: { id: string; now: Date }): Promise<void> {
  await tx.affected(
    `
    WITH sent AS (
      UPDATE outbox SET next_relay_at = $2::timestamptz WHERE id = $1::uuid AND coalesce(applied_at, 'infinity') = 'infinity'
    )
    UPDATE dead_letters SET retried_at = $2::timestamptz WHERE id = $1::uuid
    `,
    [letter.id, letter.now],
  );
}
