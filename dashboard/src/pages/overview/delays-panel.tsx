import type { Delay, Delays } from '../../api/openapi';
import { Panel } from '../../components/layout/panel';
import { formatAge, formatSeconds } from '../../formatting/durations';
import { NBSP } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import styles from './delays-panel.module.css';

const gauges: readonly { name: keyof Delays; label: string; limit: 'promise' | 'alarm at' }[] = [
  { name: 'expiry', label: 'Expired, not yet released', limit: 'promise' },
  { name: 'outbox', label: 'Oldest outbox message', limit: 'alarm at' },
  { name: 'sagaPastDue', label: 'Overdue checkout', limit: 'alarm at' },
  { name: 'unknownPayment', label: 'Oldest unknown payment', limit: 'alarm at' },
  { name: 'webhook', label: 'Webhook processing delay', limit: 'alarm at' },
];

/** The position of the limit on its track, which leaves room beyond it. */
const LIMIT_AT = 80;

/** Delays against their limits. */
export function DelaysPanel({ delays }: { delays: Delays }) {
  return (
    <Panel title="Delays" note="mark = promised limit or alarm threshold">
      <dl>
        {gauges.map(({ name, label, limit }) => (
          <Gauge key={name} label={label} limit={limit} delay={delays[name]} />
        ))}
      </dl>
    </Panel>
  );
}

/** Limits are round numbers and written as such. */
const whole = (limit: number): string => (limit <= 60 ? `${limit}${NBSP}s` : formatSeconds(limit));

function Gauge({ label, limit, delay }: { label: string; limit: string; delay: Delay }) {
  const share = delay.seconds / delay.limitSeconds;
  const state = share > 1 ? 'over' : share >= 0.6 ? 'near' : 'fine';
  return (
    <div className={classes(styles.row, state !== 'fine' && styles[state])} data-state={state}>
      <dt>
        {label}
        <p className={classes(styles.note, styles.state)}>
          {state === 'over' ? 'over the ' : state === 'near' ? 'near the ' : ''}
          {limit} {whole(delay.limitSeconds)}
        </p>
      </dt>
      <dd className={styles.track} aria-hidden>
        <div className={styles.fill} style={{ width: `${Math.min(100, share * LIMIT_AT)}%` }} />
        <span className={styles.tick} />
      </dd>
      <dd className={styles.figure}>{delay.seconds === 0 ? '0' : formatAge(delay.seconds)}</dd>
    </div>
  );
}
