import { useState } from 'react';
import type { Problem } from '../../api/problem';
import { formatDuration } from '../../formatting/durations';
import { Button } from '../forms/button';
import { ProblemMessage } from './confirm-dialog';
import { Modal } from './modal';
import styles from './conflict-dialog.module.css';

type Side = 'now' | 'yours';

export interface ConflictField {
  name: string;
  label: string;
  now: React.ReactNode;
  yours: React.ReactNode;
  /** The user changed this field; if false, "yours" is just the value before the other change. */
  isMine: boolean;
}

interface ConflictDialogProps {
  open: boolean;
  onClose: () => void;
  /** Who saved first; null when unknown. */
  who: string | null;
  /** Null when unknown. */
  agoSeconds: number | null;
  /** Only the fields that differ. */
  fields: readonly ConflictField[];
  onSave: (choice: Record<string, Side>) => void;
  busy?: boolean;
  /** Why the choice could not be saved. */
  problem?: Problem;
}

/**
 * Someone else saved the same product first. The user's own changes are preselected field by field; fields that only
 * the other person changed keep the other person's value.
 */
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
  const [choice, setChoice] = useState<Record<string, Side>>({});
  const chosen = ({ name, isMine }: ConflictField) => choice[name] ?? (isMine ? 'yours' : 'now');
  const isAllNow = fields.every((field) => chosen(field) === 'now');
  const when = formatWhen(agoSeconds);
  return (
    <Modal
      open={open}
      onClose={onClose}
      title={`${who ?? 'Somebody'} changed this ${when}`}
      note="Your entries are kept. Choose a value for each field; nothing has been saved yet."
      guarded
      wide
      foot={
        <>
          <Button onClick={onClose}>Keep the current values</Button>
          <Button
            tone="primary"
            busy={busy}
            off={isAllNow ? 'No field is set to yours' : null}
            onClick={() => onSave(Object.fromEntries(fields.map((field) => [field.name, chosen(field)])))}
          >
            Save these values
          </Button>
        </>
      }
    >
      <FieldTable
        fields={fields}
        chosen={chosen}
        onChoose={(name, side) => setChoice({ ...choice, [name]: side })}
      />
      {problem && <ProblemMessage problem={problem} />}
    </Modal>
  );
}

function formatWhen(agoSeconds: number | null): string {
  if (agoSeconds === null) return 'while you were editing';
  return agoSeconds < 1 ? 'just now' : `${formatDuration(agoSeconds * 1000)} ago`;
}

interface FieldTableProps {
  fields: readonly ConflictField[];
  chosen: (field: ConflictField) => Side;
  onChoose: (name: string, side: Side) => void;
}

function FieldTable({ fields, chosen, onChoose }: FieldTableProps) {
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Now</th>
          <th scope="col">Yours</th>
        </tr>
      </thead>
      <tbody>
        {fields.map((field) => (
          <tr key={field.name}>
            <th scope="row">
              {field.label}
              {field.isMine ? null : <small>not changed by you</small>}
            </th>
            {(['now', 'yours'] as const).map((side) => (
              <td key={side}>
                <label className={styles.choice}>
                  <input
                    type="radio"
                    name={`conflict-${field.name}`}
                    aria-label={`${field.label}: ${side}`}
                    checked={chosen(field) === side}
                    onChange={() => onChoose(field.name, side)}
                  />
                  <span>{field[side]}</span>
                </label>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
