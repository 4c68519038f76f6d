import { Spark } from './spark';
import styles from './metric.module.css';

interface MetricProps {
  label: string;
  value: React.ReactNode;
  unit?: string;
  /** One fact that puts the number in context. */
  note?: React.ReactNode;
  spark?: readonly (number | null)[];
  sparkTone?: 'main' | 'amber';
}

/** A headline number with its label. */
export function Metric({ label, value, unit, note, spark, sparkTone }: MetricProps) {
  return (
    <div className={styles.metric}>
      <dt className={styles.label}>{label}</dt>
      <dd>
        <div className={styles.value}>
          {value}
          {unit !== undefined && <span className={styles.unit}>{unit}</span>}
        </div>
        <div className={styles.note}>{note ?? '\u00a0'}</div>
      </dd>
      {spark !== undefined && (
        <dd className={styles.spark} aria-hidden>
          <Spark values={spark} tone={sparkTone} />
        </dd>
      )}
    </div>
  );
}

export function Metrics({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <section aria-label={label}>
      <dl className={styles.metrics}>{children}</dl>
    </section>
  );
}
