import { classes } from '../../look/classes';
import type { ReservationStatus } from '../../api/shapes/reservations';
import { shortId } from '../../words/ids';
import { count } from '../../words/numbers';
import firmness from '../firmness.module.css';
import { leaseWords } from './bar-words';
import type { Phase } from './history';
import type { TimelineFacts } from './saga-timeline';
import { type Stretch, cutNear, placeOf } from './scale';
import { between } from './grid';
import { TonedShape } from './lane-icon';
import styles from './saga-timeline.module.css';

interface LifeProps {
  facts: TimelineFacts;
  stretches: readonly Stretch[];
}

const phaseWords: Record<Exclude<Phase, 'gone'>, string> = {
  active: 'active',
  pinned: 'pinned: its timer cannot end it while a charge is in flight',
  confirmed: 'confirmed, sold',
};

/** The life of the reservation behind the order, in the colours of firmness. */
export function ReservationLane({ facts, stretches }: LifeProps) {
  const { reservation } = facts.saga;
  return (
    <div className={classes(styles.lane, styles.thin)} aria-hidden="true">
      <div className={styles.name}>
        <span>
          <TonedShape shape="pin" tone="grey" /> reservation
        </span>
        <small>
          {shortId(reservation.id)}, token {count(reservation.fencingToken)}
        </small>
      </div>
      {facts.history.phases.map(({ phase, startMs, endMs }) => {
        const from = cutNear(stretches, startMs);
        const to = cutNear(stretches, endMs);
        return to <= from ? null : (
          <span key={phase} className={styles.life} style={between(from, to)}>
            <i className={firmness[phase]} />
            <small>{phase === 'gone' ? goneWords(reservation.status) : phaseWords[phase]}</small>
          </span>
        );
      })}
    </div>
  );
}

const goneWords = (status: ReservationStatus) => (status === 'confirmed' ? 'back on sale' : status);

/** Who drove the saga, with its token, and what the provider said by itself. */
export function LeaseLane({ facts, stretches }: LifeProps) {
  const { leases } = facts.history;
  return (
    <div className={classes(styles.lane, styles.drivers)} aria-hidden="true">
      <div className={styles.name}>
        <span>
          <TonedShape shape="half" tone="grey" /> lease, webhooks
        </span>
        <small>who drove it, what arrived</small>
      </div>
      {leases.map((lease, nth) => {
        const from = cutNear(stretches, lease.startMs);
        const next = leases[nth + 1];
        const to = next ? cutNear(stretches, next.startMs) : stretches.length;
        return to <= from ? null : (
          <span
            key={lease.startMs}
            className={classes(styles.life, styles.lease, lease.tookOver && styles.takeover)}
            style={between(from, to)}
          >
            <i />
            <small>{leaseWords(lease)}</small>
          </span>
        );
      })}
      {facts.saga.webhooks.map(({ id, afterMs, type }, nth) => {
        const { index, share } = placeOf(stretches, afterMs);
        return (
          <span
            key={id}
            className={classes(styles.webhook, nth % 2 === 1 && styles.lower)}
            style={between(index, index + 1)}
          >
            <small
              className={share > 0.5 ? styles.leftward : undefined}
              style={{ left: `${(share * 100).toFixed(1)}%` }}
            >
              <b>◆</b> {type.replace(/^\w+\./, '')}
            </small>
          </span>
        );
      })}
    </div>
  );
}
