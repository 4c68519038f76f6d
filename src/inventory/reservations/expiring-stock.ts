import type { Queryable } from '../../database/database';
import type { Returning } from './reservations.responses';

const sumSeconds = 10;
const sums = 60;

interface Row {
  now: Date;
  units: number[] | null;
  active: Returning['active'];
  pinned: Returning['pinned'];
}

/**
 * What comes back if nobody pays: units per ten seconds, of one product or of all. Reads live reservations only,
 * whatever has ended before.
 */
export async function returningOf(queryable: Queryable, sku: string | null): Promise<Returning> {
  const [row] = await queryable.rows<Row>(
    `
    WITH held AS MATERIALIZED (
      SELECT r.status, l.reservation_id, l.quantity,
             greatest(0, floor(extract(epoch FROM r.expires_at - statement_timestamp()) / ${sumSeconds}))::int AS bucket
        FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id
       WHERE r.status IN ('active', 'pinned') AND ($1::text IS NULL OR l.sku = $1::text)
    ), sum AS (
      SELECT n AS bucket, coalesce(sum(held.quantity), 0)::bigint AS units
        FROM generate_series(0, ${sums - 1}) AS n LEFT JOIN held ON held.bucket = n AND held.status = 'active'
       GROUP BY n
    )
    SELECT statement_timestamp() AS now, (SELECT json_agg(units ORDER BY bucket) FROM sum) AS units,
           ${total('active')} AS active, ${total('pinned')} AS pinned
      FROM held
    `,
    [sku],
  );
  const { now, units, active, pinned } = row!;
  return {
    object: 'returning',
    sku,
    asOf: now.toISOString(),
    units: units!,
    withinMinute: units!.slice(0, 60 / sumSeconds).reduce((sum, one) => sum + one, 0),
    active,
    pinned,
  };
}

function total(status: 'active' | 'pinned'): string {
  return `json_build_object('units', coalesce(sum(quantity) FILTER (WHERE status = '${status}'), 0),
                            'reservations', count(DISTINCT reservation_id) FILTER (WHERE status = '${status}'))`;
}
