import { useState } from 'react';
import { type BadgeStyle, badgeStyle, type StatusKind } from '../../formatting/statuses';
import { classes } from '../../theme/classes';
import { Shape } from './shape';
import styles from './badge.module.css';

interface BadgeProps {
  kind: StatusKind;
  status: string;
  /** Says more than the word alone: "Stuck at capture-payment". */
  text?: string;
  /** Shape and word without the tint. */
  plain?: boolean;
}

/** What state a thing is in. */
export function StatusBadge({ kind, status, text, plain }: BadgeProps) {
  return <Badge look={badgeStyle(kind, status)} text={text} plain={plain} />;
}

/** The same for what is no status of the API: "Sold out". */
export function Badge({ look, text, plain }: { look: BadgeStyle; text?: string; plain?: boolean }) {
  const changes = useChanges(`${look.shape} ${look.tone}`);
  return (
    <span
      key={changes}
      className={classes(
        styles.badge,
        styles[look.tone],
        plain && styles.plain,
        changes > 0 && styles.changed,
      )}
    >
      <Shape name={look.shape} />
      <span className={styles.word}>{text ?? look.label}</span>
    </span>
  );
}

/** How often the state has changed under the reader's eyes: each change is shown once, by a short flash. */
function useChanges(state: string): number {
  const [seen, setSeen] = useState({ state, changes: 0 });
  if (seen.state !== state) setSeen({ state, changes: seen.changes + 1 });
  return seen.changes;
}

/** No unit of it can be promised now. */
export function SoldOutBadge() {
  return <Badge look={{ shape: 'none', tone: 'grey', label: 'Sold out' }} />;
}
