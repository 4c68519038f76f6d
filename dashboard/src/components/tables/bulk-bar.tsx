import styles from './bulk-bar.module.css';

interface BulkBarProps {
  /** The selection in numbers: "3 selected, 4 units". */
  text: React.ReactNode;
  /** Buttons; the last one is the action. */
  children: React.ReactNode;
}

/** A bar that floats over the page while rows are selected, so that the action is always in reach. */
export function BulkBar({ text, children }: BulkBarProps) {
  return (
    <div className={styles.bar} role="toolbar" aria-label="Actions for the selected rows">
      <span>{text}</span>
      {children}
    </div>
  );
}
