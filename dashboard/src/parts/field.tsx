import { useId, useState } from 'react';
import styles from './field.module.css';

interface FieldProps {
  label: React.ReactNode;
  hint?: React.ReactNode;
  /** Beside the field, and read with it. */
  error?: string | null;
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
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const said = error ?? hint;
  return (
    <div className={styles.field}>
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
