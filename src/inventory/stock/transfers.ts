import { type Database, type Queryable, type Tx, columnsOf } from '../../database/database';
import { LostRace, isDatabaseAway } from '../../database/pg-errors';
import { type Change, type PoolStock, homeward, mainPool, unitsPool } from '../products/pools';
import { type Product, lockProduct } from '../products/products.repository';
import { type LockedLevel, dealSafetyStock, lockAllLevels } from './stock-locks.repository';
import { lockFreeUnits, mintUnits, retireUnits } from './units.repository';

/**
 * Changes of stock, and moves between pools. Each locks its product and then all of its stock rows by pool, so that
 * neither two of them nor a buyer deadlock.
 */

export interface Movement {
  kind: 'receive' | 'adjust' | 'return' | 'transfer';
  reason: string;
  actor: string;
}

/** Inserts missing rows of these pools, empty. Rows are never deleted: their tokens and movements go on. */
export async function ensureLevels(tx: Tx, sku: string, pools: readonly string[]): Promise<void> {
  await tx.affected(
    `
    INSERT INTO stock_levels (sku, pool, on_hand)
    SELECT $1::text, pool, 0 FROM unnest($2::text[]) AS n (pool) ORDER BY pool
        ON CONFLICT DO NOTHING
    `,
    [sku, pools],
  );
}

/**
 * Changes what is on hand in pools whose rows the caller has locked and has found to have enough, and appends to their
 * ledgers, whose rows are never changed and whose sum is what is on hand. In the pool `units` units are made or ended.
 */
export async function moveStock(tx: Tx, sku: string, changes: Change[], movement: Movement): Promise<void> {
  if (changes.length === 0) return;
  for (const { pool, delta } of changes) {
    if (pool !== unitsPool || delta > 0) continue;
    if ((await retireUnits(tx, sku, -delta)) < -delta)
      throw new LostRace(`Buyers have locked units of ${sku} that would be moved.`);
  }
  const moved = await tx.rows<{ pool: string; onHand: number }>(
    `
    WITH moved AS (
      UPDATE stock_levels s
         SET on_hand = s.on_hand + c.delta, version = s.version + 1
        FROM unnest($2::text[], $3::int[]) AS c (pool, delta)
       WHERE s.sku = $1::text AND s.pool = c.pool AND s.on_hand + c.delta >= s.reserved
      RETURNING s.pool, c.delta, s.on_hand, s.version
    )
    INSERT INTO stock_movements (sku, pool, level_version, kind, delta, on_hand_after, reason, actor)
    SELECT $1::text, pool, version, $4::text, delta, on_hand, $5::text, $6::text FROM moved
    RETURNING pool, on_hand_after AS "onHand"
    `,
    [sku, ...columnsOf(changes, 'pool', 'delta'), movement.kind, movement.reason, movement.actor],
  );
  if (moved.length !== changes.length) throw new Error(`Bug: stock of ${sku} changed under its own lock.`);
  const minted = changes.find(({ pool, delta }) => pool === unitsPool && delta > 0);
  if (minted) await mintUnits(tx, sku, minted.delta, moved.find(({ pool }) => pool === unitsPool)!.onHand);
}

/**
 * Moves free stock to the pools where it belongs, in even shares, and its safety stock with it. The caller has locked the
 * product.
 */
export async function bringHome(
  tx: Tx,
  product: Pick<Product, 'sku' | 'pools' | 'safetyStock'>,
  why: Omit<Movement, 'kind'>,
): Promise<void> {
  const { sku, pools } = product;
  await ensureLevels(tx, sku, pools);
  const locked = await lockAllLevels(tx, [sku]);
  const levels: PoolStock[] = [];
  for (const level of locked)
    levels.push(level.pool === unitsPool && !pools.includes(unitsPool) ? await movable(tx, level) : level);
  await moveStock(tx, sku, homeward(levels, pools), { ...why, kind: 'transfer' });
  if (product.safetyStock > 0 || locked.some(({ safetyStock }) => safetyStock > 0))
    await dealSafetyStock(tx, product);
}

/** Without the units that buyers are looking at, who wait for the stock row that we hold. They keep them, or give them back. */
async function movable(tx: Tx, level: LockedLevel): Promise<PoolStock> {
  const free = await lockFreeUnits(tx, level.sku, level.onHand - level.reserved);
  return { ...level, onHand: level.reserved + free.length };
}

/** A pool with less than a fourth of the average is nearly empty: its buyers have to try others. */
const nearlyEmpty = 4;

const available = 'greatest(0, s.on_hand - s.reserved - s.safety_stock)';

/**
 * SKUs with stock where it does not belong, with a pool that is nearly empty while others are not, or with pools that do
 * not offer together what the product has available (`safetyShares`). (A pool's share is rounded down, so that the last few
 * units are not moved back and forth.)
 */
const outOfPlace = (which: string) => `
  SELECT p.sku
    FROM products p JOIN stock_levels s USING (sku)
   WHERE p.sku ${which}
   GROUP BY p.sku, p.pools, p.safety_stock
  HAVING bool_or(s.pool <> ALL (p.pools) AND s.on_hand > s.reserved)
      OR min(${available}) FILTER (WHERE s.pool = ANY (p.pools))::bigint * ${nearlyEmpty}
         < sum(${available}) / cardinality(p.pools)
      OR sum(${available}) <> greatest(0, sum(s.on_hand - s.reserved) - p.safety_stock)`;

const ofThese = outOfPlace('= ANY ($1::text[])');
/** What `rebalanceAll` would move; also for the sweeper's look. */
export const stockOutOfPlace = outOfPlace(`IN (SELECT sku FROM stock_levels WHERE pool <> '${mainPool}')`);
/** In no order: SKUs that fail each time must not keep the others out of the batch. */
const ofAll = `${stockOutOfPlace} ORDER BY random() LIMIT $1::int`;

const namesOf = (rows: { sku: string }[]) => rows.map(({ sku }) => sku);

/**
 * For buyers who are short of these SKUs in their pools: moves stock from other pools, waiting for locks.
 */
export async function gather(db: Database, skus: string[]): Promise<void> {
  if (skus.length === 0) return;
  for (const sku of namesOf(await db.rows(ofThese, [skus]))) {
    await db.transaction('transfer', async (tx) => {
      const product = await lockProduct(tx, sku);
      if (product) await putInPlace(tx, product, { reason: 'wanted by buyers', actor: 'holdfast' });
    });
  }
}

/** The same for one SKU, periodically; skips it while it is locked. True: something was moved. */
export function rebalance(db: Database, sku: string): Promise<boolean> {
  return db.transaction('transfer', async (tx) => {
    const product = await lockProduct(tx, sku, 'SKIP LOCKED');
    return product !== undefined && putInPlace(tx, product, { reason: 'rebalanced', actor: 'rebalancer' });
  });
}

/** False: another transaction did it before we had locked the product. */
async function putInPlace(tx: Tx, product: Product, why: Omit<Movement, 'kind'>): Promise<boolean> {
  const still = namesOf(await tx.rows(ofThese, [[product.sku]]));
  if (still.length === 0) return false;
  await bringHome(tx, product, why);
  return true;
}

export const findOutOfPlace = async (queryable: Queryable, limit: number): Promise<string[]> =>
  namesOf(await queryable.rows(ofAll, [limit]));

/** Products per round; the rest waits for the next one. */
const rebalancedMax = 100;

/**
 * Moves stock to the pools where it belongs: evens out the pools of a product when one is nearly empty, and moves stock
 * that was released elsewhere after a switch of strategy. A request that is short does the same itself, so nothing is
 * refused for lack of a round; the rebalancer only saves that request the work.
 *
 * It may run in several processes: each skips a product that another one has locked. Returns how many products it moved
 * stock of.
 */
export async function rebalanceAll(db: Database): Promise<number> {
  let moved = 0;
  const failures: unknown[] = [];
  for (const sku of await findOutOfPlace(db, rebalancedMax)) {
    try {
      if (await rebalance(db, sku)) moved++;
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      // A product that fails must not keep the others waiting.
      failures.push(new Error(`${sku}: ${(error as Error).message}`, { cause: error }));
    }
  }
  if (failures.length > 0) throw failures[0];
  return moved;
}
