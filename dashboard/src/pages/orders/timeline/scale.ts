import { formatFineDuration } from '../../../formatting/durations';

/**
 * Time, cut at each start and end of an attempt. A second of work gets more room than a millisecond, but not a
 * thousand times as much; every wait gets the same small width and shows its length as text.
 */
export interface Span {
  startMs: number;
  endMs: number;
}

export interface Stretch extends Span {
  kind: 'work' | 'wait' | 'gap';
  /** Pixels, before the whole is scaled to the available width. */
  width: number;
}

/** A stretch without work is drawn as a wait from this length on. */
const waitMs = 500;
const waitWidth = 96;
/** A pause between two commits, too short to be a wait. */
const gapWidth = 6;
const workWidth = { least: 72, most: 240 };

export function widthOfWork(ms: number): number {
  return Math.min(workWidth.most, workWidth.least + 28 * Math.log2(1 + ms / 50));
}

/** From 0 to `endMs`, without gaps or overlaps. */
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

/** A local step has no recorded length; it is drawn as one millisecond. */
export const endOf = (bar: Span) => Math.max(bar.endMs, bar.startMs + 1);

/** The stretch an instant lies in, and how far into it. Instants outside are drawn at the edge. */
export function placeOf(stretches: readonly Stretch[], ms: number): { index: number; share: number } {
  const index = stretches.findIndex((one) => ms < one.endMs);
  if (index === -1) return { index: Math.max(0, stretches.length - 1), share: 1 };
  const { startMs, endMs } = stretches[index]!;
  return { index, share: Math.max(0, (ms - startMs) / (endMs - startMs)) };
}

/**
 * The cut nearest to an instant, counted from 0: spans of other lanes start and end at cuts, where there is a line.
 */
export function cutNear(stretches: readonly Stretch[], ms: number): number {
  const { index, share } = placeOf(stretches, ms);
  return share < 0.5 ? index : index + 1;
}

export interface Tick {
  ms: number;
  /** The line left of this stretch; the last tick is the right edge. */
  cut: number;
}

/** Grid lines. A short gap has a line at its end only, where something starts. */
export const linesOf = (stretches: readonly Stretch[]): number[] =>
  stretches.flatMap(({ kind }, cut) => (cut > 0 && kind !== 'gap' ? [cut] : []));

/** Lines that get a label: at least `room` pixels from the previous label, and not the same text. */
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
  // A drawing that ends with a local step ends where that step started.
  if (end && x - last >= room && end.endMs - end.startMs > 1 && isNew(end.endMs))
    ticks.push({ ms: end.endMs, cut: stretches.length });
  return ticks;
}
