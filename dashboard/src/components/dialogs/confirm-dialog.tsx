import { useEffect, useRef, useState } from 'react';
import { newKey } from '../../api/client';
import { useCanAct } from '../../api/live';
import { type Problem, toProblem } from '../../api/problem';
import { Button } from '../forms/button';
import { CountField, countTrouble, ReasonField, reasonTrouble } from '../forms/field';
import { Modal } from './modal';
import styles from './confirm-dialog.module.css';

interface ConfirmDialogProps<T> {
  open: boolean;
  onClose: () => void;
  /** The question, for example "Release 189 reservations of drop-042?" */
  title: React.ReactNode;
  note?: React.ReactNode;
  /** What ends, what comes back, whose money moves. */
  numbers?: readonly { value: React.ReactNode; label: string }[];
  /** Sentences and fields between the numbers and the reason. */
  children?: React.ReactNode;
  /** A number the user must type, for actions that affect many things and cannot be undone. */
  typed?: number;
  reason?: boolean;
  /** The safe choice, named after what it keeps: "Keep them". */
  keep: string;
  /** What the button does, with its number: "Release 189 reservations". */
  action: string;
  tone?: 'danger' | 'primary';
  /** False while the fields in `children` are not valid. */
  ready?: boolean;
  /** Something was typed in `children`. */
  dirty?: boolean;
  /** Sends the request. Each opened dialog has one idempotency key, so a second press or a resend changes nothing. */
  send: (reason: string, key: string) => Promise<T>;
  onDone?: (answer: T) => void;
  /** The next step to suggest after an error. */
  next?: (problem: Problem) => React.ReactNode;
}

/** The dialog behind every action: numbers, reason, idempotency key, and the API's own words if it refuses. */
export function ConfirmDialog<T>(props: ConfirmDialogProps<T>) {
  // Each opening starts fresh: key, reason and error are not kept.
  return props.open ? <OpenDialog {...props} /> : null;
}

function OpenDialog<T>(props: ConfirmDialogProps<T>) {
  const {
    onClose,
    title,
    note,
    numbers,
    children,
    typed,
    keep,
    action: act,
    tone = 'danger',
    ready = true,
  } = props;
  const form = useSubmit(props);
  const { reason: asksReason = true } = props;
  const { why } = useCanAct();
  const field = useRef<HTMLTextAreaElement>(null);
  const missing =
    (asksReason ? reasonTrouble(form.reason) : null) ??
    countTrouble(form.count, typed) ??
    (ready ? null : 'Fill in the fields above first');
  const dirty = props.dirty === true || form.reason !== '' || form.count !== '';
  return (
    <Modal
      open
      onClose={onClose}
      title={title}
      note={note}
      guarded={dirty || form.busy}
      initialFocus={asksReason && children === undefined ? field : undefined}
      foot={
        <>
          <Button onClick={onClose}>{keep}</Button>
          <Button type="submit" form={form.id} tone={tone} busy={form.busy} off={why ?? missing}>
            {act}
          </Button>
        </>
      }
    >
      <form id={form.id} className={styles.form} onSubmit={form.submit}>
        {numbers && <Numbers numbers={numbers} />}
        {children !== undefined && <div className={styles.notes}>{children}</div>}
        {asksReason && <ReasonField ref={field} value={form.reason} onChange={form.setReason} />}
        {typed !== undefined && <CountField wanted={typed} value={form.count} onChange={form.setCount} />}
        {form.problem && <ProblemMessage problem={form.problem} next={props.next?.(form.problem)} />}
      </form>
    </Modal>
  );
}

function useSubmit<T>({ send, onDone, onClose }: ConfirmDialogProps<T>) {
  const [key] = useState(newKey);
  const [reason, setReason] = useState('');
  const [count, setCount] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const there = useRef(true);
  useEffect(() => {
    there.current = true;
    return () => void (there.current = false);
  }, []);
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    send(reason.trim(), key)
      .then((answer) => {
        onDone?.(answer);
        if (there.current) onClose();
      })
      .catch((error: unknown) => setProblem(toProblem(error)))
      .finally(() => setBusy(false));
  };
  return { id: `act-${key}`, reason, setReason, count, setCount, problem, busy, submit };
}

function Numbers({ numbers }: { numbers: readonly { value: React.ReactNode; label: string }[] }) {
  return (
    <dl className={styles.numbers}>
      {numbers.map(({ value, label }) => (
        <div key={label} className={`${styles.number} ${styles.column}`}>
          <dt className={styles.name}>{label}</dt>
          <dd className={styles.value}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Shows an error where the action was tried, in the API's words. */
export function ProblemMessage({ problem, next }: { problem: Problem; next?: React.ReactNode }) {
  return (
    <div className={styles.refusal} role="alert">
      <b>{problem.status === 403 ? 'Not allowed.' : 'This was not done.'}</b> {problem.detail}
      {next !== undefined && <> {next}</>}
      {problem.requestId !== null && <p className={styles.name}>request {problem.requestId}</p>}
    </div>
  );
}
