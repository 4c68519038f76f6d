import styles from './plot.module.css';

/** A label beside an axis; `at` goes from 0 (left, bottom) to 1. */
export interface PlotTick {
  at: number;
  label: string;
}

interface PlotProps {
  /** Describes the drawing and its last values to screen readers. */
  label: string;
  height: number;
  xTicks: readonly PlotTick[];
  yTicks: readonly PlotTick[];
  /** Leaves out the labels below, when another plot with the same axis follows. */
  bare?: boolean;
  /** SVG in a box of 1000 by 1000, with y growing downwards. */
  children: React.ReactNode;
  /** HTML on top of the drawing. */
  over?: React.ReactNode;
  onPoint?: (share: number | null) => void;
}

/** Horizontal grid lines, each with its label on the left. */
export const YTicks = ({ ticks }: { ticks: readonly PlotTick[] }) =>
  ticks.map(({ at, label }) => (
    <span key={at} className={styles.y} style={{ bottom: `${at * 100}%` }}>
      <i>{label}</i>
    </span>
  ));

/** Axes, a grid and an SVG stretched to the available width; strokes and text are not stretched. */
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
