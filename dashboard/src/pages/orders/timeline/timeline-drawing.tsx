import { ScrollBox } from '../../../components/tables/scroll-box';
import { TonedShape } from '../../../components/values/shape';
import { formatFineDuration } from '../../../formatting/durations';
import type { BadgeStyle } from '../../../formatting/statuses';
import { classes } from '../../../theme/classes';
import { atCut, between, walkBars } from './grid';
import type { Lane, TimelineFacts } from './history';
import { formatLane, formatNext, outcomeBadges } from './labels';
import { LeaseLane, ReservationLane } from './life-lanes';
import { PieceButton } from './piece-button';
import { linesOf, ticksOf } from './scale';
import type { Drawing } from './timeline-model';
import styles from './saga-timeline.module.css';

interface DrawingProps {
  facts: TimelineFacts;
  drawing: Drawing;
  onOpen: (key: string) => void;
}

/** Lanes in a grid whose columns are the stretches of time: they share the width, and scroll when it is too small. */
export function TimelineDrawing({ facts, drawing, onOpen }: DrawingProps) {
  const { stretches, least, lanes } = drawing;
  const next = plannedLane(facts, drawing);
  const columns = stretches.map(
    ({ width }, nth) => `minmax(${least[nth]!.toFixed(0)}px, ${width.toFixed(1)}fr)`,
  );
  if (next) columns.push('minmax(150px, 40fr)');
  const drawn = stretches.map((stretch, nth) => ({
    ...stretch,
    width: Math.max(stretch.width, least[nth]!),
  }));

  return (
    <div className={styles.drawing}>
      <ScrollBox label="Timeline, in lanes">
        <div
          className={styles.grid}
          style={{ gridTemplateColumns: `var(--lane-names) ${columns.join(' ')}` }}
          onKeyDown={walkBars}
        >
          <div className={styles.ticks} aria-hidden="true">
            {ticksOf(drawn).map(({ ms, cut }) => (
              <span key={cut} style={atCut(cut, stretches.length)}>
                {formatFineDuration(ms)}
              </span>
            ))}
          </div>
          {linesOf(stretches).map((cut) => (
            <span key={cut} className={styles.rule} style={atCut(cut, -1)} aria-hidden="true" />
          ))}
          {lanes.map(({ lane, pieces, waits }) => (
            <div key={lane.key} className={styles.lane}>
              <LaneName lane={lane} open={facts.history.open} />
              {waits.map(({ from, ms }) => (
                <span key={from} className={styles.wait} style={between(from, from + 1)} aria-hidden="true">
                  <span>waited {formatFineDuration(ms)}</span>
                </span>
              ))}
              {pieces.map((placed) => (
                <PieceButton key={placed.piece.key} placed={placed} facts={facts} onOpen={onOpen} />
              ))}
              {lane === next ? (
                <span
                  className={classes(styles.wait, styles.planned)}
                  style={between(stretches.length, stretches.length + 1)}
                >
                  <span>
                    <TonedShape shape="clock" tone="warn" /> {formatNext(facts.saga)}
                  </span>
                </span>
              ) : null}
            </div>
          ))}
          <ReservationLane facts={facts} stretches={stretches} />
          <LeaseLane facts={facts} stretches={stretches} />
        </div>
      </ScrollBox>
    </div>
  );
}

function LaneName({ lane, open }: { lane: Lane; open: boolean }) {
  const { name, note } = formatLane(lane, open);
  return (
    <div className={styles.name} aria-hidden="true">
      <span>
        <LaneIcon lane={lane} open={open} /> {name}
      </span>
      <small>{note}</small>
    </div>
  );
}

/** How a step stands now: how its last attempt ended, or that it was not reached. */
const LaneIcon = ({ lane, open }: { lane: Lane; open: boolean }) => <TonedShape {...laneBadge(lane, open)} />;

function laneBadge(lane: Lane, open: boolean): Pick<BadgeStyle, 'shape' | 'tone'> {
  const last = lane.bars.at(-1);
  if (lane.stoppedAfter !== null) return { shape: 'stuck', tone: 'bad' };
  if (!last) return { shape: 'none', tone: 'grey' };
  // While the saga is open, an error is not the end: the step waits for its next attempt.
  if (last.outcome === 'error' && open) return { shape: 'clock', tone: 'warn' };
  return outcomeBadges[last.outcome];
}

/** The lane of the next attempt: the saga's current step. None while an attempt is running. */
function plannedLane({ history, saga }: TimelineFacts, { lanes }: Drawing) {
  const asking = saga.attempts.some(({ outcome }) => outcome === 'running');
  if (!history.open || asking || saga.nextAttemptInSeconds === null) return undefined;
  return lanes.findLast(({ lane }) => lane.step === saga.step)?.lane;
}
