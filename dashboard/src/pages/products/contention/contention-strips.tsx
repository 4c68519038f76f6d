import { useMemo, useState } from 'react';
import type { ContentionHistory } from '../../../api/openapi';
import { Plot, type PlotTick } from '../../../components/charts/plot';
import { bandOf, lineOf } from '../../../components/charts/plot-lines';
import { formatTime } from '../../../formatting/clock';
import { formatDuration } from '../../../formatting/durations';
import { formatDecimal, formatPercent, formatRate } from '../../../formatting/numbers';
import { strategyStyle } from '../../../formatting/strategies';
import { classes } from '../../../theme/classes';
import { waitShare } from './field-scale';
import { type Strips, stripsOf } from './strips';
import styles from './contention-strips.module.css';

/** Two charts with one time axis and one cursor: how long buyers wait for locks, and how often they conflict. */
export function ContentionStrips({ history }: { history: ContentionHistory }) {
  const strips = useMemo(() => stripsOf(history), [history]);
  const [cursor, setCursor] = useState<number | null>(null);
  const startedAt = Date.parse(history.from);
  const lengthMs = history.slices.length * history.sliceSeconds * 1_000;
  const xTicks = useMemo(() => minutesOf(startedAt, lengthMs), [startedAt, lengthMs]);
  const over = <Over strips={strips} cursor={cursor} />;
  const shared = { xTicks, onPoint: setCursor, over };
  const lastValues = formatLast(history);

  return (
    <div className={styles.strips}>
      <StrategyNames strips={strips} />
      <WaitPlot strips={strips} lastValues={lastValues} {...shared} />
      <ConflictPlot strips={strips} lastValues={lastValues} {...shared} />
      <p className={styles.readout} aria-hidden="true">
        {cursor === null ? null : formatSlice(history, Math.floor(cursor * history.slices.length))}
      </p>
      <LastMinutes history={history} />
    </div>
  );
}

interface StripProps {
  strips: Strips;
  /** The last values as text. */
  lastValues: string;
  xTicks: readonly PlotTick[];
  onPoint: (share: number | null) => void;
  over: React.ReactNode;
}

/** The lock wait: p99 as a line, p50 to p99 as a band. */
function WaitPlot({ strips, lastValues, ...shared }: StripProps) {
  return (
    <Plot
      {...shared}
      label={`Lock wait in the last ten minutes. ${lastValues}`}
      height={116}
      yTicks={[1, 10, 100].map((ms) => ({ at: waitShare(ms), label: formatDuration(ms) }))}
      bare
    >
      <path d={bandOf(strips.p99, strips.p50)} className={styles.band} />
      <path d={lineOf(strips.p50)} className={styles.p50} />
      <path d={lineOf(strips.p99)} className={styles.p99} />
    </Plot>
  );
}

/** The conflict rate. */
function ConflictPlot({ strips, lastValues, ...shared }: StripProps) {
  const ground = strips.conflicts.map(([x, y]) => [x, y === null ? null : 0] as const);
  return (
    <Plot
      {...shared}
      label={`Conflicts in the last ten minutes, in per cent. ${lastValues}`}
      height={54}
      yTicks={[0, 0.5, 1].map((at) => ({ at, label: formatPercent(at * strips.conflictTop) }))}
    >
      <path d={bandOf(strips.conflicts, ground)} className={styles.area} />
      <path d={lineOf(strips.conflicts)} className={styles.conflicts} />
    </Plot>
  );
}

/** The strategy over time, above the charts: since when, and who or which rule chose it. */
function StrategyNames({ strips: { stretches } }: { strips: Strips }) {
  return (
    <ol className={styles.names} aria-label="Strategies over time">
      {stretches.map(({ strategy, from, to, switchedBy }, nth) => (
        <li
          key={from}
          className={classes(nth > 0 && styles.switched, nth === stretches.length - 1 && styles.current)}
          style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%` }}
        >
          <b>{strategy}</b>
          <small>
            {switchedBy
              ? `since ${formatTime(switchedBy.at)}, ${switchedBy.by}`
              : strategyStyle(strategy).description}
          </small>
        </li>
      ))}
    </ol>
  );
}

/** Each switch as a dashed line, and the cursor, across both charts. */
function Over({ strips, cursor }: { strips: Strips; cursor: number | null }) {
  return (
    <>
      {strips.stretches.slice(1).map(({ from }) => (
        <i key={from} className={styles.switch} style={{ left: `${from * 100}%` }} />
      ))}
      {cursor === null ? null : <i className={styles.cursor} style={{ left: `${cursor * 100}%` }} />}
    </>
  );
}

/** Full minutes, without one so close to the right edge that its label would touch the one before. */
function minutesOf(startedAt: number, lengthMs: number) {
  const minute = 60_000;
  const first = Math.ceil(startedAt / minute) * minute;
  const last = startedAt + 0.97 * lengthMs;
  return Array.from({ length: Math.floor((last - first) / minute) + 1 }, (_, nth) => {
    const at = first + nth * minute;
    return { at: (at - startedAt) / lengthMs, label: formatTime(at) };
  });
}

function formatSlice({ from, slices, sliceSeconds }: ContentionHistory, nth: number): string {
  const slice = slices[Math.min(nth, slices.length - 1)];
  if (!slice) return '';
  const at = formatTime(Date.parse(from) + nth * sliceSeconds * 1_000);
  if (slice.p99Ms === null) return `${at}: no buyers`;
  return (
    `${at}: p99 ${wait(slice.p99Ms)}, p50 ${wait(slice.p50Ms ?? 0)}, ` +
    `conflicts ${formatPercent(slice.conflictRate ?? 0)}, ${formatRate(slice.takenPerSecond)} taken`
  );
}

const wait = (ms: number) => `${formatDecimal(ms)} ms`;

function formatLast(history: ContentionHistory): string {
  const nth = history.slices.findLastIndex(({ p99Ms }) => p99Ms !== null);
  return nth === -1 ? 'No buyers.' : `Last: ${formatSlice(history, nth)}.`;
}

/** The same per minute, for screen readers. */
function LastMinutes({ history }: { history: ContentionHistory }) {
  const perMinute = Math.round(60 / history.sliceSeconds);
  const minutes = Array.from({ length: Math.floor(history.slices.length / perMinute) }, (_, nth) =>
    formatSlice(history, (nth + 1) * perMinute - 1),
  );
  return (
    <ul className="unseen" aria-label="Contention by the minute">
      {minutes.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
}
