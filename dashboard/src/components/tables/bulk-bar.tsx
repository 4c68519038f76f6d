import styles from './bulk-bar.module.css';

interface BulkBarProps {
  /** What is chosen, in numbers: "3 selected, 4 units". */
  text: React.ReactNode;
  /** Buttons; the last is the act. */
  children: React.ReactNode;
}

/** Floats over the page while rows are chosen, so that the act is at hand wherever the list is scrolled to. */
export function BulkBar({ text, children }: BulkBarProps) {
  return (
    <div className={styles.bar} role="toolbar" aria-label="What to do with the chosen rows">
      <span>{text}</span>
      {children}
    </div>
  );
}
