import { X } from 'lucide-react';
import { useState } from 'react';
import { formatUpTo } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import styles from './filters.module.css';

/** The filters of a list. They are kept in the URL, so that every view can be shared. */
export function Filters({ children }: { children: React.ReactNode }) {
  return (
    <div className={styles.filters} role="group" aria-label="Filters">
      {children}
    </div>
  );
}

export interface Option {
  value: string;
  label: string;
  count?: number | null;
}

interface StatusFilterProps {
  label: string;
  options: readonly Option[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}

/** Several values at once. */
export function StatusFilter({ label, options, chosen, onChange }: StatusFilterProps) {
  const toggle = (value: string): void =>
    onChange(chosen.includes(value) ? chosen.filter((other) => other !== value) : [...chosen, value]);
  return (
    <div className={styles.segments} role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          className={styles.segment}
          aria-pressed={chosen.includes(option.value)}
          onClick={() => toggle(option.value)}
        >
          <SegmentText option={option} />
        </button>
      ))}
    </div>
  );
}

interface SegmentsProps {
  label: string;
  options: readonly Option[];
  value: string;
  onChange: (value: string) => void;
}

/** One of a few options. */
export function Segments({ label, options, value, onChange }: SegmentsProps) {
  return (
    <div className={styles.segments} role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          className={styles.segment}
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          <SegmentText option={option} />
        </button>
      ))}
    </div>
  );
}

function SegmentText({ option: { label, count } }: { option: Option }) {
  return (
    <>
      {label}
      {count !== undefined && count !== null && <span className={styles.number}>{formatUpTo(count)}</span>}
    </>
  );
}

interface TextFilterProps {
  label: string;
  value: string | null;
  onChange: (value: string | null) => void;
  placeholder?: string;
}

/** A dashed chip that becomes a text field, and a solid chip once it has a value. */
export function TextFilter({ label, value, onChange, placeholder }: TextFilterProps) {
  const [typing, setTyping] = useState(false);
  // Keyboard users continue from the chip that replaced the field.
  const [wasTyping, setWasTyping] = useState(false);
  if (value !== null) {
    return (
      <button
        key="set"
        type="button"
        autoFocus={wasTyping}
        className={classes(styles.chip, styles.set)}
        onClick={() => onChange(null)}
        aria-label={`${label} ${value}, remove`}
        title={value}
      >
        {label} <span className={styles.value}>{value}</span>
        <X size={13} aria-hidden />
      </button>
    );
  }
  if (!typing) {
    return (
      <button
        key="chip"
        type="button"
        autoFocus={wasTyping}
        className={styles.chip}
        onClick={() => setTyping(true)}
      >
        {label}
      </button>
    );
  }
  const end = (byKey: boolean): void => {
    setWasTyping(byKey);
    setTyping(false);
  };
  return <Typing label={label} placeholder={placeholder} onChange={onChange} onEnd={end} />;
}

function Typing({
  label,
  placeholder,
  onChange,
  onEnd,
}: Omit<TextFilterProps, 'value'> & { onEnd: (byKey: boolean) => void }) {
  const [text, setText] = useState('');
  const end = (byKey: boolean): void => {
    onEnd(byKey);
    if (text.trim() !== '') onChange(text.trim());
  };
  return (
    <form
      className={styles.typing}
      onSubmit={(event) => {
        event.preventDefault();
        end(true);
      }}
    >
      <label>
        {label}{' '}
        <input
          // The user opened it, so the cursor belongs in it.
          autoFocus
          value={text}
          placeholder={placeholder}
          onChange={(event) => setText(event.target.value)}
          onBlur={() => end(false)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') onEnd(true);
          }}
        />
      </label>
    </form>
  );
}

interface ToggleFilterProps {
  label: string;
  on: boolean;
  onChange: (on: boolean) => void;
}

export function ToggleFilter({ label, on, onChange }: ToggleFilterProps) {
  return (
    <button
      type="button"
      className={classes(styles.chip, on && styles.set)}
      aria-pressed={on}
      onClick={() => onChange(!on)}
    >
      {label}
      {on && <X size={13} aria-hidden />}
    </button>
  );
}

interface PickerProps {
  label: string;
  /** The options explain themselves; the label is for screen readers only. */
  labelUnseen?: boolean;
  options: readonly Option[];
  value: string;
  onChange: (value: string) => void;
}

/** One of many options. */
export function Picker({ label, labelUnseen, options, value, onChange }: PickerProps) {
  return (
    <label className={styles.picker}>
      <span className={labelUnseen ? 'unseen' : undefined}>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}
