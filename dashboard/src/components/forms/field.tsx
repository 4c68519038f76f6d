import { useId, useState } from 'react';
import { formatCount } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import styles from './field.module.css';

interface FieldProps {
  label: React.ReactNode;
  hint?: React.ReactNode;
  /** Shown beside the field and read with it. */
  error?: string | null;
  /** Spans both columns of `Fields`. */
  wide?: boolean;
  /** Receives the attributes that tie the input to its label, hint and error. */
  children: (input: InputProps) => React.ReactNode;
}

interface InputProps {
  id: string;
  className: string | undefined;
  'aria-describedby': string | undefined;
  'aria-invalid': true | undefined;
}

/** A label, an input, and its hint or error. */
export function Field({ label, hint, error, wide, children }: FieldProps) {
  const id = useId();
  const message = error ?? hint;
  return (
    <div className={classes(styles.field, wide && styles.wide)}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      {children({
        id,
        className: styles.input,
        'aria-describedby': message ? `${id}-message` : undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {message && (
        <p id={`${id}-message`} className={`${styles.below} ${error ? styles.error : ''}`}>
          {message}
        </p>
      )}
    </div>
  );
}

export const REASON_MIN = 3;
export const REASON_MAX = 500;

/** The error of a reason, or null. The API has the same rule. */
export function reasonTrouble(text: string): string | null {
  const length = text.trim().length;
  if (length < REASON_MIN) return `Enter a reason of at least ${REASON_MIN} characters.`;
  return length > REASON_MAX ? `At most ${REASON_MAX} characters.` : null;
}

interface ReasonFieldProps {
  value: string;
  onChange: (value: string) => void;
  ref?: React.Ref<HTMLTextAreaElement>;
}

/** The reason for an action. It is kept forever in the audit log. */
export function ReasonField({ value, onChange, ref }: ReasonFieldProps) {
  const [left, setLeft] = useState(false);
  const trouble = reasonTrouble(value);
  return (
    <Field
      label="Reason, kept in the audit log"
      hint={`${value.trim().length} of ${REASON_MAX} characters. At least ${REASON_MIN}.`}
      error={left && value !== '' ? trouble : null}
    >
      {(input) => (
        <textarea
          {...input}
          ref={ref}
          rows={2}
          maxLength={REASON_MAX}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          onBlur={() => setLeft(true)}
        />
      )}
    </Field>
  );
}

/** The error of a typed confirmation number, or null. Thousands may be typed with or without spaces. */
export function countTrouble(text: string, wanted: number | undefined): string | null {
  const isSame = wanted === undefined || text.replaceAll(/[\s\u202f\u00a0]/g, '') === String(wanted);
  return isSame ? null : `Type ${formatCount(wanted)} first`;
}

interface CountFieldProps {
  wanted: number;
  value: string;
  onChange: (value: string) => void;
}

/** For actions that affect many things and cannot be undone: the number is typed by hand. */
export function CountField({ wanted, value, onChange }: CountFieldProps) {
  return (
    <div className={styles.count}>
      <Field label={`Type ${formatCount(wanted)} to confirm`}>
        {(input) => (
          <input
            {...input}
            inputMode="numeric"
            autoComplete="off"
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        )}
      </Field>
    </div>
  );
}

/** Fields in two columns. */
export const Fields = ({ children }: { children: React.ReactNode }) => (
  <div className={styles.fields}>{children}</div>
);
