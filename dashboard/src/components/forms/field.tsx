import { useId, useState } from 'react';
import { formatCount } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import styles from './field.module.css';

interface FieldProps {
  label: React.ReactNode;
  hint?: React.ReactNode;
  /** Beside the field, and read with it. */
  error?: string | null;
  /** Over both columns of `Fields`. */
  wide?: boolean;
  /** Gets what ties the input to its label, hint and error. */
  children: (input: InputProps) => React.ReactNode;
}

interface InputProps {
  id: string;
  className: string | undefined;
  'aria-describedby': string | undefined;
  'aria-invalid': true | undefined;
}

/** A label, an input and what there is to say about it. */
export function Field({ label, hint, error, wide, children }: FieldProps) {
  const id = useId();
  const said = error ?? hint;
  return (
    <div className={classes(styles.field, wide && styles.wide)}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      {children({
        id,
        className: styles.input,
        'aria-describedby': said ? `${id}-said` : undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {said && (
        <p id={`${id}-said`} className={`${styles.below} ${error ? styles.error : ''}`}>
          {said}
        </p>
      )}
    </div>
  );
}

export const REASON_MIN = 3;
export const REASON_MAX = 500;

/** What is wrong with a reason; null when nothing is. The API asks the same. */
export function reasonTrouble(text: string): string | null {
  const length = text.trim().length;
  if (length < REASON_MIN) return `Say in a few words why. At least ${REASON_MIN} characters.`;
  return length > REASON_MAX ? `At most ${REASON_MAX} characters.` : null;
}

interface ReasonFieldProps {
  value: string;
  onChange: (value: string) => void;
  ref?: React.Ref<HTMLTextAreaElement>;
}

/** Why somebody does what they do: it is kept for ever, and it is what a colleague reads. */
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

/** What is wrong with a count that has to be typed in. Groups of digits may be typed with or without their spaces. */
export function countTrouble(text: string, wanted: number | undefined): string | null {
  const isSame = wanted === undefined || text.replaceAll(/[\s\u202f\u00a0]/g, '') === String(wanted);
  return isSame ? null : `Type ${formatCount(wanted)} first`;
}

interface CountFieldProps {
  wanted: number;
  value: string;
  onChange: (value: string) => void;
}

/** For acts that cannot be taken back and touch many: how many is typed by hand. */
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
