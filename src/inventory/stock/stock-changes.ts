import type { Tx } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { belowReserved, productNotFound } from '../inventory.errors';
import { availableIn, dealOut, inAllPools, mainPool, unitsPool, writeOff } from '../products/pools';
import { type Product, lockProduct } from '../products/products.repository';
import { readLevels } from './stock-levels.repository';
import { dealSafetyStock, lockAllLevels } from './stock-locks.repository';
import { bringHome, ensureLevels, moveStock } from './transfers';
import { unitsMax } from './units.repository';

/** Changes that an operator makes to a product's stock, with their refusals. */

type Kept = Pick<Product, 'sku' | 'strategy' | 'pools' | 'safetyStock'>;

/** The stock of a product that was just made. */
export async function receiveFirst(tx: Tx, product: Kept, quantity: number, actor: string): Promise<void> {
  refuseTooManyUnits(product, quantity, '/onHand');
  await ensureLevels(tx, product.sku, [mainPool, ...product.pools]);
  const movement = { kind: 'receive', reason: 'initial stock', actor } as const;
  await moveStock(tx, product.sku, dealOut(quantity, product.pools), movement);
  if (product.safetyStock > 0) await dealSafetyStock(tx, product);
}

/**
 * A switch of strategy: free stock moves to the pools of the new one, and reserved stock follows when it is given back.
 * This locks the stock rows, and so waits for buyers under the old strategy; later buyers find that the product has
 * changed. A change of the safety stock moves nothing, and waits for buyers in the same way.
 */
export async function moveToPools(tx: Tx, before: Kept, product: Kept, actor: string): Promise<void> {
  if (before.strategy === product.strategy && before.pools.join() === product.pools.join()) {
    if (before.safetyStock !== product.safetyStock) await dealSafetyStock(tx, product);
    return;
  }
  refuseTooManyUnits(product, await onHandOf(tx, product.sku), '/strategy');
  await bringHome(tx, product, { reason: `kept for ${product.strategy}`, actor });
}

/** Summed over pools. It changes only under the product's lock. */
export async function onHandOf(tx: Tx, sku: string): Promise<number> {
  const [level] = await readLevels(tx, [sku]);
  return level?.onHand ?? 0;
}

/**
 * Received units are dealt out over the product's pools; what is written off comes from whatever pools have it, and from
 * the safety stock at last.
 */
export async function adjustStock(
  tx: Tx,
  sku: string,
  { delta, reason }: { delta: number; reason: string },
  actor: string,
): Promise<void> {
  const product = await lockProduct(tx, sku);
  if (!product) throw noSuchProduct(sku);
  const levels = await lockAllLevels(tx, [sku]);
  const { onHand, reserved } = inAllPools(levels);
  if (delta > 0) {
    if (onHand + delta > onHandMax) throw tooMany();
    refuseTooManyUnits(product, onHand + delta, '/delta');
  }
  const changes = delta > 0 ? dealOut(delta, product.pools) : writeOff(levels, product.pools, -delta);
  if (!changes) {
    const available = availableIn({ onHand, reserved, safetyStock: product.safetyStock });
    throw belowReserved(
      `${reserved} of ${onHand} units are promised to buyers. Take off at most ${onHand - reserved}, or release reservations first.`,
      { onHand, reserved, available },
    );
  }
  await moveStock(tx, sku, changes, { kind: delta > 0 ? 'receive' : 'adjust', reason, actor });
  if (product.safetyStock > 0) await dealSafetyStock(tx, product);
}

/** Moves units that are on sale from one pool to another in which the product's stock belongs. */
export async function transferStock(
  tx: Tx,
  sku: string,
  { from, to, quantity, reason }: { from: string; to: string; quantity: number; reason: string },
  actor: string,
): Promise<void> {
  const product = await lockProduct(tx, sku);
  if (!product) throw noSuchProduct(sku);
  const levels = await lockAllLevels(tx, [sku]);
  const source = levels.find(({ pool }) => pool === from);
  refuseUnknownPools(
    { pointer: '/from', pool: from, known: levels.map(({ pool }) => pool) },
    { pointer: '/to', pool: to, known: product.pools.filter((pool) => pool !== from) },
  );
  const { onHand, reserved, safetyStock } = source!;
  const available = availableIn(source!);
  if (available < quantity) {
    const kept = safetyStock > 0 ? ` and ${safetyStock} are safety stock` : '';
    throw belowReserved(
      `Of the ${onHand} units in ${from}, ${reserved} are promised to buyers${kept}. Move at most ${available}.`,
      { pool: from, onHand, reserved, available },
    );
  }
  const changes = [
    { pool: from, delta: -quantity },
    { pool: to, delta: quantity },
  ];
  await moveStock(tx, sku, changes, { kind: 'transfer', reason, actor });
}

function refuseTooManyUnits({ strategy, pools }: Kept, onHand: number, pointer: string): void {
  if (!pools.includes(unitsPool) || onHand <= unitsMax) return;
  throw new ValidationFailed({
    pointer,
    code: 'units_max',
    detail: `The strategy "${strategy}" has a row for each unit, and keeps at most ${unitsMax} of a product.`,
  });
}

function refuseUnknownPools(...named: { pointer: string; pool: string; known: string[] }[]): void {
  const errors = named
    .filter(({ pool, known }) => !known.includes(pool))
    .map(({ pointer, known }) => ({
      pointer,
      code: 'unknown_pool',
      detail:
        known.length > 0 ? `Name one of ${known.join(', ')}.` : 'This product keeps its stock in one pool.',
    }));
  if (errors.length > 0) throw new ValidationFailed(errors);
}

/** The most that a product may start with; far below what the column holds. */
const onHandMax = 1_000_000_000;

const tooMany = () =>
  new ValidationFailed({
    pointer: '/delta',
    code: 'on_hand_max',
    detail: `A product holds at most ${onHandMax} units.`,
  });

export const noSuchProduct = (sku: string) =>
  productNotFound(`There is no product with the SKU "${sku.slice(0, 64)}".`);
