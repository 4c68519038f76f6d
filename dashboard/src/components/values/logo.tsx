import styles from './logo.module.css';

/** The holdfast of a kelp: it keeps the plant on the rock. */
export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="7" className={styles.ground} />
      <path
        className={styles.plant}
        d="M16 5v22M9.5 8.5v3.2c0 3 2.6 4.8 6.5 5.6 3.9-.8 6.5-2.6 6.5-5.6V8.5M16 17.5c-1 3.6-3.2 6.2-6.8 8M16 17.5c1 3.6 3.2 6.2 6.8 8M16 21.5c-.3 2-1.1 3.9-2.7 5.7M16 21.5c.3 2 1.1 3.9 2.7 5.7"
      />
    </svg>
  );
}
