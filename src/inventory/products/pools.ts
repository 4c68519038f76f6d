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
}

export const availableIn = ({ onHand, reserved }: Omit<PoolStock, 'pool'>) => onHand - reserved;

export const inAllPools = (levels: readonly PoolStock[]) => ({
  onHand: levels.reduce((sum, level) => sum + level.onHand, 0),
  reserved: levels.reduce((sum, level) => sum + level.reserved, 0),
});

/** Changes that move all available stock to `pools`, in even shares. Reserved stock stays where it is. */
export function homeward(levels: readonly PoolStock[], pools: readonly string[]): Change[] {
  const total = levels.reduce((sum, level) => sum + availableIn(level), 0);
  const shares = new Map(dealOut(total, pools).map(({ pool, delta }) => [pool, delta]));
  return levels
    .map((level) => ({ pool: level.pool, delta: (shares.get(level.pool) ?? 0) - availableIn(level) }))
    .filter(isChange);
}

/** Changes that take units off sale: first from pools where they do not belong, then pool by pool. Null: too few. */
export function writeOff(
  levels: readonly PoolStock[],
  pools: readonly string[],
  quantity: number,
): Change[] | null {
  const place = ({ pool }: PoolStock) => pools.indexOf(pool);
  let missing = quantity;
  const changes = [...levels]
    .sort((one, other) => place(one) - place(other))
    .map((level) => {
      const taken = Math.min(missing, availableIn(level));
      missing -= taken;
      return { pool: level.pool, delta: -taken };
    });
  return missing > 0 ? null : changes.filter(isChange);
}

const isChange = ({ delta }: Change) => delta !== 0;
