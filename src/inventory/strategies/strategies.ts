import { ConditionalUpdate } from './conditional-update';
import { RowLock } from './row-lock';
import type { StockStrategy } from './strategy';

/** By name, as a product's `strategy` gives it. */
export const strategies: ReadonlyMap<string, StockStrategy> = new Map(
  [new ConditionalUpdate(), new RowLock()].map((strategy) => [strategy.name, strategy]),
);

export const strategyNames = [...strategies.keys()];

/** One statement and no waiting beyond the row itself: right for all SKUs that are not on sale this minute. */
export const strategyDefault = 'conditional-update';

export function strategyNamed(name: string): StockStrategy {
  const strategy = strategies.get(name);
  if (!strategy)
    throw new Error(`Bug: a product names the strategy "${name}", which this build does not have.`);
  return strategy;
}
