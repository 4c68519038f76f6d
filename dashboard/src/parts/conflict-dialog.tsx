import { useState } from 'react';
import type { Problem } from '../api/problem';
import { duration } from '../words/durations';
import { Refusal } from './act-dialog';
import { Button } from './button';
import styles from './conflict-dialog.module.css';
import { Modal } from './modal';

export interface ConflictField {
  name: string;
  label: string;
  now: React.ReactNode;
  yours: React.ReactNode;
}

interface ConflictDialogProps {
  open: boolean;
  onClose: () => void;
  /** Who was faster; null when that is not known. */
  who: string | null;
  /** Null when it is not known either. */
  agoSeconds: number | null;
  /** Only those that differ. */
  fields: readonly ConflictField[];
  onSave: (choice: Record<string, 'now' | 'yours'>) => void;
  busy?: boolean;
  /** Why the choice could not be saved. */
  problem?: Problem;
}

/** Somebody else changed the same thing first. Nothing is lost: each field that differs is decided by hand. */
export function ConflictDialog({
  open,
  onClose,
  who,
  agoSeconds,
  fields,
  onSave,
  busy,
  problem,
}: ConflictDialogProps) {
  const [choice, setChoice] = useState<Record<string, 'now' | 'yours'>>({});
  const chosen = (name: string): 'now' | 'yours' => choice[name] ?? 'now';
  const when = agoSeconds === null ? 'meanwhile' : `${duration(agoSeconds * 1000)} ago`;
  return (
    <Modal
      open={open}
      onClose={onClose}
      title={`${who ?? 'Somebody'} changed this ${when}`}
      note="Choose for each field what it is to be. Nothing has been saved yet."
      guarded={busy}
      wide
      foot={
        <>
          <Button onClick={onClose}>Leave it as it is now</Button>
          <Button
            tone="primary"
            busy={busy}
            onClick={() => onSave(Object.fromEntries(fields.map(({ name }) => [name, chosen(name)])))}
          >
            Save my choice
          </Button>
        </>
      }
    >
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Now</th>
            <th scope="col">Yours</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(({ name, label, ...values }) => (
            <tr key={name}>
              <th scope="row">{label}</th>
              {(['now', 'yours'] as const).map((side) => (
                <td key={side}>
                  <label className={styles.choice}>
                    <input
                      type="radio"
                      name={`conflict-${name}`}
                      aria-label={`${label}: ${side}`}
                      checked={chosen(name) === side}
                      onChange={() => setChoice({ ...choice, [name]: side })}
                    />
                    <span>{values[side]}</span>
                  </label>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {problem && <Refusal problem={problem} />}
    </Modal>
  );
}
