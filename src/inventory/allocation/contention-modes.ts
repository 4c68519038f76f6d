import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { clockMs } from '../../clock';
import { log } from '../../logger';
import { Contention, type ContentionFigures, watchedMax } from './contention';

/** How an adaptive SKU is taken now, and why. */
export interface ContentionMode {
  grouped: boolean;
  since: Date;
  reason: string;
}

/** Long enough that two buyers by chance are no crowd, short compared with a flash sale. */
const windowSeconds = 2;
/** A mode is decided again no more often than this. */
const decideEveryMs = 250;

/** Fewer are two buyers by chance. The bound is low because a crowd at one row is served slowly. */
const crowdPerSecond = 5;
/** A single take ends within a millisecond or two; half of all buyers waiting longer is a queue at the row. */
const crowdLockWaitMs = 5;
const crowdConflictRate = 0.2;

/** Below this, most batches hold only the request that started them. */
const quietBatchSize = 1.5;
/** Staying grouped for a while costs nothing; switching back and forth does. */
const groupedMsMin = 10_000;

/**
 * Decides for each adaptive SKU whether it is taken singly or grouped, by what this process measured, with hysteresis.
 *
 * single → grouped   a crowd waits for the stock row, or too many tries are lost
 * grouped → single   after ten seconds at least, when batches have one request or nobody asks
 */
@Injectable()
export class ContentionModes {
  private readonly startedAt = new Date(clockMs());
  /** As many as are measured: nothing is known about the others. */
  private readonly modes = new LRUCache<string, ContentionMode & { decideAt: number }>({ max: watchedMax });

  constructor(private readonly contention: Contention) {}

  /** Whether an adaptive SKU is grouped now. Decides again when the last decision is old enough. */
  isGrouped(sku: string): boolean {
    const now = performance.now();
    const known = this.modes.get(sku) ?? { ...single, since: new Date(clockMs()), decideAt: 0 };
    if (now < known.decideAt) return known.grouped;
    const next = { ...known, decideAt: now + decideEveryMs };
    const [measured] = this.contention
      .figures(sku, windowSeconds)
      .filter(({ strategy }) => strategy === (known.grouped ? 'grouped' : 'adaptive'));
    const change = known.grouped ? reasonForSingle(measured, known) : reasonForGrouped(measured);
    if (change) {
      Object.assign(next, { grouped: !known.grouped, since: new Date(clockMs()), reason: change });
      log.info({ sku }, `${sku} is now taken ${next.grouped ? 'grouped' : 'singly'}: ${change}`);
    }
    this.modes.set(sku, next);
    return next.grouped;
  }

  modeOf(sku: string): ContentionMode {
    const { grouped, since, reason } = this.modes.get(sku) ?? { ...single, since: this.startedAt };
    return { grouped, since, reason };
  }
}

const single = { grouped: false, reason: 'no contention' };

function reasonForGrouped(measured: ContentionFigures | undefined): string | undefined {
  if (!measured || measured.reservationsPerSecond < crowdPerSecond) return undefined;
  if (measured.lockWait.p50 > crowdLockWaitMs)
    return `half of ${Math.round(measured.reservationsPerSecond)} buyers a second waited more than ${crowdLockWaitMs} ms for its row`;
  if (measured.conflictRate > crowdConflictRate)
    return `${Math.round(measured.conflictRate * 100)} % of tries were lost to rivals`;
  return undefined;
}

function reasonForSingle(
  measured: ContentionFigures | undefined,
  { since }: ContentionMode,
): string | undefined {
  if (clockMs() - since.getTime() < groupedMsMin) return undefined;
  if (!measured) return 'no requests';
  if (measured.batchSize < quietBatchSize) return `its batches have ${measured.batchSize.toFixed(1)} buyers`;
  return undefined;
}
