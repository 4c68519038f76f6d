import type { Queryable, Tx } from '../database/database';

export interface Product {
  sku: string;
  name: string;
  unitAmount: number;
  currency: string;
  strategy: string;
  quantityPerOrderMax: number | null;
  reservationsPerCustomerMax: number | null;
  version: number;
}

export interface ProductWithStock extends Product {
  onHand: number;
  reserved: number;
}

const columns = `
  p.sku, p.name, p.unit_amount AS "unitAmount", p.currency, p.strategy,
  p.quantity_per_order_max AS "quantityPerOrderMax", p.reservations_per_customer_max AS "reservationsPerCustomerMax",
  p.version`;

export async function findProducts(queryable: Queryable, skus: string[]): Promise<Map<string, Product>> {
  const rows = await queryable.rows<Product>(
    `SELECT ${columns} FROM products p WHERE p.sku = ANY ($1::text[])`,
    [skus],
  );
  return new Map(rows.map((product) => [product.sku, product]));
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
    SELECT ${columns}, coalesce(s.on_hand, 0)::int AS "onHand", coalesce(s.reserved, 0)::int AS reserved
      FROM products p
      LEFT JOIN LATERAL (SELECT sum(on_hand) AS on_hand, sum(reserved) AS reserved
                           FROM stock_levels WHERE sku = p.sku) s ON true
     WHERE ($2::text IS NULL OR p.sku > $2::text)
       AND ($3::text IS NULL OR p.sku = $3::text)
     ORDER BY p.sku
     LIMIT $1::int
    `,
    [limit + 1, after, sku],
  );
}

/** False: somebody else created this SKU first. */
export async function insertProduct(tx: Tx, product: Omit<Product, 'version'>): Promise<boolean> {
  const inserted = await tx.affected(
    `
    INSERT INTO products (sku, name, unit_amount, currency, strategy, quantity_per_order_max, reservations_per_customer_max)
    VALUES ($1::text, $2::text, $3::bigint, $4::text, $5::text, $6::int, $7::int)
        ON CONFLICT DO NOTHING
    `,
    values(product),
  );
  return inserted === 1;
}

/** The product's row, locked; the caller compares its version before it writes. */
export async function lockProduct(tx: Tx, sku: string): Promise<Product | undefined> {
  const [product] = await tx.rows<Product>(
    `SELECT ${columns} FROM products p WHERE p.sku = $1::text FOR UPDATE`,
    [sku],
  );
  return product;
}

export async function updateProduct(tx: Tx, product: Omit<Product, 'version'>, now: Date): Promise<void> {
  await tx.affected(
    `
    UPDATE products
       SET name = $2::text, unit_amount = $3::bigint, currency = $4::text, strategy = $5::text,
           quantity_per_order_max = $6::int, reservations_per_customer_max = $7::int,
           version = version + 1, updated_at = $8::timestamptz
     WHERE sku = $1::text
    `,
    [...values(product), now],
  );
}

export interface StockMovement {
  sku: string;
  kind: 'receive' | 'adjust' | 'ship' | 'return' | 'transfer';
  delta: number;
  onHandAfter: number;
  levelVersion: number;
  reason: string;
  actor: string;
}

/** Appends to the ledger of a stock level; rows are never changed, and their sum is what is on hand. */
export async function appendMovement(tx: Tx, pool: string, movement: StockMovement): Promise<void> {
  await tx.affected(
    `
    INSERT INTO stock_movements (sku, pool, level_version, kind, delta, on_hand_after, reason, actor)
    VALUES ($1::text, $2::text, $3::bigint, $4::text, $5::int, $6::int, $7::text, $8::text)
    `,
    [
      movement.sku,
      pool,
      movement.levelVersion,
      movement.kind,
      movement.delta,
      movement.onHandAfter,
      movement.reason,
      movement.actor,
    ],
  );
}

export async function insertLevel(tx: Tx, sku: string, pool: string, onHand: number): Promise<void> {
  await tx.affected(`INSERT INTO stock_levels (sku, pool, on_hand) VALUES ($1::text, $2::text, $3::int)`, [
    sku,
    pool,
    onHand,
  ]);
}

/** Changes what is on hand. Null: more is promised than would be left, and the CHECK would refuse it. */
export async function changeOnHand(
  tx: Tx,
  sku: string,
  pool: string,
  delta: number,
): Promise<{ onHand: number; reserved: number; version: number } | null> {
  const [level] = await tx.rows<{ onHand: number; reserved: number; version: number }>(
    `
    UPDATE stock_levels
       SET on_hand = on_hand + $3::int, version = version + 1
     WHERE sku = $1::text AND pool = $2::text AND on_hand + $3::int >= reserved
    RETURNING on_hand AS "onHand", reserved, version
    `,
    [sku, pool, delta],
  );
  return level ?? null;
}

const values = (product: Omit<Product, 'version'>) => [
  product.sku,
  product.name,
  product.unitAmount,
  product.currency,
  product.strategy,
  product.quantityPerOrderMax,
  product.reservationsPerCustomerMax,
];
