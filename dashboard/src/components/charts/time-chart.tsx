import { useEffect, useRef, useState } from 'react';
import type uPlot from 'uplot';
import { formatTime, useTimeZone } from '../../formatting/clock';
import { formatDecimal } from '../../formatting/numbers';
import { useTheme } from '../../theme/theme';
import { baseOptions, type ChartTone, drawChart } from './chart-options';
import styles from './time-chart.module.css';

export interface Series {
  label: string;
  /** One value per time; null is a gap, never a line. */
  values: (number | null)[];
  tone: ChartTone;
  fill?: boolean;
}

interface TimeChartProps {
  /** Describes the chart to screen readers. */
  label: string;
  /** Unix seconds. */
  times: number[];
  series: readonly Series[];
  height?: number;
  unit?: string;
  /** Shown over the empty axes when there are no values. */
  empty?: React.ReactNode;
  /** Adjusts the uPlot options: scales, bands, marks. */
  tune?: (options: uPlot.Options) => uPlot.Options;
}

/** The hidden table is updated at this interval; a screen reader has no use for one per second. */
const TABLE_EVERY_MS = 10_000;

/** Lines over time: the first blue, the second amber and dashed, the third red and dotted. */
export function TimeChart({ label, times, series, height = 200, unit = '', empty, tune }: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const theme = useTheme();
  const zone = useTimeZone();
  const data: uPlot.AlignedData = [times, ...series.map(({ values }) => values)];
  const latest = useRef(data);
  useEffect(() => {
    latest.current = data;
  });

  const names = series.map((one) => `${one.label}:${one.tone}:${one.fill ?? false}`).join();
  useEffect(() => {
    const parent = box.current;
    if (parent === null) return;
    const options = baseOptions(parent, series, height);
    return drawChart(
      parent,
      tune ? tune(options) : options,
      () => latest.current,
      (drawn) => (plot.current = drawn),
    );
    // Values are set below, once a second; only a change of structure rebuilds the chart.
    // The theme and the zone are read while it is built.
  }, [names, height, theme, zone, tune]);

  useEffect(() => {
    plot.current?.setData(data);
  });

  const nothing = series.every(({ values }) => values.every((value) => value === null || value === 0));
  const last = series.map(({ label: name, values }) => `${name} ${figure(lastOf(values), unit)}`).join(', ');
  return (
    <div className={styles.chart}>
      <div
        ref={box}
        className={styles.canvas}
        style={{ height }}
        role="img"
        aria-label={`${label}: ${last}`}
      />
      {nothing && empty !== undefined && <div className={styles.empty}>{empty}</div>}
      <HiddenTable label={label} times={times} series={series} unit={unit} />
    </div>
  );
}

/** The legend, for the panel's head. */
export function ChartKeys({ series }: { series: readonly { label: string; tone: ChartTone }[] }) {
  return (
    <span className={styles.keys}>
      {series.map(({ label, tone }) => (
        <span key={label} className={styles.key}>
          <span className={`${styles.dot} ${styles[tone]}`} aria-hidden /> {label}
        </span>
      ))}
    </span>
  );
}

const lastOf = (values: readonly (number | null)[]): number | null =>
  values.findLast((value) => value !== null) ?? null;
const figure = (value: number | null, unit: string): string =>
  value === null ? 'nothing' : `${formatDecimal(value)} ${unit}`.trim();

/** The chart as a table for screen readers: ten rows over its whole span. */
function HiddenTable({
  label,
  times,
  series,
  unit,
}: Pick<TimeChartProps, 'label' | 'times' | 'series' | 'unit'>) {
  const [rows, setRows] = useState<(string | number)[][]>([]);
  const latest = useRef<() => (string | number)[][]>(() => []);
  useEffect(() => {
    latest.current = () =>
      Array.from({ length: Math.min(10, times.length) }, (_, at) => {
        const index = Math.round(((at + 1) * times.length) / Math.min(10, times.length)) - 1;
        return [
          formatTime(times[index]! * 1000),
          ...series.map(({ values }) => figure(values[index] ?? null, unit ?? '')),
        ];
      });
  });
  useEffect(() => {
    const write = (): void => setRows(latest.current());
    write();
    const timer = setInterval(write, TABLE_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <table className="unseen">
      <caption>{label}</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          {series.map((one) => (
            <th key={one.label} scope="col">
              {one.label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([time, ...values], at) => (
          <tr key={at}>
            <th scope="row">{time}</th>
            {values.map((value, column) => (
              <td key={column}>{value}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
