import type { Audit } from '../../api/openapi';
import { Id } from '../../components/values/figures';
import { hrefOfId } from '../../formatting/ids';
import { plural } from '../../formatting/numbers';
import styles from './promises-panel.module.css';

/** The number of rows shown per promise; with more, the cause is not in single rows. */
const ROWS_MAX = 10;

/** The rows that violate an invariant, each linked to its object. */
export function Violations({ audit }: { audit: Audit }) {
  return (
    <div className={styles.violations}>
      {audit.invariants
        .filter(({ violations }) => violations.length > 0)
        .map(({ id, promise, violations }) => (
          <section key={id} aria-label={`${id} is broken`}>
            <h3>
              {id}: {promise}
            </h3>
            {violations.slice(0, ROWS_MAX).map((row, at) => (
              <div key={at} className={styles.violation}>
                {Object.entries(row).map(([name, value]) => (
                  <span key={name}>
                    <span className={styles.name}>{name.replaceAll('_', ' ')}</span>{' '}
                    <Value name={name} value={value} />
                  </span>
                ))}
              </div>
            ))}
            {violations.length > ROWS_MAX && <p>and {plural(violations.length - ROWS_MAX, 'row')} more</p>}
          </section>
        ))}
    </div>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (name === 'sku') return <Id id={text} full href={`/products/${encodeURIComponent(text)}`} />;
  const href = hrefOfId(text);
  return href === null ? <code>{text}</code> : <Id id={text} href={href} />;
}
