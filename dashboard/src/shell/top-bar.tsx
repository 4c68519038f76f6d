import { OctagonAlert, Shield, ShieldCheck } from 'lucide-react';
import { Fragment } from 'react';
import { Link } from 'wouter';
import { useConnection } from '../api/live';
import type { Overview } from '../api/openapi';
import { useApi } from '../api/use-api';
import { useTick } from '../browser/tick';
import { useBreadcrumbs } from '../components/layout/breadcrumbs';
import { Ago } from '../components/values/figures';
import { formatTime, useTimeZone } from '../formatting/clock';
import { formatAge } from '../formatting/durations';
import { classes } from '../theme/classes';
import { Search } from './search';
import styles from './top-bar.module.css';

/** Breadcrumbs, search, the invariants seal and the connection pulse. */
export function TopBar() {
  const { here, trail, heading = true } = useBreadcrumbs();
  const Here = heading ? 'h1' : 'span';
  return (
    <header className={styles.bar}>
      <div className={styles.breadcrumbs}>
        {trail?.map(({ label, href }) => (
          <Fragment key={href}>
            <Link href={href}>{label}</Link>
            <span className={styles.slash} aria-hidden>
              /
            </span>
          </Fragment>
        ))}
        <Here className={styles.here}>{here}</Here>
      </div>
      <Search />
      <InvariantsSeal />
      <ConnectionPulse />
    </header>
  );
}

/** Whether all invariants held at the last audit; grey once that is too long ago. */
function InvariantsSeal() {
  const { data, at } = useApi<Overview>('overview');
  const { phase, heardClock } = useConnection();
  useTimeZone();
  if (data === undefined) return null;
  if (data.promises === null) {
    return (
      <Link href="/#promises" className={classes(styles.seal, styles.old)}>
        <Shield size={15} aria-hidden />
        <span className={styles.text}>Promises not audited yet</span>
      </Link>
    );
  }
  const { held, total, ok, overdue, ageSeconds } = data.promises;
  const lost = phase === 'lost' && heardClock !== null;
  const old = lost || overdue;
  const text = lost ? (
    `${held} of ${total} held at ${formatTime(heardClock)}`
  ) : overdue ? (
    <>
      {held} of {total} held <Ago key={ageSeconds} seconds={ageSeconds} at={at} /> ago
    </>
  ) : ok ? (
    `${held} of ${total} promises hold`
  ) : (
    `${total - held} of ${total} promises broken`
  );
  const Icon = !ok ? OctagonAlert : old ? Shield : ShieldCheck;
  return (
    <Link
      href="/#promises"
      className={classes(styles.seal, !ok && styles.broken, old && styles.old)}
      title={typeof text === 'string' ? text : `${held} of ${total} held; no worker has audited since`}
    >
      <Icon size={15} aria-hidden />
      <span className={styles.text}>{text}</span>
    </Link>
  );
}

/** The age of the latest stream message. */
function ConnectionPulse() {
  useTick();
  const { phase, heardAt } = useConnection();
  const since = heardAt === null ? 0 : (performance.now() - heardAt) / 1000;
  if (phase === 'connecting') {
    return (
      <span className={classes(styles.pulse, styles.connecting)} data-phase={phase}>
        <span className={styles.dot} aria-hidden /> Connecting
      </span>
    );
  }
  if (phase === 'late' || phase === 'lost') {
    return (
      <span className={classes(styles.pulse, styles.waiting)} data-phase={phase}>
        <span className={styles.dot} aria-hidden />{' '}
        {phase === 'late' ? `${formatAge(Math.round(since))} ago` : 'Reconnecting'}
      </span>
    );
  }
  return (
    <span className={styles.pulse} data-phase={phase}>
      <span className={styles.dot} aria-hidden /> Live{' '}
      <span className={styles.age}>{formatAge(since)} ago</span>
    </span>
  );
}
