import type { StrategyMeasurement } from '../../../api/openapi';
import { stepsTo } from '../../../components/charts/plot-lines';
import { formatDuration } from '../../../formatting/durations';
import { formatPercent } from '../../../formatting/numbers';

export interface FieldPoint {
  strategy: string;
  /** From the left and from the bottom, 0 to 1. */
  x: number;
  y: number;
  /** The label is left of the point, because there is no room on the right. */
  leftward: boolean;
}

interface FieldTick {
  at: number;
  label: string;
}

/**
 * Milliseconds at the bottom and the top of the axis: a lock that nobody waits for, and one too slow to sell with.
 */
export const waitRange = { least: 0.5, most: 500 };

/** The position of a lock wait on the logarithmic axis, 0 to 1. */
export function waitShare(ms: number): number {
  const { least, most } = waitRange;
  return Math.min(1, Math.max(0, Math.log(Math.max(ms, least) / least) / Math.log(most / least)));
}

/** Overlapping points are moved apart until each label has its own line. */
const lineShare = 0.085;

export function fieldOf(measured: readonly StrategyMeasurement[]): {
  points: FieldPoint[];
  xTicks: FieldTick[];
  yTicks: FieldTick[];
} {
  const top = Math.max(0.5, ...measured.map(({ conflictRate }) => conflictRate));
  const points: FieldPoint[] = [];
  const upwards = [...measured].sort((one, other) => one.lockWaitMs.p99 - other.lockWaitMs.p99);
  for (const { strategy, lockWaitMs, conflictRate } of upwards) {
    const x = conflictRate / top;
    const leftward = x > 0.6;
    const below = points.findLast((point) => Math.abs(point.x - x) < 0.5 && point.leftward === leftward);
    const y = Math.max(waitShare(lockWaitMs.p99), below ? below.y + lineShare : 0);
    points.push({ strategy, x, y, leftward });
  }
  return {
    points,
    xTicks: stepsTo(top).map((rate) => ({ at: rate / top, label: formatPercent(rate) })),
    yTicks: [1, 10, 100].map((ms) => ({ at: waitShare(ms), label: formatDuration(ms) })),
  };
}
