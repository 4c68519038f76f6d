import styles from './plot.module.css';

/** A figure beside an axis; `at` goes from 0 (left, bottom) to 1. */
export interface PlotTick {
  at: number;
  label: string;
}

interface PlotProps {
  /** Names the drawing and its last values, for who does not see it. */
  label: string;
  height: number;
  xTicks: readonly PlotTick[];
  yTicks: readonly PlotTick[];
  /** Without the figures below, when another plot with the same axis follows. */
  bare?: boolean;
  /** SVG, in a box of 1000 by 1000 with y growing downwards. */
  children: React.ReactNode;
  /** HTML over the drawing. */
  over?: React.ReactNode;
  onPoint?: (share: number | null) => void;
}

/** Lines across a drawing, each with its figure left of it. */
export const YTicks = ({ ticks }: { ticks: readonly PlotTick[] }) =>
  ticks.map(({ at, label }) => (
    <span key={at} className={styles.y} style={{ bottom: `${at * 100}%` }}>
      <i>{label}</i>
    </span>
  ));

/** Axes, a grid, and room for a drawing that is stretched to the width there is; its strokes and its text are not. */
export function Plot({ label, height, xTicks, yTicks, bare, children, over, onPoint }: PlotProps) {
  const point = (event: React.PointerEvent<HTMLElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    onPoint?.(Math.min(1, Math.max(0, (event.clientX - left) / width)));
  };
  return (
    <div className={styles.plot} role="img" aria-label={label}>
      <div
        className={styles.box}
        style={{ height }}
        onPointerMove={point}
        onPointerLeave={() => onPoint?.(null)}
      >
        <YTicks ticks={yTicks} />
        {xTicks.map(({ at }) => (
          <span key={at} className={styles.x} style={{ left: `${at * 100}%` }} />
        ))}
        <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden>
          {children}
        </svg>
        {over}
      </div>
      {bare ? null : (
        <div className={styles.below}>
          {xTicks.map(({ at, label: text }) => (
            <span key={at} className={at > 0.97 ? styles.last : undefined} style={{ left: `${at * 100}%` }}>
              {text}
            </span>
          ))}
        </div>
      )}
    </div>
  );
}
