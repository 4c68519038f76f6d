import { useIsUpToDate } from '../../api/live';
import { useTick } from '../../browser/tick';
import { formatTimeLeft } from '../../formatting/durations';
import { classes } from '../../theme/classes';
import { Shape } from './shape';
import styles from './countdown.module.css';

interface CountdownProps {
  /** Seconds, as sent by the service; null when there is no end. */
  endsIn: number | null;
  /** performance.now() when they arrived. */
  at: number;
  /** The total time in seconds: the ring shows the share that is left. */
  ttl?: number;
  status?: 'active' | 'pinned';
}

const RADIUS = 5.5;
const AROUND = 2 * Math.PI * RADIUS;

/**
 * Time left, counted from when the service sent it, so that a wrong local clock does not matter. At zero it waits for
 * the service to report the end.
 */
export function Countdown({ endsIn, at, ttl, status = 'active' }: CountdownProps) {
  const now = useTick();
  const current = useIsUpToDate();
  if (status === 'pinned') {
    return (
      <span className={classes(styles.countdown, styles.pinned)}>
        <Shape name="pin" /> pinned
      </span>
    );
  }
  if (endsIn === null) return <>–</>;
  const rest = endsIn - Math.max(0, now - at) / 1000;
  return (
    <span className={classes(styles.countdown, rest <= 60 && styles.ending)} role="timer" aria-live="off">
      <Ring share={ttl ? Math.min(1, Math.max(0, rest / ttl)) : Math.min(1, Math.max(0, rest / 600))} />
      {rest <= 0 ? 'ending…' : `${current ? '' : 'about '}${formatTimeLeft(rest)}`}
    </span>
  );
}

function Ring({ share }: { share: number }) {
  return (
    <svg width="14" height="14" viewBox="0 0 14 14" fill="none" strokeWidth="3" aria-hidden>
      <circle cx="7" cy="7" r={RADIUS} className={styles.track} />
      <circle
        cx="7"
        cy="7"
        r={RADIUS}
        className={styles.rest}
        strokeDasharray={`${share * AROUND} ${AROUND}`}
        transform="rotate(-90 7 7)"
      />
    </svg>
  );
}
