import { useState } from 'react';
import { type BadgeStyle, badgeStyle, type StatusKind } from '../../formatting/statuses';
import { classes } from '../../theme/classes';
import { Shape } from './shape';
import styles from './badge.module.css';

interface BadgeProps {
  kind: StatusKind;
  status: string;
  /** Overrides the label: "Stuck at capture-payment". */
  text?: string;
  /** Without the background. */
  plain?: boolean;
}

/** The status of an object. */
export function StatusBadge({ kind, status, text, plain }: BadgeProps) {
  return <Badge badge={badgeStyle(kind, status)} text={text} plain={plain} />;
}

/** A badge with its own style and label, for what is not an API status: "Sold out". */
export function Badge({ badge, text, plain }: { badge: BadgeStyle; text?: string; plain?: boolean }) {
  const changes = useChanges(`${badge.shape} ${badge.tone}`);
  return (
    <span
      key={changes}
      className={classes(
        styles.badge,
        styles[badge.tone],
        plain && styles.plain,
        changes > 0 && styles.changed,
      )}
    >
      <Shape name={badge.shape} />
      <span className={styles.word}>{text ?? badge.label}</span>
    </span>
  );
}

/** Counts the changes while it is on screen; each one flashes once. */
function useChanges(state: string): number {
  const [seen, setSeen] = useState({ state, changes: 0 });
  if (seen.state !== state) setSeen({ state, changes: seen.changes + 1 });
  return seen.changes;
}

/** No unit is available. */
export function SoldOutBadge() {
  return <Badge badge={{ shape: 'none', tone: 'grey', label: 'Sold out' }} />;
}
