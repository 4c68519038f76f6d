import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatTime } from '../../formatting/clock';
import { formatCount, formatDecimal } from '../../formatting/numbers';

export type ChartTone = 'main' | 'amber' | 'red';

const colours: Record<ChartTone, string> = { main: '--firm-2', amber: '--warn-g', red: '--bad' };
const dashes: Record<ChartTone, number[] | undefined> = { main: undefined, amber: [6, 4], red: [2, 3] };

/** The value of a colour token in the current theme: a canvas cannot use custom properties. */
export const tokenColour = (of: Element, token: string): string =>
  getComputedStyle(of).getPropertyValue(token).trim();

/** 11 px axes, a soft grid, no ticks, one scale that starts at zero. */
export function baseOptions(
  parent: HTMLElement,
  series: readonly { label: string; tone: ChartTone; fill?: boolean }[],
  height: number,
): uPlot.Options {
  const text = tokenColour(parent, '--text-3');
  const grid = { stroke: tokenColour(parent, '--line-soft'), width: 1 };
  const font = `11px ${tokenColour(parent, '--sans') || 'sans-serif'}`;
  return {
    width: Math.max(50, parent.clientWidth),
    height,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_, __, highest) => [0, niceTop(highest)] } },
    axes: [
      {
        stroke: text,
        font,
        grid,
        ticks: { show: false },
        size: 28,
        gap: 6,
        space: 72,
        values: (_, splits) => splits.map((at) => formatTime(at * 1000)),
      },
      {
        stroke: text,
        font,
        grid,
        ticks: { show: false },
        size: 40,
        gap: 6,
        space: 36,
        values: (_, splits) =>
          splits.map((value) => (Number.isInteger(value) ? formatCount(value) : formatDecimal(value))),
      },
    ],
    series: [
      {},
      ...series.map(({ label, tone, fill }) => {
        const stroke = tokenColour(parent, colours[tone]);
        return {
          label,
          stroke,
          width: 1.5,
          dash: dashes[tone],
          // Tokens are #rrggbb; two more digits are the opacity.
          fill: fill ? `${stroke}22` : undefined,
          points: { show: false },
          spanGaps: false,
        };
      }),
    ],
  };
}

/** Leaves room above the highest value, and keeps an axis when there are no values. */
function niceTop(highest: number | null): number {
  if (highest === null || highest <= 0) return 10;
  return highest * 1.12;
}

/** Draws the chart, resizes it with its box, and returns the clean-up function. */
export function drawChart(
  parent: HTMLElement,
  options: uPlot.Options,
  data: () => uPlot.AlignedData,
  keep: (plot: uPlot | null) => void,
): () => void {
  const plot = new uPlot(options, data(), parent);
  keep(plot);
  const follow = new ResizeObserver(() => {
    const width = Math.max(50, parent.clientWidth);
    if (width !== plot.width) plot.setSize({ width, height: plot.height });
  });
  follow.observe(parent);
  return () => {
    follow.disconnect();
    plot.destroy();
    keep(null);
  };
}
