import type { Queryable } from '../../database/database';
import type { StockMovementEntity } from './stock.entity';

/** The ledger of a product's stock, as it is shown: never edited, and adding up to what is on hand. */
interface Movement extends Omit<StockMovementEntity, 'levelVersion' | 'createdAt'> {
  at: Date;
  /** Its time in microseconds, its pool and its number there: where a page goes on. */
  key: string;
}

export const movementKey = /^\d{1,17} [a-z0-9][a-z0-9-]{0,31} \d{1,15}$/;

/** Newest first; `after` is the key of the last one already seen. */
export function listMovements(
  queryable: Queryable,
  sku: string,
  limit: number,
  after: string | null,
): Promise<Movement[]> {
  const [micros, pool, version] = after?.split(' ') ?? [null, null, null];
  return queryable.rows<Movement>(
    `
    SELECT sku, pool, kind, delta, on_hand_after AS "onHandAfter", reason, actor, created_at AS at,
           concat_ws(' ', (extract(epoch FROM created_at) * 1000000)::bigint, pool, level_version) AS key
      FROM stock_movements
     WHERE sku = $1::text
       AND (created_at, pool, level_version)
           < (coalesce(timestamptz 'epoch' + $3::bigint * interval '1 microsecond', 'infinity'), $4::text, $5::bigint)
     ORDER BY created_at DESC, pool DESC, level_version DESC
     LIMIT $2::int
    `,
    [sku, limit + 1, micros, pool ?? '', version ?? 0],
  );
}

export const movementView = ({ key: _, at, ...movement }: Movement) => ({
  object: 'movement' as const,
  ...movement,
  at: at.toISOString(),
});
