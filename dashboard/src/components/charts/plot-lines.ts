/** Plot arithmetic: values from 0 to 1 become a path in a box of 1000 by 1000, with y growing downwards. */

/** x and y from 0 to 1; y is null where there is no value. */
export type PlotPoint = readonly [x: number, y: number | null];

const place = (x: number, y: number) => `${(x * 1_000).toFixed(1)} ${((1 - clamp(y)) * 1_000).toFixed(1)}`;
const strokeShare = 0.002;
const clamp = (share: number) => Math.min(1, Math.max(0, share));

/** A path through the points. Missing values are gaps, never a line. */
export function lineOf(points: readonly PlotPoint[]): string {
  return points
    .map(([x, y], nth) => {
      if (y === null) return '';
      const begins = nth === 0 || points[nth - 1]![1] === null;
      const isAlone = begins && (points[nth + 1]?.[1] ?? null) === null;
      // A single point has no line, so it is drawn as a short stroke.
      if (isAlone) return `M${place(x - strokeShare, y)}L${place(x + strokeShare, y)}`;
      return `${begins ? 'M' : 'L'}${place(x, y)}`;
    })
    .join('');
}

/** The band between two lines over the same x values, one piece per gap-free run. */
export function bandOf(upper: readonly PlotPoint[], lower: readonly PlotPoint[]): string {
  const pieces: number[][] = [];
  upper.forEach(([, y], nth) => {
    if (y === null || lower[nth]?.[1] == null) return;
    const last = pieces.at(-1);
    if (last?.at(-1) === nth - 1) last.push(nth);
    else pieces.push([nth]);
  });
  return pieces
    .map((piece) => {
      const there = piece.map((nth) => place(upper[nth]![0], upper[nth]![1]!));
      const back = piece.toReversed().map((nth) => place(lower[nth]![0], lower[nth]![1]!));
      return `M${[...there, ...back].join('L')}Z`;
    })
    .join('');
}

/** Round steps of a linear axis from 0, at most `most` of them. */
export function stepsTo(top: number, most = 5): number[] {
  const rough = top / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? power * 10;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, nth) => nth * step);
}
