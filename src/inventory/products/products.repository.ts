import type { Queryable, Tx } from '../../database/database';
import type { PoolStock } from './pools';
import type { ProductEntity } from './product.entity';

/** `pools`: where its stock belongs. */
export type Product = Omit<ProductEntity, 'createdAt' | 'updatedAt'>;

/** A pool's stock, with what live reservations hold of it: units whose timer runs, and units that are being charged for. */
export interface StockInPool extends PoolStock {
  active: number;
  pinned: number;
}

export interface ProductWithStock extends Product {
  levels: (StockInPool & { version: number })[];
}

const columns = `
  p.sku, p.name, p.unit_amount AS "unitAmount", p.currency, p.strategy, p.pools,
  p.quantity_per_order_max AS "quantityPerOrderMax", p.reservations_per_customer_max AS "reservationsPerCustomerMax",
  p.safety_stock AS "safetyStock", p.sales_start_at AS "salesStartAt", p.sales_end_at AS "salesEndAt",
  p.units_per_customer_max AS "unitsPerCustomerMax", p.version`;

/** `readAt`: the database's time. */
export type FoundProduct = Product & { readAt: Date };

export async function findProducts(queryable: Queryable, skus: string[]): Promise<Map<string, FoundProduct>> {
  const rows = await queryable.rows<FoundProduct>(
    `SELECT ${columns}, clock_timestamp() AS "readAt" FROM products p WHERE p.sku = ANY ($1::text[])`,
    [skus],
  );
  return new Map(rows.map((product) => [product.sku, product]));
}

/** Available stock of these SKUs, summed over pools, with the product's version, in one snapshot. */
export async function findAvailable(
  tx: Tx,
  skus: string[],
): Promise<Map<string, { version: number; available: number }>> {
  const rows = await tx.rows<{ sku: string; version: number; available: number }>(
    `
    SELECT p.sku, p.version,
           greatest(0, coalesce((SELECT sum(s.on_hand - s.reserved) FROM stock_levels s WHERE s.sku = p.sku), 0)
                       - p.safety_stock)::bigint AS available
      FROM products p
     WHERE p.sku = ANY ($1::text[])
    `,
    [skus],
  );
  return new Map(rows.map((row) => [row.sku, row]));
}

/** By SKU; `after` is the last SKU already seen. With `sku`, that one only. */
export function listProducts(
  queryable: Queryable,
  limit: number,
  after: string | null,
  sku: string | null = null,
) {
  return queryable.rows<ProductWithStock>(
    `
    WITH page AS MATERIALIZED (
      SELECT ${columns}
        FROM products p
       WHERE p.sku > coalesce($2::text, '') AND ($3::text IS NULL OR p.sku = $3::text)
       ORDER BY p.sku
       LIMIT $1::int
    ), held AS MATERIALIZED (
      SELECT l.sku, l.pool,
             sum(l.quantity) FILTER (WHERE r.status = 'active') AS active,
             sum(l.quantity) FILTER (WHERE r.status = 'pinned') AS pinned
        FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id
       WHERE r.status IN ('active', 'pinned') AND l.sku IN (SELECT page.sku FROM page)
       GROUP BY l.sku, l.pool
    )
    SELECT page.*,
           (SELECT json_agg(json_build_object('pool', s.pool, 'onHand', s.on_hand, 'reserved', s.reserved,
                                              'safetyStock', s.safety_stock, 'version', s.version,
                                              'active', coalesce(held.active, 0), 'pinned', coalesce(held.pinned, 0))
                            ORDER BY s.pool)
              FROM stock_levels s LEFT JOIN held ON held.sku = s.sku AND held.pool = s.pool
             WHERE s.sku = page.sku) AS levels
      FROM page
     ORDER BY page.sku
    `,
    [limit + 1, after, sku],
  );
}

/** False: the SKU exists already. */
export async function insertProduct(tx: Tx, product: Omit<Product, 'version'>): Promise<boolean> {
  const inserted = await tx.affected(
    `
    INSERT INTO products (sku, name, unit_amount, currency, strategy, pools, quantity_per_order_max,
                          reservations_per_customer_max, safety_stock, sales_start_at, sales_end_at,
                          units_per_customer_max)
    VALUES ($1::text, $2::text, $3::bigint, $4::text, $5::text, $6::text[], $7::int, $8::int, $9::int, $10::timestamptz,
            $11::timestamptz, $12::int)
        ON CONFLICT DO NOTHING
    `,
    values(product),
  );
  return inserted === 1;
}

/**
 * Locks the product's row, for a change of the product or of its stock. Buyers only read it, so they do not wait for it.
 */
export async function lockProduct(
  tx: Tx,
  sku: string,
  whenLocked: 'SKIP LOCKED' | '' = '',
): Promise<Product | undefined> {
  const [product] = await tx.rows<Product>(
    `SELECT ${columns} FROM products p WHERE p.sku = $1::text FOR UPDATE ${whenLocked}`,
    [sku],
  );
  return product;
}

export async function updateProduct(tx: Tx, product: Omit<Product, 'version'>, now: Date): Promise<void> {
  await tx.affected(
    `
    UPDATE products
       SET name = $2::text, unit_amount = $3::bigint, currency = $4::text, strategy = $5::text,
           pools = $6::text[], quantity_per_order_max = $7::int, reservations_per_customer_max = $8::int,
           safety_stock = $9::int, sales_start_at = $10::timestamptz, sales_end_at = $11::timestamptz,
           units_per_customer_max = $12::int, version = version + 1, updated_at = $13::timestamptz
     WHERE sku = $1::text
    `,
    [...values(product), now],
  );
}

const values = (product: Omit<Product, 'version'>) => [
  product.sku,
  product.name,
  product.unitAmount,
  product.currency,
  product.strategy,
  product.pools,
  product.quantityPerOrderMax,
  product.reservationsPerCustomerMax,
  product.safetyStock,
  product.salesStartAt,
  product.salesEndAt,
  product.unitsPerCustomerMax,
];
