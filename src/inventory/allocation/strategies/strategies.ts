import { AdvisoryLock } from './advisory-lock';
import { ConditionalUpdate } from './conditional-update';
import { Lease } from './lease';
import { Pools } from './pools';
import { RowLock } from './row-lock';
import { Serializable } from './serializable';
import type { StockStrategy } from './strategy';
import { UnitTokens } from './unit-tokens';
import { VersionCheck } from './version-check';

/**
 * By name, as a product's `strategy` names it.
 *
 * `grouped` and `adaptive` differ from others by what happens before the transaction (`StockIntake`): requests for
 * `grouped` SKUs share one, and `adaptive` is taken as `grouped` while its buyers wait for each other (`ContentionModes`).
 * Taken singly, they are a row lock and a conditional update.
 */
export const strategies: ReadonlyMap<string, StockStrategy> = new Map(
  [
    new ConditionalUpdate('conditional-update'),
    new RowLock('row-lock'),
    new VersionCheck(),
    new AdvisoryLock(),
    new Lease(),
    new Serializable(),
    new UnitTokens(),
    new Pools(),
    new RowLock('grouped'),
    new ConditionalUpdate('adaptive'),
  ].map((strategy: StockStrategy) => [strategy.name, strategy]),
);

export const strategyNames = [...strategies.keys()];

/** Nobody has to know in advance which SKU will draw a crowd. */
export const strategyDefault = 'adaptive';

export function strategyNamed(name: string): StockStrategy {
  const strategy = strategies.get(name);
  if (!strategy)
    throw new Error(`Bug: a product names the strategy "${name}", which this build does not have.`);
  return strategy;
}
