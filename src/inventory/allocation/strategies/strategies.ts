import { Adaptive } from './adaptive';
import { AdvisoryLock } from './advisory-lock';
import { ConditionalUpdate } from './conditional-update';
import { Grouped } from './grouped';
import { Lease } from './lease';
import { Pools } from './pools';
import { RowLock } from './row-lock';
import { Serializable } from './serializable';
import type { StockStrategy } from './strategy';
import { UnitTokens } from './unit-tokens';
import { VersionCheck } from './version-check';

/** By name, as a product's `strategy` gives it. */
export const strategies: ReadonlyMap<string, StockStrategy> = new Map(
  [
    new ConditionalUpdate(),
    new RowLock(),
    new VersionCheck(),
    new AdvisoryLock(),
    new Lease(),
    new Serializable(),
    new UnitTokens(),
    new Pools(),
    new Grouped(),
    new Adaptive(),
  ].map((strategy: StockStrategy) => [strategy.name, strategy]),
);

export const strategyNames = [...strategies.keys()];

/** Nobody has to know beforehand which SKU will be hot. */
export const strategyDefault = 'adaptive';

export function strategyNamed(name: string): StockStrategy {
  const strategy = strategies.get(name);
  if (!strategy)
    throw new Error(`Bug: a product names the strategy "${name}", which this build does not have.`);
  return strategy;
}
