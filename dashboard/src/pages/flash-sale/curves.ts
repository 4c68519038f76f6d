import type { LoadTestLane } from '../../api/openapi';
import { type PlotPoint, stepsTo } from '../../components/charts/plot-lines';

export interface Curve {
  strategy: string;
  points: PlotPoint[];
  /** Where the label is drawn; null when nothing has been sold yet. */
  label: [x: number, y: number] | null;
}

export interface Curves {
  curves: Curve[];
  xTicks: { at: number; seconds: number }[];
  yTicks: { at: number; value: number }[];
}

/** All lanes on the time axis of the longest one; a sold-out lane continues level to the right edge. */
export function curvesOf(lanes: readonly LoadTestLane[], units: number): Curves {
  const longest = Math.max(0.2, ...lanes.map(({ course }) => course.at(-1)?.[0] ?? 0)) * 1.04;
  const top = Math.max(1, units, ...lanes.map(({ unitsTaken }) => unitsTaken)) * 1.08;
  const taken: [number, number][] = [];
  const curves = lanes.map(({ strategy, course, soldOutSeconds }): Curve => {
    const points = course.map(([seconds, sold]): PlotPoint => [seconds / longest, sold / top]);
    const last = points.at(-1);
    if (last && soldOutSeconds !== null) points.push([1, last[1]]);
    const label = course.length > 1 ? labelOf(points, taken) : null;
    if (label) taken.push(label);
    return { strategy, points, label };
  });
  return {
    curves,
    xTicks: stepsTo(longest, 7).map((seconds) => ({ at: seconds / longest, seconds })),
    yTicks: stepsTo(top).map((value) => ({ at: value / top, value })),
  };
}

/** The size of a label, as a share of the plot. */
const nameWidth = 0.16;
const nameHeight = 0.075;

/** Beside the middle of its line, moved up or down where another label is in the way. */
function labelOf(points: readonly PlotPoint[], taken: readonly [number, number][]): [number, number] {
  const end = points.at(-1)?.[1] ?? 0;
  const tries = [0.5, 0.38, 0.62, 0.26, 0.74, 0.86].map((share): [number, number] => {
    const height = end * share;
    const [x] = points.find(([, y]) => (y ?? 0) >= height) ?? [0];
    return [Math.min(x, 1 - nameWidth), Math.max(0, height - nameHeight)];
  });
  const isFree = ([x, y]: [number, number]) =>
    taken.every(([otherX, otherY]) => Math.abs(otherX - x) > nameWidth || Math.abs(otherY - y) > nameHeight);
  return tries.find(isFree) ?? tries[0]!;
}
