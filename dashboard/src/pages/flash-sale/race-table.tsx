import type { LoadTest, LoadTestLane } from '../../api/openapi';
import { ScrollBox } from '../../components/tables/scroll-box';
import { TonedShape } from '../../components/values/shape';
import { StrategyLine } from '../../components/values/strategy-line';
import { formatDuration, formatFineDuration } from '../../formatting/durations';
import { formatCount, formatDecimal, formatPercent } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import styles from './race-table.module.css';

/**
 * One lane per strategy, in the order of the run: units taken, and how fast. Unpaid units come back and are taken
 * again, so more may be taken than there are.
 */
export function RaceTable({ run }: { run: LoadTest }) {
  const leader = leaderOf(run.lanes);
  return (
    <ScrollBox label="Race, lane by lane">
      <table className={styles.race}>
        <thead>
          <tr>
            <th scope="col">Strategy</th>
            <th scope="col" colSpan={2}>
              Units taken, of {formatCount(run.units)}
            </th>
            <th scope="col">Taken /s</th>
            <th scope="col">p99</th>
            <th scope="col">Conflicts</th>
            <th scope="col">Oversold</th>
            <th scope="col">Sold out in</th>
          </tr>
        </thead>
        <tbody>
          {run.lanes.map((lane) => (
            <LaneRow key={lane.strategy} lane={lane} units={run.units} leads={lane === leader} />
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

function LaneRow({ lane, units, leads }: { lane: LoadTestLane; units: number; leads: boolean }) {
  const oversold = (lane.oversold ?? 0) > 0;
  const soldOut = lane.soldOutSeconds !== null;
  return (
    <tr className={classes(oversold && styles.oversold)}>
      <th scope="row">
        <StrategyLine strategy={lane.strategy} /> {lane.strategy}
      </th>
      <td className={styles.track}>
        <span className={styles.rail}>
          <span
            className={classes(styles.sold, soldOut ? styles.full : styles.part, leads && styles.leads)}
            style={{ width: `${Math.min(100, (100 * lane.unitsTaken) / Math.max(1, units))}%` }}
          />
        </span>
      </td>
      <td>
        <b>{formatCount(lane.unitsTaken)}</b>
      </td>
      <td>
        <b>{figure(lane.takenPerSecond, formatDecimal)}</b>
      </td>
      <td>{figure(lane.answerP99Ms, formatDuration)}</td>
      <td>{figure(lane.conflictRate, formatPercent)}</td>
      <td>
        {oversold ? <TonedShape shape="stuck" tone="bad" /> : null} {figure(lane.oversold, formatCount)}
      </td>
      <td className={styles.end}>
        <LaneEnd lane={lane} units={units} />
      </td>
    </tr>
  );
}

const figure = (value: number | null, format: (value: number) => string) =>
  value === null ? <span className={styles.none}>–</span> : format(value);

function LaneEnd({ lane, units }: { lane: LoadTestLane; units: number }) {
  if (lane.soldOutSeconds !== null)
    return (
      <span className={styles.ok}>
        <TonedShape shape="done" tone="ok" /> {formatFineDuration(lane.soldOutSeconds * 1_000)}
      </span>
    );
  if (lane.state === 'waiting') return <span className={styles.none}>not started</span>;
  if (lane.state === 'done')
    return <span className={styles.none}>{formatCount(units - lane.unitsTaken)} left</span>;
  return (
    <span className={styles.going}>
      <TonedShape shape="half" tone="accent" />{' '}
      {lane.state === 'settling' ? 'being paid' : formatPercent(lane.unitsTaken / Math.max(1, units))}
    </span>
  );
}

/** The lane that sold out first; null until one has. */
function leaderOf(lanes: readonly LoadTestLane[]): LoadTestLane | undefined {
  return lanes
    .filter(({ soldOutSeconds }) => soldOutSeconds !== null)
    .sort((one, other) => one.soldOutSeconds! - other.soldOutSeconds!)[0];
}
