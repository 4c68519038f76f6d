import type { Returning } from '../../api/openapi';
import { formatCount, plural } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import styles from './expiring-stock-chart.module.css';

/** The number of 10 s bars in the first minute. */
const soon = 6;
const minutes = [2, 4, 6, 8, 10];

/** Units that would expire per 10 s in the next 10 min, if no one pays. */
export function ExpiringStockChart({ returning: { units, withinMinute } }: { returning: Returning }) {
  const top = Math.max(1, ...units);
  const total = units.reduce((sum, part) => sum + part, 0);
  const label =
    `${plural(withinMinute, 'unit comes', 'units come')} back within 60 s, ` +
    `${plural(total, 'unit')} within 10 min, if no one pays`;
  return (
    <figure className={styles.chart}>
      <div className={styles.bars} role="img" aria-label={label}>
        {units.map((part, nth) => (
          <span
            key={nth}
            className={classes(styles.bar, nth < soon && styles.soon)}
            style={{ height: part === 0 ? 0 : `max(2px, ${(100 * part) / top}%)` }}
            title={`${plural(part, 'unit')}, ${nth * 10} to ${nth * 10 + 10} s from now`}
          />
        ))}
      </div>
      <div className={styles.axis} aria-hidden="true">
        <span>now</span>
        {minutes.map((minute) => (
          <span key={minute} style={{ left: `${minute * 10}%` }}>
            {minute} min
          </span>
        ))}
      </div>
      <HiddenTable units={units} />
    </figure>
  );
}

/** The same per minute, for screen readers: sixty numbers would be too many. */
function HiddenTable({ units }: { units: readonly number[] }) {
  return (
    <table className="unseen">
      <caption>Expiring units per minute</caption>
      <tbody>
        {Array.from({ length: 10 }, (_, minute) => (
          <tr key={minute}>
            <th scope="row">
              {minute} to {minute + 1} min
            </th>
            <td>
              {formatCount(units.slice(minute * 6, minute * 6 + 6).reduce((sum, part) => sum + part, 0))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
