import { TonedShape } from '../../../components/values/shape';
import tones from '../../../components/values/shape.module.css';
import { formatFineDuration } from '../../../formatting/durations';
import { classes } from '../../../theme/classes';
import type { Bar, TimelineFacts } from './history';
import { formatLane, formatNext, formatOutcome, outcomeBadges } from './labels';
import styles from './timeline-list.module.css';

/** Pauses between attempts are shown from this length on. */
const waitMs = 500;

/** The timeline as a list: the only one on phones, and what screen readers read at every width. */
export function TimelineList({ facts }: { facts: TimelineFacts }) {
  const { history, saga } = facts;
  const units = saga.reservation.units;
  const bars = history.lanes
    .flatMap((lane) => lane.bars)
    .sort((one, other) => one.startMs - other.startMs || one.endMs - other.endMs);
  const asking = bars.some(({ outcome }) => outcome === 'running');
  return (
    <ol className={styles.list} aria-label="Timeline, step by step">
      {bars.map((bar, nth) => {
        const waited = bar.startMs - (bars[nth - 1]?.endMs ?? 0);
        return (
          <li key={bar.key}>
            {waited >= waitMs ? <p className={styles.wait}>waited {formatFineDuration(waited)}</p> : null}
            <Entry bar={bar} facts={facts} units={units} />
          </li>
        );
      })}
      {history.open && !asking && saga.nextAttemptInSeconds !== null ? (
        <li>
          <p className={styles.wait}>{formatNext(saga)}</p>
        </li>
      ) : null}
    </ol>
  );
}

function Entry({ bar, facts, units }: { bar: Bar; facts: TimelineFacts; units: number }) {
  const lane = facts.history.lanes.find(({ key }) => key === bar.lane)!;
  const { shape, tone } = outcomeBadges[bar.outcome];
  const name = formatLane(lane, facts.history.open).name;
  const { attempt, operation, looksUp } = bar.attempt;
  const asked = lane.bars.filter((one) => one.attempt.operation !== null);
  const before = asked[asked.indexOf(bar) - 1];
  const again = before
    ? `attempt ${attempt}${looksUp ? ', looked up' : before.attempt.key === bar.attempt.key ? ', same key' : ', new key'}`
    : null;
  const title = again ?? (operation !== null && asked.length > 1 ? `${name}, attempt ${attempt}` : name);
  // The heading already has the attempt's number.
  const outcome = formatOutcome(bar, units);
  return (
    <div className={styles.entry}>
      <TonedShape shape={shape} tone={tone} />
      <b>{title}</b>
      <span className={styles.offset}>{formatFineDuration(bar.startMs)}</span>
      <span className={classes(styles.outcome, tones[tone])}>{outcome}</span>
    </div>
  );
}
