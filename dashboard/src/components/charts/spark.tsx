import { memo } from 'react';
import { classes } from '../../theme/classes';
import styles from './spark.module.css';

interface SparkProps {
  /** Oldest first; null where there is no value. */
  values: readonly (number | null)[];
  tone?: 'main' | 'amber';
  width?: number;
  height?: number;
  /** The value at the top, when several sparklines must be comparable. */
  top?: number;
}

/** A sparkline from zero; the number beside it gives the scale. */
export const Spark = memo(function Spark({
  values,
  tone = 'main',
  width = 72,
  height = 24,
  top,
}: SparkProps) {
  const points = thinned(values, width);
  const highest = Math.max(top ?? 0, ...points.map((value) => value ?? 0));
  const x = (at: number): string => ((at * width) / Math.max(1, points.length - 1)).toFixed(1);
  const y = (value: number): string =>
    (highest === 0 ? height - 1 : height - 1 - (value / highest) * (height - 2)).toFixed(1);
  const stretches = runsOf(points);
  return (
    <svg
      width={width}
      height={height}
      className={classes(styles.spark, tone === 'amber' && styles.amber)}
      aria-hidden
    >
      {stretches.map(({ from, values: run }) => {
        const line = run.map((value, at) => `${x(from + at)},${y(value)}`).join(' ');
        const end = from + run.length - 1;
        return (
          <g key={from}>
            <polygon className={styles.area} points={`${x(from)},${height} ${line} ${x(end)},${height}`} />
            <polyline className={styles.line} points={line} />
          </g>
        );
      })}
    </svg>
  );
});

/** At most one point per 1.5 pixels: the highest of those that share it, so that peaks survive. */
function thinned(values: readonly (number | null)[], width: number): (number | null)[] {
  const step = Math.max(1, Math.ceil(values.length / (width / 1.5)));
  if (step === 1) return [...values];
  return Array.from({ length: Math.ceil(values.length / step) }, (_, at) => {
    const some = values.slice(at * step, (at + 1) * step).filter((value) => value !== null);
    return some.length === 0 ? null : Math.max(...some);
  });
}

/** Seconds without a value stay gaps. */
function runsOf(points: readonly (number | null)[]): { from: number; values: number[] }[] {
  const runs: { from: number; values: number[] }[] = [];
  points.forEach((value, at) => {
    if (value === null) return;
    if (at > 0 && points[at - 1] !== null && runs.length > 0) runs.at(-1)!.values.push(value);
    else runs.push({ from: at, values: [value] });
  });
  return runs;
}
