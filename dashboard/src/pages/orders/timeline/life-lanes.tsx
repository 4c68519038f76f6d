import type { ReservationStatus } from '../../../api/openapi';
import firmness from '../../../components/charts/firmness.module.css';
import { TonedShape } from '../../../components/values/shape';
import { shortId } from '../../../formatting/ids';
import { formatCount } from '../../../formatting/numbers';
import { classes } from '../../../theme/classes';
import { between } from './grid';
import type { Phase, TimelineFacts } from './history';
import { formatLease } from './labels';
import { cutNear, placeOf, type Stretch } from './scale';
import styles from './saga-timeline.module.css';

interface LifeProps {
  facts: TimelineFacts;
  stretches: readonly Stretch[];
}

const phaseLabels: Record<Exclude<Phase, 'gone'>, string> = {
  active: 'active',
  pinned: 'pinned: cannot expire while a charge is in flight',
  confirmed: 'confirmed, sold',
};

/** The life of the order's reservation, in the colours of the stock bar. */
export function ReservationLane({ facts, stretches }: LifeProps) {
  const { reservation } = facts.saga;
  return (
    <div className={classes(styles.lane, styles.thin)} aria-hidden="true">
      <div className={styles.name}>
        <span>
          <TonedShape shape="pin" tone="grey" /> Reservation
        </span>
        <small>
          {shortId(reservation.id)}, token {formatCount(reservation.fencingToken)}
        </small>
      </div>
      {facts.history.phases.map(({ phase, startMs, endMs }) => {
        const from = cutNear(stretches, startMs);
        const to = cutNear(stretches, endMs);
        return to <= from ? null : (
          <span key={phase} className={styles.life} style={between(from, to)}>
            <i className={firmness[phase]} />
            <small>{phase === 'gone' ? formatGone(reservation.status) : phaseLabels[phase]}</small>
          </span>
        );
      })}
    </div>
  );
}

const formatGone = (status: ReservationStatus) => (status === 'confirmed' ? 'back on sale' : status);

/** The workers that held the saga's lease, with fencing tokens, and the provider's webhooks. */
export function LeaseLane({ facts, stretches }: LifeProps) {
  const { leases } = facts.history;
  return (
    <div className={classes(styles.lane, styles.drivers)} aria-hidden="true">
      <div className={styles.name}>
        <span>
          <TonedShape shape="half" tone="grey" /> Lease, webhooks
        </span>
        <small>workers and tokens</small>
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
            <small>{formatLease(lease)}</small>
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
