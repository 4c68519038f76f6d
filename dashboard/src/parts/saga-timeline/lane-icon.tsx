import type { Look } from '../../words/statuses';
import { classes } from '../../look/classes';
import { Shape } from '../shape';
import { outcomeLooks } from './bar-words';
import type { Lane } from './history';
import styles from './tones.module.css';

type Sign = Pick<Look, 'shape' | 'tone'>;

/** A shape in the colour of what it says. */
export function TonedShape({ shape, tone }: Sign) {
  return (
    <span className={classes(styles.sign, styles[tone])}>
      <Shape name={shape} />
    </span>
  );
}

/** How a step stands now: as its last attempt ended, or that it was not reached. */
export const LaneIcon = ({ lane, open }: { lane: Lane; open: boolean }) => (
  <TonedShape {...signOf(lane, open)} />
);

function signOf(lane: Lane, open: boolean): Sign {
  const last = lane.bars.at(-1);
  if (lane.stoppedAfter !== null) return { shape: 'stuck', tone: 'bad' };
  if (!last) return { shape: 'none', tone: 'grey' };
  // An error is no end while the saga goes on: the step waits for its next attempt.
  if (last.outcome === 'error' && open) return { shape: 'clock', tone: 'warn' };
  return outcomeLooks[last.outcome];
}
