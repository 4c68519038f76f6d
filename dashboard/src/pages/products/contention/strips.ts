import type { ContentionHistory } from '../../../api/openapi';
import type { PlotPoint } from '../../../components/charts/plot-lines';
import { waitShare } from './field-scale';

/** Ten minutes of contention as lines from 0 to 1, with the strategies over that time. */
export interface Strips {
  p99: PlotPoint[];
  p50: PlotPoint[];
  conflicts: PlotPoint[];
  /** The rate at the top of the conflicts chart. */
  conflictTop: number;
  stretches: { strategy: string; from: number; to: number; switchedBy: Switch | null }[];
}

type Switch = ContentionHistory['switches'][number];

/** The conflicts chart shows at least 50 %, so that a few per cent do not look dramatic. */
const conflictTopLeast = 0.5;

export function stripsOf(history: ContentionHistory): Strips {
  const { slices } = history;
  const x = (nth: number) => (nth + 0.5) / slices.length;
  const conflictTop = Math.max(conflictTopLeast, ...slices.map(({ conflictRate }) => conflictRate ?? 0));
  const share = (ms: number | null) => (ms === null ? null : waitShare(ms));
  return {
    p99: slices.map(({ p99Ms }, nth) => [x(nth), share(p99Ms)]),
    p50: slices.map(({ p50Ms }, nth) => [x(nth), share(p50Ms)]),
    conflicts: slices.map(({ conflictRate }, nth) => [
      x(nth),
      conflictRate === null ? null : conflictRate / conflictTop,
    ]),
    conflictTop,
    stretches: stretchesOf(history),
  };
}

/** From switch to switch; before the first one, the strategy it switched from. */
function stretchesOf(history: ContentionHistory): Strips['stretches'] {
  const { slices, sliceSeconds, switches, strategy } = history;
  const startedAt = Date.parse(history.from);
  const lengthMs = slices.length * sliceSeconds * 1_000;
  const shareAt = (at: string) => Math.min(1, Math.max(0, (Date.parse(at) - startedAt) / lengthMs));
  const cuts = [0, ...switches.map(({ at }) => shareAt(at)), 1];
  return cuts
    .slice(0, -1)
    .map((from, nth) => ({
      strategy: nth === 0 ? (switches[0]?.from ?? strategy) : switches[nth - 1]!.to,
      from,
      to: cuts[nth + 1]!,
      switchedBy: switches[nth - 1] ?? null,
    }))
    .filter(({ from, to }) => to > from);
}
