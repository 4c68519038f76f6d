import { LRUCache } from 'lru-cache';
import { clockMs } from '../../../clock';
import { log } from '../../../logger';
import { type Contention, contentionOf, watchedMax } from '../contention';
import { ConditionalUpdate } from './conditional-update';

/**
 * The default: `conditional-update` while a SKU is quiet, `grouped` while its buyers wait for each other. Which of the two
 * it is at this moment is decided before the transaction, by `isHot`; here is the quiet one.
 */
export class Adaptive extends ConditionalUpdate {
  override readonly name: string = 'adaptive';
}

/** How an adaptive SKU is taken at this moment, and why. */
export interface Heat {
  hot: boolean;
  since: Date;
  reason: string;
}

/** Measured over so many seconds: long enough that two buyers by chance are no crowd, short against a flash sale. */
const windowSeconds = 2;
/** Looked at no more often than this. */
const lookEveryMs = 250;

/** Fewer than this are two buyers by chance. No more is asked for, because a crowd at one row is served slowly. */
const hotPerSecond = 5;
/** A lone taking is done within a millisecond or two; half of all buyers waiting longer is a queue at the row. */
const hotLockWaitMs = 5;
const hotConflictRate = 0.2;

/** Grouped, a SKU is quiet again when its batches have nobody in them but the buyer who began them. */
const quietBatchSize = 1.5;
/** Staying hot for a while costs nothing; going to and fro does. */
const hotForMsMin = 10_000;

const quiet: Heat = { hot: false, since: new Date(clockMs()), reason: 'nobody is in the way' };
/** As many as are watched: of the others nothing is known. */
const heats = new LRUCache<string, Heat & { lookAt: number }>({ max: watchedMax });

/** Whether an adaptive SKU is grouped now; by what this process measured, with hysteresis, and saying why when it changes. */
export function isHot(sku: string): boolean {
  const now = performance.now();
  const known = heats.get(sku) ?? { ...quiet, since: new Date(clockMs()), lookAt: 0 };
  if (now < known.lookAt) return known.hot;
  const next = { ...known, lookAt: now + lookEveryMs };
  const [measured] = contentionOf(sku, windowSeconds).filter(
    ({ strategy }) => strategy === (known.hot ? 'grouped' : 'adaptive'),
  );
  const change = known.hot ? reasonToCool(measured, known) : reasonToHeat(measured);
  if (change) {
    Object.assign(next, { hot: !known.hot, since: new Date(clockMs()), reason: change });
    log.info({ sku }, `${sku} is ${next.hot ? 'grouped' : 'taken alone'} from now on: ${change}`);
  }
  heats.set(sku, next);
  return next.hot;
}

/** What an adaptive SKU is at this moment. */
export function heatOf(sku: string): Heat {
  const { hot, since, reason } = heats.get(sku) ?? quiet;
  return { hot, since, reason };
}

function reasonToHeat(measured: Contention | undefined): string | undefined {
  if (!measured || measured.reservationsPerSecond < hotPerSecond) return undefined;
  if (measured.lockWait.p50 > hotLockWaitMs)
    return `half of ${Math.round(measured.reservationsPerSecond)} buyers a second waited more than ${hotLockWaitMs} ms for its row`;
  if (measured.conflictRate > hotConflictRate)
    return `${Math.round(measured.conflictRate * 100)} % of tries were for nothing`;
  return undefined;
}

function reasonToCool(measured: Contention | undefined, { since }: Heat): string | undefined {
  if (clockMs() - since.getTime() < hotForMsMin) return undefined;
  if (!measured) return 'nobody asked for it';
  if (measured.batchSize < quietBatchSize) return `its batches have ${measured.batchSize.toFixed(1)} buyers`;
  return undefined;
}
