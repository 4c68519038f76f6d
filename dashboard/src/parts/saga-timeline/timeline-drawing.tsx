import { fineDuration, seconds } from '../../words/durations';
import { classes } from '../../look/classes';
import { ScrollBox } from '../scroll-box';
import { laneWords } from './bar-words';
import { atCut, between, walkBars } from './grid';
import type { Lane } from './history';
import { LaneIcon, TonedShape } from './lane-icon';
import { LeaseLane, ReservationLane } from './life-lanes';
import { PieceButton } from './piece-button';
import type { TimelineFacts } from './saga-timeline';
import { linesOf, ticksOf } from './scale';
import type { Drawing } from './timeline-model';
import styles from './saga-timeline.module.css';

interface DrawingProps {
  facts: TimelineFacts;
  drawing: Drawing;
  onOpen: (key: string) => void;
}

/** Lanes in a grid whose columns are the stretches of time: they share the room there is, and scroll when it is too little. */
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
                {fineDuration(ms)}
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
                  <span>waited {fineDuration(ms)}</span>
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
                    <TonedShape shape="clock" tone="warn" /> next try in{' '}
                    {seconds(facts.saga.nextAttemptInSeconds!)}
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
  const { name, note } = laneWords(lane, open);
  return (
    <div className={styles.name} aria-hidden="true">
      <span>
        <LaneIcon lane={lane} open={open} /> {name}
      </span>
      <small>{note}</small>
    </div>
  );
}

/** Where the next attempt will stand: in the lane of the step that the saga is at. None while one is running. */
function plannedLane({ history, saga }: TimelineFacts, { lanes }: Drawing) {
  const asking = saga.attempts.some(({ outcome }) => outcome === 'running');
  if (!history.open || asking || saga.nextAttemptInSeconds === null) return undefined;
  return lanes.findLast(({ lane }) => lane.step === saga.step)?.lane;
}
