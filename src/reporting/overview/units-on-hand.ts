import type { Queryable } from '../../database/database';

/** Where the units of one SKU, or of all, are. */
export interface Units {
  onHand: number;
  /** Sold, not yet shipped. */
  confirmed: number;
  pinned: number;
  active: number;
  available: number;
}

export interface AllUnits extends Units {
  skus: number;
  /** Of the active ones: back on sale within 60 s if nobody pays. */
  returningSoon: number;
  /** Those SKUs of which anything is reserved now. */
  live: Map<string, { active: number; pinned: number }>;
}

/** Live reservations are summed, which are few beside the ended ones; what is sold is what is left of the reserved. */
export async function allUnits(db: Queryable): Promise<AllUnits> {
  const live = await db.rows<{ sku: string; active: number; pinned: number; returningSoon: number }>(
    `
    SELECT l.sku,
           coalesce(sum(l.quantity) FILTER (WHERE r.status = 'active'), 0)::bigint AS active,
           coalesce(sum(l.quantity) FILTER (WHERE r.status = 'pinned'), 0)::bigint AS pinned,
           coalesce(sum(l.quantity) FILTER (WHERE r.status = 'active' AND r.expires_at < clock_timestamp() + interval '60 seconds'),
                    0)::bigint AS "returningSoon"
      FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id
     WHERE r.status IN ('active', 'pinned')
     GROUP BY l.sku
    `,
  );
  const [total] = await db.rows<{ skus: number; onHand: number; reserved: number }>(
    `
    SELECT count(DISTINCT sku)::int AS skus, coalesce(sum(on_hand), 0)::bigint AS "onHand",
           coalesce(sum(reserved), 0)::bigint AS reserved
      FROM stock_levels
    `,
  );
  const sum = (of: 'active' | 'pinned' | 'returningSoon') => live.reduce((all, row) => all + row[of], 0);
  return {
    ...unitsFrom(total!, { active: sum('active'), pinned: sum('pinned') }),
    skus: total!.skus,
    returningSoon: sum('returningSoon'),
    live: new Map(live.map(({ sku, active, pinned }) => [sku, { active, pinned }])),
  };
}

export interface ProductStock {
  sku: string;
  name: string;
  strategy: string;
  onHand: number;
  reserved: number;
}

export function productStocks(db: Queryable, skus: string[]): Promise<ProductStock[]> {
  return db.rows<ProductStock>(
    `
    SELECT p.sku, p.name, p.strategy, sum(s.on_hand)::bigint AS "onHand", sum(s.reserved)::bigint AS reserved
      FROM products p JOIN stock_levels s USING (sku)
     WHERE p.sku = ANY ($1::text[])
     GROUP BY p.sku
    `,
    [skus],
  );
}

/** Read a moment apart, the two may not quite fit; none of the parts is ever shown below zero. */
export function unitsFrom(
  { onHand, reserved }: { onHand: number; reserved: number },
  { active, pinned }: { active: number; pinned: number },
): Units {
  const confirmed = Math.max(0, reserved - active - pinned);
  return { onHand, confirmed, pinned, active, available: Math.max(0, onHand - reserved) };
}
