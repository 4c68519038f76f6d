import { ArrowRight } from 'lucide-react';
import { Link } from 'wouter';
import type { Steps } from '../../api/shapes/overview';
import { Panel } from '../../components/layout/panel';
import { Badge } from '../../components/values/badge';
import { formatDuration } from '../../formatting/durations';
import { formatCount, formatRate, formatUpTo } from '../../formatting/numbers';
import { type BadgeStyle, badgeStyle } from '../../formatting/statuses';
import styles from './flow-panel.module.css';

/** Where checkouts are at this moment, in the order in which they go, and who left the straight path. */
export function FlowPanel({ steps }: { steps: Steps }) {
  const most = Math.max(1, steps.inFlight);
  const shown = steps.capped ? formatUpTo(steps.inFlight, steps.inFlight) : formatCount(steps.inFlight);
  return (
    <Panel
      title="Checkouts in flight"
      note={`${shown} now, by the step they are at`}
      action={<Link href="/orders?status=pending">Open these orders</Link>}
    >
      <div className={styles.flow}>
        {steps.straight.map(({ step, count: at, medianMs }) => (
          <div key={step} className={styles.step}>
            <Link href={`/orders?status=pending&step=${step}`}>
              <span className={styles.name}>{step}</span>
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
          <span className={styles.name}>Left the straight path</span>
          <div className={styles.off}>
            <Left
              look={badgeStyle('payment', 'unknown')}
              href="/orders?paymentStatus=unknown"
              value={formatCount(steps.unknown)}
            />
            <Left
              look={badgeStyle('saga', 'compensating')}
              href="/orders?sagaStatus=compensating"
              value={formatCount(steps.compensating)}
            />
            <Left
              look={badgeStyle('saga', 'stuck')}
              href="/orders?sagaStatus=stuck"
              value={formatCount(steps.stuck)}
            />
            <Left
              look={badgeStyle('payment', 'declined')}
              href="/orders?status=rejected"
              value={formatRate(steps.declinedPerSecond)}
            />
            <Left
              look={badgeStyle('reservation', 'expired')}
              href="/reservations?status=expired"
              value={formatRate(steps.expiredPerSecond)}
            />
          </div>
        </div>
      </div>
    </Panel>
  );
}

function Left({ look, href, value }: { look: BadgeStyle; href: string; value: string }) {
  return (
    <Link href={href} className={styles.left}>
      <Badge plain look={look} /> <b>{value}</b>
    </Link>
  );
}
