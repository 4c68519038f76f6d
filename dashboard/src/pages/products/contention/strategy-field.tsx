import type { StrategyMeasurement } from '../../../api/openapi';
import { YTicks } from '../../../components/charts/plot';
import { formatDuration } from '../../../formatting/durations';
import { formatPercent } from '../../../formatting/numbers';
import { strategyStyle } from '../../../formatting/strategies';
import { classes } from '../../../theme/classes';
import { fieldOf } from './field-scale';
import styles from './strategy-field.module.css';

interface StrategyFieldProps {
  measured: readonly StrategyMeasurement[];
  /** The current strategy. */
  current: string;
}

/** One point per strategy at its last measurement: conflicts to the right, waits upwards. Lower left is better. */
export function StrategyField({ measured, current }: StrategyFieldProps) {
  const { points, xTicks, yTicks } = fieldOf(measured);
  const values = measured
    .map(
      ({ strategy, lockWaitMs, conflictRate }) =>
        `${strategy}: ${formatDuration(lockWaitMs.p99)}, ${formatPercent(conflictRate)}`,
    )
    .join('; ');
  return (
    <div className={styles.field} role="img" aria-label={`Lock wait p99 and conflict rate. ${values}`}>
      <p className={styles.yName}>↑ lock wait p99</p>
      <div className={styles.box}>
        <YTicks ticks={yTicks} />
        {xTicks.map(({ at, label }) => (
          <span key={at} className={styles.x} style={{ left: `${at * 100}%` }}>
            {label}
          </span>
        ))}
        {points.map(({ strategy, x, y, leftward }) => (
          <span
            key={strategy}
            className={classes(
              styles.point,
              leftward && styles.leftward,
              strategy === current && styles.current,
            )}
            style={{ left: `${x * 100}%`, bottom: `${y * 100}%` }}
          >
            <i style={{ background: strategyStyle(strategy).colour }} />
            <span>
              {strategy}
              {strategy === current ? ', now' : ''}
            </span>
          </span>
        ))}
      </div>
      <p className={styles.xName}>conflict rate →</p>
    </div>
  );
}
