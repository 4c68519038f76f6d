import type { CSSProperties, KeyboardEvent } from 'react';

/** The grid: lane names are in the first column, the stretches of time follow. */
const firstLine = 2;

/** From the left edge of one stretch to that of another. */
export const between = (from: number, to: number): CSSProperties => ({
  gridColumn: `${firstLine + from} / ${firstLine + to}`,
});

/** The position at a cut, right of its line. The last cut is the right edge, so its content ends there. */
export const atCut = (cut: number, cuts: number): CSSProperties =>
  cut === cuts ? { gridColumn: firstLine + cut - 1, justifySelf: 'end' } : { gridColumn: firstLine + cut };

/** Arrow keys move through the bars in order of time; only the first bar is a Tab stop. */
export function walkBars(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const bars = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-bar]')].sort(
    (one, other) => Number(one.dataset.bar) - Number(other.dataset.bar),
  );
  const here = bars.findIndex((bar) => bar === document.activeElement);
  const next = here === -1 ? undefined : bars[here + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
