import type { Reservation } from '../../api/openapi';
import { useTick } from '../../browser/tick';
import firmness from '../../components/charts/firmness.module.css';
import { When } from '../../components/values/figures';
import { classes } from '../../theme/classes';
import styles from './life-line.module.css';

/** From its start to the latest end that extensions could give it. */
export function LifeLine({ reservation, at }: { reservation: Reservation; at: number }) {
  const now = useTick();
  const { createdAt, expiresAt, maxExpiresAt, status, expiresInSeconds } = reservation;
  const startMs = Date.parse(createdAt);
  const lengthMs = Math.max(1, Date.parse(maxExpiresAt) - startMs);
  const endMs = Date.parse(expiresAt);
  const isActive = status === 'active';
  const passedMs = isActive ? endMs - expiresInSeconds * 1_000 + Math.max(0, now - at) : endMs;
  const share = (ms: number) => `${Math.min(100, Math.max(0, (100 * (ms - startMs)) / lengthMs))}%`;
  return (
    <div>
      <div className={styles.rail} role="img" aria-label={`${status}, share of its maximum lifetime`}>
        <span className={classes(styles.granted, firmness[status])} style={{ width: share(endMs) }} />
        {isActive ? <span className={styles.now} style={{ left: share(passedMs) }} title="now" /> : null}
      </div>
      <p className={styles.text}>
        <span>
          taken <When at={createdAt} />
        </span>
        <span>
          {isActive ? 'expires' : 'its timer was set to'} <When at={expiresAt} />
        </span>
        <span>
          latest possible end <When at={maxExpiresAt} />
        </span>
      </p>
    </div>
  );
}
