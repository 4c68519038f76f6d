import type { ProductsService } from '../../src/inventory/catalogue/products.service';
import { type World, operator } from './fixtures';

/** An operator's changes of a product's stock, and the resulting stock. */

const reason = 'for the test';

/** The available units of each pool without empty pools. */
export async function onSale(world: World, sku: string): Promise<Record<string, number>> {
  const rows = await world.rows<{ pool: string; available: number }>(
    `SELECT pool, on_hand - reserved - safety_stock AS available
       FROM stock_levels WHERE sku = $1 AND on_hand - reserved > safety_stock ORDER BY pool`,
    [sku],
  );
  return Object.fromEntries(rows.map(({ pool, available }) => [pool, available]));
}

export const sumOf = (numbers: Iterable<number>) => [...numbers].reduce((sum, number) => sum + number, 0);

/** A product of the strategy `pools` with exactly this stock in each pool. */
export async function stockIn(
  world: World,
  pools: Record<string, number>,
  more: object = {},
): Promise<string> {
  const names = Object.keys(pools);
  const onHand = sumOf(Object.values(pools));
  const sku = await world.product({ onHand, strategy: 'pools', pools: names, ...more });
  for (;;) {
    const now = await onSale(world, sku);
    const from = names.find((name) => (now[name] ?? 0) > pools[name]!);
    const to = names.find((name) => (now[name] ?? 0) < pools[name]!);
    if (!from || !to) return sku;
    const quantity = Math.min(now[from]! - pools[from]!, pools[to]! - (now[to] ?? 0));
    await transfer(world, sku, { from, to, quantity });
  }
}

/** Takes services only, so that a separate session can use it too. */
type Operated = { products: ProductsService };

export const transfer = (
  { products }: Operated,
  sku: string,
  { key, ...move }: { from: string; to: string; quantity: number; key?: string },
) => products.transfer(sku, { ...move, reason }, key, operator);

export const adjust = ({ products }: Operated, sku: string, delta: number) =>
  products.adjust(sku, { delta, reason }, undefined, operator);

export async function switchTo(
  { products }: Operated,
  sku: string,
  strategy: string,
  pools?: string[],
): Promise<void> {
  const { version, name, unitAmount, currency } = await products.get(sku);
  const dto = { name, unitPrice: { amount: unitAmount, currency }, strategy, pools };
  await products.put(sku, dto, { ifMatch: `"${version}"` }, operator);
}

export async function keepBack({ products }: Operated, sku: string, safetyStock: number): Promise<void> {
  const { version, name, unitAmount, currency, strategy, pools } = await products.get(sku);
  const unitPrice = { amount: unitAmount, currency };
  const dto = { name, unitPrice, strategy, pools: strategy === 'pools' ? pools : undefined, safetyStock };
  await products.put(sku, dto, { ifMatch: `"${version}"` }, operator);
}

/** The numbers of the units of a `unit-tokens` product. */
export async function unitsOf(world: World, sku: string): Promise<{ free: number[]; taken: number[] }> {
  return world.row(
    `SELECT coalesce(json_agg(unit_no ORDER BY unit_no) FILTER (WHERE reservation_id IS NULL), '[]') AS free,
            coalesce(json_agg(unit_no ORDER BY unit_no) FILTER (WHERE reservation_id IS NOT NULL), '[]') AS taken
       FROM stock_units WHERE sku = $1`,
    [sku],
  );
}
