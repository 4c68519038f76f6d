import { useId } from 'react';
import { classes } from '../../theme/classes';
import styles from './panel.module.css';

interface PanelProps {
  title?: React.ReactNode;
  note?: React.ReactNode;
  action?: React.ReactNode;
  /** Without padding, for tables and lists that reach the edge. */
  flush?: boolean;
  id?: string;
  className?: string;
  children: React.ReactNode;
}

/** A titled card, so that a page can be read by its headings. */
export function Panel({ title, note, action, flush, id, className, children }: PanelProps) {
  const titleId = useId();
  const head = title !== undefined;
  return (
    <section
      className={classes(styles.panel, className)}
      id={id}
      aria-labelledby={head ? titleId : undefined}
    >
      {head && (
        <header className={styles.head}>
          <h2 className={styles.title} id={titleId}>
            {title}
          </h2>
          {note !== undefined && <span className={styles.note}>{note}</span>}
          {action !== undefined && <div className={styles.action}>{action}</div>}
        </header>
      )}
      <div className={classes(styles.body, !head && styles.bare, flush && styles.flush)}>{children}</div>
    </section>
  );
}
