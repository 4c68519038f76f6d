import { createHash } from 'node:crypto';

/**
 * The pools where a product's stock belongs, and those that a buyer's units come from. Pure functions.
 *
 * Stock in other pools (released after a switch of strategy, say) is available too; the rebalancer moves it back.
 */

/** The pool of a product whose strategy has no others. Every product has this row. */
export const mainPool = 'main';
/** The pool in which each unit has its own row (`units.ts`). */
export const unitsPool = 'units';

/** Two cores commit no more at once, and with more pools a last unit is harder to find. */
const shards = Array.from({ length: 8 }, (_, nth) => `shard-${nth + 1}`);

/** The pools in which a product's stock belongs. Only the strategy `pools` has several. */
export function poolsOf(strategy: string, asked?: string[]): string[] {
  if (strategy === 'pools') return asked ?? shards;
  return [strategy === 'unit-tokens' ? unitsPool : mainPool];
}

export interface Buyer {
  customerId: string;
  /** The pool that is to be asked first. */
  pool?: string;
}

/**
 * The pool that the buyer asked for, or else the customer's own, and then those that follow it.
 *
 * A limited product caps the reservations per customer, and they are counted under the lock of a stock row. So the
 * customer's row is always locked first, and if it has too little, all of them.
 */
export function wayThroughPools(
  { pools, isLimited }: { pools: readonly string[]; isLimited: boolean },
  { customerId, pool }: Buyer,
): { pool: string; others: string[] } {
  const [only, second] = pools;
  if (second === undefined) return { pool: only!, others: [] };
  const own = numberOf(customerId) % pools.length;
  if (isLimited) return { pool: pools[own]!, others: [] };
  const asked = pool === undefined ? -1 : pools.indexOf(pool);
  const first = asked === -1 ? own : asked;
  return { pool: pools[first]!, others: [...pools.slice(first + 1), ...pools.slice(0, first)] };
}

const numberOf = (text: string) => createHash('sha1').update(text).digest().readUInt32BE();

export interface Change {
  pool: string;
  delta: number;
}

/** Units for each pool, in shares as even as possible. */
export function dealOut(quantity: number, pools: readonly string[]): Change[] {
  const share = Math.floor(quantity / pools.length);
  const rest = quantity % pools.length;
  return pools.map((pool, nth) => ({ pool, delta: share + (nth < rest ? 1 : 0) })).filter(isChange);
}

export interface PoolStock {
  pool: string;
  onHand: number;
  reserved: number;
  /** The share of the product's safety stock that this pool keeps; more than it has, if there is too little of it. */
  safetyStock: number;
}

/** Units that are promised to nobody: available ones, and safety stock. */
const freeIn = ({ onHand, reserved }: { onHand: number; reserved: number }) => onHand - reserved;

/** What buyers are offered: of a pool with its share, or of a product with its whole safety stock. */
export const availableIn = ({ onHand, reserved, safetyStock }: Omit<PoolStock, 'pool'>) =>
  Math.max(0, onHand - reserved - safetyStock);

export const inAllPools = (levels: readonly Omit<PoolStock, 'safetyStock'>[]) => ({
  onHand: levels.reduce((sum, level) => sum + level.onHand, 0),
  reserved: levels.reduce((sum, level) => sum + level.reserved, 0),
});

/** Changes that move all free stock to `pools`, in even shares. Reserved stock stays where it is. */
export function homeward(
  levels: readonly Omit<PoolStock, 'safetyStock'>[],
  pools: readonly string[],
): Change[] {
  const total = levels.reduce((sum, level) => sum + freeIn(level), 0);
  const shares = new Map(dealOut(total, pools).map(({ pool, delta }) => [pool, delta]));
  return levels
    .map((level) => ({ pool: level.pool, delta: (shares.get(level.pool) ?? 0) - freeIn(level) }))
    .filter(isChange);
}

/**
 * The share of the safety stock that each pool keeps, in the order of `levels`: as even as possible over `pools`, none more
 * than the pool has free, and the rest wherever units are.
 *
 * If there are too few free units in all, each pool keeps what it has and all of what is missing: units that come back to
 * any pool are not offered before the safety stock is complete. The shares then add up to too much, and are dealt again
 * (`dealSafetyStock`) when it is complete.
 */
export function safetyShares(
  levels: readonly PoolStock[],
  pools: readonly string[],
  safetyStock: number,
): number[] {
  const missing = safetyStock - levels.reduce((sum, level) => sum + freeIn(level), 0);
  if (missing > 0) return levels.map((level) => freeIn(level) + missing);
  const even = new Map(dealOut(safetyStock, pools).map(({ pool, delta }) => [pool, delta]));
  const shares = levels.map((level) => Math.min(freeIn(level), even.get(level.pool) ?? 0));
  let rest = safetyStock - shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share, nth) => {
    const more = Math.min(rest, freeIn(levels[nth]!) - share);
    rest -= more;
    return share + more;
  });
}

/**
 * Changes that take units off the books: first from pools where they do not belong, then pool by pool. Null: too few.
 * Safety stock is promised to nobody, so it can be lost too.
 */
export function writeOff(
  levels: readonly Omit<PoolStock, 'safetyStock'>[],
  pools: readonly string[],
  quantity: number,
): Change[] | null {
  const place = ({ pool }: { pool: string }) => pools.indexOf(pool);
  let missing = quantity;
  const changes = [...levels]
    .sort((one, other) => place(one) - place(other))
    .map((level) => {
      const taken = Math.min(missing, freeIn(level));
      missing -= taken;
      return { pool: level.pool, delta: -taken };
    });
  return missing > 0 ? null : changes.filter(isChange);
}

const isChange = ({ delta }: Change) => delta !== 0;
