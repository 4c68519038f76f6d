import { useState } from 'react';
import { classes } from '../look/classes';
import { type Kind, type Look, lookOf } from '../words/statuses';
import styles from './badge.module.css';
import { Shape } from './shape';

interface BadgeProps {
  kind: Kind;
  status: string;
  /** Says more than the word alone: "Stuck at capture-payment". */
  text?: string;
  /** Shape and word without the tint. */
  plain?: boolean;
}

/** What state a thing is in. */
export function Badge({ kind, status, text, plain }: BadgeProps) {
  return <LookBadge look={lookOf(kind, status)} text={text} plain={plain} />;
}

/** The same for what is no status of the API: "Sold out". */
export function LookBadge({ look, text, plain }: { look: Look; text?: string; plain?: boolean }) {
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
      <span className={styles.word}>{text ?? look.word}</span>
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
export function SoldOut() {
  return <LookBadge look={{ shape: 'none', tone: 'grey', word: 'Sold out' }} />;
}
