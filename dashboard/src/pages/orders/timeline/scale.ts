import { formatFineDuration } from '../../../formatting/durations';

/**
 * Time, cut at each start and end of an attempt. A second of work gets more room than a millisecond, but not a thousand
 * times as much; a wait gets the same little room however long it was, and says how long.
 */
export interface Span {
  startMs: number;
  endMs: number;
}

export interface Stretch extends Span {
  kind: 'work' | 'wait' | 'gap';
  /** Pixels, before the whole is scaled to the room there is. */
  width: number;
}

/** From this long on, a stretch in which nothing ran is a wait and is drawn as one. */
const waitMs = 500;
const waitWidth = 96;
/** Nothing ran, but hardly so: the pause between two commits. */
const gapWidth = 6;
const workWidth = { least: 72, most: 240 };

export function widthOfWork(ms: number): number {
  return Math.min(workWidth.most, workWidth.least + 28 * Math.log2(1 + ms / 50));
}

/** From 0 to `endMs`, without holes and without overlaps. */
export function stretchesOf(bars: readonly Span[], endMs: number): Stretch[] {
  const cuts = cutsOf(bars, endMs);
  return cuts.slice(1).map((end, nth) => stretch(bars, { startMs: cuts[nth]!, endMs: end }));
}

function stretch(bars: readonly Span[], span: Span): Stretch {
  const ms = span.endMs - span.startMs;
  const runs = bars.some((bar) => bar.startMs <= span.startMs && endOf(bar) >= span.endMs);
  if (runs) return { ...span, kind: 'work', width: widthOfWork(ms) };
  return ms >= waitMs
    ? { ...span, kind: 'wait', width: waitWidth }
    : { ...span, kind: 'gap', width: gapWidth };
}

function cutsOf(bars: readonly Span[], endMs: number): number[] {
  const cuts = bars.flatMap((bar) => [bar.startMs, endOf(bar)]);
  return [...new Set([0, ...cuts, endMs])].sort((one, other) => one - other);
}

/** What has no length that was written down is drawn as if it had taken a millisecond. */
export const endOf = (bar: Span) => Math.max(bar.endMs, bar.startMs + 1);

/** Where an instant lies: in which stretch, and how far into it. What lies outside is drawn at the edge. */
export function placeOf(stretches: readonly Stretch[], ms: number): { index: number; share: number } {
  const index = stretches.findIndex((one) => ms < one.endMs);
  if (index === -1) return { index: Math.max(0, stretches.length - 1), share: 1 };
  const { startMs, endMs } = stretches[index]!;
  return { index, share: Math.max(0, (ms - startMs) / (endMs - startMs)) };
}

/** The cut next to an instant, counted from 0: spans of other lanes begin and end at cuts, where the eye has a line. */
export function cutNear(stretches: readonly Stretch[], ms: number): number {
  const { index, share } = placeOf(stretches, ms);
  return share < 0.5 ? index : index + 1;
}

export interface Tick {
  ms: number;
  /** The line left of this stretch; the last tick is the right edge. */
  cut: number;
}

/** Lines of the grid. A short gap has one at its end, where something begins, and none at its start. */
export const linesOf = (stretches: readonly Stretch[]): number[] =>
  stretches.flatMap(({ kind }, cut) => (cut > 0 && kind !== 'gap' ? [cut] : []));

/** Lines that are worth a figure: those that stand at least `room` pixels from the figure before and would not repeat it. */
export function ticksOf(stretches: readonly Stretch[], room = 68): Tick[] {
  const ticks: Tick[] = [];
  let x = 0;
  let last = -Infinity;
  const isNew = (ms: number) =>
    ticks.length === 0 || formatFineDuration(ms) !== formatFineDuration(ticks.at(-1)!.ms);
  stretches.forEach((one, cut) => {
    if (x - last >= room && one.kind !== 'gap' && isNew(one.startMs)) {
      ticks.push({ ms: one.startMs, cut });
      last = x;
    }
    x += one.width;
  });
  const end = stretches.at(-1);
  // What ends with an act of no length ends where that began.
  if (end && x - last >= room && end.endMs - end.startMs > 1 && isNew(end.endMs))
    ticks.push({ ms: end.endMs, cut: stretches.length });
  return ticks;
}
