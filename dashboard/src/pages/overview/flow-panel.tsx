import { ArrowRight } from 'lucide-react';
import { Link } from 'wouter';
import type { Steps } from '../../api/shapes/overview';
import { LookBadge } from '../../parts/badge';
import { Panel } from '../../parts/panel';
import { duration } from '../../words/durations';
import { count, rate, upTo } from '../../words/numbers';
import { type Look, lookOf } from '../../words/statuses';
import styles from './flow-panel.module.css';

/** Where checkouts are at this moment, in the order in which they go, and who left the straight path. */
export function FlowPanel({ steps }: { steps: Steps }) {
  const most = Math.max(1, steps.inFlight);
  const shown = steps.capped ? upTo(steps.inFlight, steps.inFlight) : count(steps.inFlight);
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
              <span className={styles.count}>{count(at)}</span>
            </Link>
            <span className={styles.track} aria-hidden>
              <span className={styles.fill} style={{ width: `${(100 * at) / most}%` }} />
            </span>
            <p className={styles.median}>
              {step === 'reserve-stock' && 'in the request, '}
              {medianMs === null ? 'no median yet' : `median ${duration(medianMs)}`}
            </p>
            <ArrowRight size={14} className={styles.arrow} aria-hidden />
          </div>
        ))}
        <div className={styles.step}>
          <span className={styles.name}>Left the straight path</span>
          <div className={styles.off}>
            <Left
              look={lookOf('payment', 'unknown')}
              href="/orders?paymentStatus=unknown"
              value={count(steps.unknown)}
            />
            <Left
              look={lookOf('saga', 'compensating')}
              href="/orders?sagaStatus=compensating"
              value={count(steps.compensating)}
            />
            <Left look={lookOf('saga', 'stuck')} href="/orders?sagaStatus=stuck" value={count(steps.stuck)} />
            <Left
              look={lookOf('payment', 'declined')}
              href="/orders?status=rejected"
              value={rate(steps.declinedPerSecond)}
            />
            <Left
              look={lookOf('reservation', 'expired')}
              href="/reservations?status=expired"
              value={rate(steps.expiredPerSecond)}
            />
          </div>
        </div>
      </div>
    </Panel>
  );
}

function Left({ look, href, value }: { look: Look; href: string; value: string }) {
  return (
    <Link href={href} className={styles.left}>
      <LookBadge plain look={look} /> <b>{value}</b>
    </Link>
  );
}
