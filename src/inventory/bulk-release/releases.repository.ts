import type { Queryable, Tx } from '../../database/database';
import { parsePublicId } from '../../ids';
import type { ReleaseEntity } from './release.entity';
import type { ReleaseFilterDto } from './releases.dto';

/** `reservations`: how many were counted. */
export interface ReleaseRow extends Omit<ReleaseEntity, 'members' | 'leaseExpiresAt'> {
  reservations: number;
  now: Date;
}

const columns = `
  id, actor, filter, cardinality(members) AS reservations, units, customers, skipped_pinned AS "skippedPinned",
  counted_at AS "countedAt", status, reason, released, units_released AS "unitsReleased", ended_before AS "endedBefore",
  pinned_meanwhile AS "pinnedMeanwhile", started_at AS "startedAt", ended_at AS "endedAt", clock_timestamp() AS now`;

/** Counts the matching reservations in one snapshot and keeps their ids; one more than `max` when there are more. */
export async function insertCount(
  tx: Tx,
  { id, actor, filter, max }: { id: string; actor: string; filter: ReleaseFilterDto; max: number },
): Promise<ReleaseRow> {
  const statuses = (filter.status ?? 'active,pinned').split(',');
  const [row] = await tx.rows<ReleaseRow>(
    `
    WITH matching AS MATERIALIZED (
      SELECT r.id, r.status, r.customer_id
        FROM reservations r
       WHERE r.status IN ('active', 'pinned') AND r.status = ANY ($4::text[])
         AND (r.status = 'pinned' OR r.expires_at > statement_timestamp())
         AND ($5::uuid[] IS NULL OR r.id = ANY ($5::uuid[]))
         AND ($6::text IS NULL
              OR EXISTS (SELECT FROM reservation_lines l WHERE l.reservation_id = r.id AND l.sku = $6::text))
         AND ($7::text IS NULL OR r.customer_id = $7::text)
         AND ($8::int IS NULL
              OR (r.status = 'active' AND r.expires_at <= statement_timestamp() + $8::int * interval '1 second'))
    ), member AS MATERIALIZED (
      SELECT id, customer_id FROM matching WHERE status = 'active' LIMIT $9::int
    )
    INSERT INTO releases (id, actor, filter, members, units, customers, skipped_pinned, counted_at)
    SELECT $1::uuid, $2::text, $3::jsonb, coalesce(array_agg(id ORDER BY id), '{}'),
           (SELECT coalesce(sum(l.quantity), 0)::bigint
              FROM reservation_lines l WHERE l.reservation_id IN (SELECT id FROM member)),
           count(DISTINCT customer_id)::int,
           (SELECT count(*)::int FROM matching WHERE status = 'pinned'),
           statement_timestamp()
      FROM member
    RETURNING ${columns}
    `,
    [
      id,
      actor,
      JSON.stringify(filter),
      statuses,
      filter.ids?.map((one) => parsePublicId('rsv', one) ?? null) ?? null,
      filter.sku ?? null,
      filter.customerId ?? null,
      filter.expiringWithinSeconds ?? null,
      max + 1,
    ],
  );
  return row!;
}

/** Deletes counts that were not used. */
export async function forgetCounts(tx: Tx, countedBefore: Date): Promise<void> {
  await tx.affected(`DELETE FROM releases WHERE status = 'counted' AND counted_at < $1::timestamptz`, [
    countedBefore,
  ]);
}

export async function findRelease(queryable: Queryable, id: string): Promise<ReleaseRow | undefined> {
  const [row] = await queryable.rows<ReleaseRow>(`SELECT ${columns} FROM releases WHERE id = $1::uuid`, [id]);
  return row;
}

/** The row, locked, with the clock read after the lock. */
export async function lockRelease(tx: Tx, id: string): Promise<ReleaseRow | undefined> {
  await tx.rows(`SELECT id FROM releases WHERE id = $1::uuid FOR UPDATE`, [id]);
  return findRelease(tx, id);
}

/** Started ones, newest first; `after` is the id of the last one already seen. */
export function listReleases(queryable: Queryable, limit: number, after: string | null) {
  return queryable.rows<ReleaseRow>(
    `
    SELECT ${columns}
      FROM releases
     WHERE status <> 'counted' AND ($2::uuid IS NULL OR id < $2::uuid)
     ORDER BY id DESC
     LIMIT $1::int
    `,
    [limit + 1, after],
  );
}

const abandoned = `FROM releases WHERE status = 'running' AND lease_expires_at < statement_timestamp()`;
/** For the sweeper's look. */
export const abandonedRelease = `SELECT id ${abandoned} ORDER BY lease_expires_at`;

/** Those whose runner is gone. */
export async function abandonedReleases(queryable: Queryable): Promise<string[]> {
  const rows = await queryable.rows<{ id: string }>(`SELECT id ${abandoned}`);
  return rows.map(({ id }) => id);
}

/** Those of its members that come after the first `handled`. */
export async function nextMembers(
  tx: Tx,
  { id, handled }: { id: string; handled: number },
  limit: number,
): Promise<string[]> {
  const [row] = await tx.rows<{ members: string[] }>(
    `SELECT members[$2::int + 1 : $2::int + $3::int] AS members FROM releases WHERE id = $1::uuid`,
    [id, handled, limit],
  );
  return row!.members;
}

/** What an act or a batch made of it. */
export async function saveRelease(
  tx: Tx,
  row: Omit<ReleaseRow, 'filter' | 'now'> & { leaseExpiresAt: Date | null },
): Promise<void> {
  await tx.affected(
    `
    UPDATE releases
       SET status = $2::text, reason = $3::text, actor = $4::text, released = $5::int, units_released = $6::bigint,
           ended_before = $7::int, pinned_meanwhile = $8::int, started_at = $9::timestamptz,
           ended_at = $10::timestamptz, lease_expires_at = $11::timestamptz
     WHERE id = $1::uuid
    `,
    [
      row.id,
      row.status,
      row.reason,
      row.actor,
      row.released,
      row.unitsReleased,
      row.endedBefore,
      row.pinnedMeanwhile,
      row.startedAt,
      row.endedAt,
      row.leaseExpiresAt,
    ],
  );
}
