import { ArrowRight } from 'lucide-react';
import { Link } from 'wouter';
import type { Steps } from '../../api/openapi';
import { Panel } from '../../components/layout/panel';
import { Badge } from '../../components/values/badge';
import { formatDuration } from '../../formatting/durations';
import { formatCount, formatRate, formatUpTo } from '../../formatting/numbers';
import { badgeStyle } from '../../formatting/statuses';
import { formatStep } from '../../formatting/steps';
import styles from './flow-panel.module.css';

/** The open checkouts by step, and those that are off track. */
export function FlowPanel({ steps }: { steps: Steps }) {
  const most = Math.max(1, steps.inFlight);
  const shown = steps.capped ? formatUpTo(steps.inFlight, steps.inFlight) : formatCount(steps.inFlight);
  return (
    <Panel
      title="Checkouts in flight"
      note={`${shown} now, by step`}
      action={<Link href="/orders?status=pending">Open these orders</Link>}
    >
      <div className={styles.flow}>
        {steps.straight.map(({ step, count: at, medianMs }) => (
          <div key={step} className={styles.step}>
            <Link href={`/orders?status=pending&step=${step}`}>
              <span className={styles.name}>{formatStep(step)}</span>
              <span className={styles.count}>{formatCount(at)}</span>
            </Link>
            <span className={styles.track} aria-hidden>
              <span className={styles.fill} style={{ width: `${(100 * at) / most}%` }} />
            </span>
            <p className={styles.median}>
              {step === 'reserve-stock' && 'in the request, '}
              {medianMs === null ? 'no median yet' : `median ${formatDuration(medianMs)}`}
            </p>
            <ArrowRight size={14} className={styles.arrow} aria-hidden />
          </div>
        ))}
        <div className={styles.step}>
          <span className={styles.name}>Off track</span>
          <div className={styles.off}>
            {offTrack(steps).map(({ badge, href, value }) => (
              <Link key={href} href={href} className={styles.left}>
                <Badge plain badge={badge} /> <b>{value}</b>
              </Link>
            ))}
          </div>
        </div>
      </div>
    </Panel>
  );
}

const offTrack = (steps: Steps) => [
  {
    badge: badgeStyle('payment', 'unknown'),
    href: '/orders?paymentStatus=unknown',
    value: formatCount(steps.unknown),
  },
  {
    badge: badgeStyle('saga', 'compensating'),
    href: '/orders?sagaStatus=compensating',
    value: formatCount(steps.compensating),
  },
  { badge: badgeStyle('saga', 'stuck'), href: '/orders?sagaStatus=stuck', value: formatCount(steps.stuck) },
  {
    badge: badgeStyle('payment', 'declined'),
    href: '/orders?status=rejected',
    value: formatRate(steps.declinedPerSecond),
  },
  {
    badge: badgeStyle('reservation', 'expired'),
    href: '/reservations?status=expired',
    value: formatRate(steps.expiredPerSecond),
  },
];
