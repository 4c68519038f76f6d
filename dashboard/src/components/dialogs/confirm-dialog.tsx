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
  /** The question: "Release 189 reservations of drop-042?" */
  title: React.ReactNode;
  note?: React.ReactNode;
  /** What ends, what comes back, whose money moves. */
  numbers?: readonly { value: React.ReactNode; label: string }[];
  /** Sentences and fields between the numbers and the reason. */
  children?: React.ReactNode;
  /** A count that has to be typed in: for acts that cannot be taken back and touch many. */
  typed?: number;
  reason?: boolean;
  /** The safe way out, named by what it keeps: "Keep them". */
  keep: string;
  /** What the button does, with its number: "Release 189 reservations". */
  act: string;
  tone?: 'danger' | 'primary';
  /** False while the fields in `children` are not right yet. */
  ready?: boolean;
  /** Something was typed in `children`. */
  dirty?: boolean;
  /** Sends it. One key for each opened dialog, so that a second press or a resend changes nothing twice. */
  send: (reason: string, key: string) => Promise<T>;
  onDone?: (answer: T) => void;
  /** The next step after a refusal. */
  next?: (problem: Problem) => React.ReactNode;
}

/** Everything that changes something goes through here: numbers, reason, key, and a refusal in the API's own words. */
export function ConfirmDialog<T>(props: ConfirmDialogProps<T>) {
  // Nothing of one opening is left for the next: not its key, its reason, or its refusal.
  return props.open ? <OpenDialog {...props} /> : null;
}

function OpenDialog<T>(props: ConfirmDialogProps<T>) {
  const { onClose, title, note, numbers, children, typed, keep, act, tone = 'danger', ready = true } = props;
  const form = useSubmit(props);
  const { reason: asksReason = true } = props;
  const { why } = useCanAct();
  const field = useRef<HTMLTextAreaElement>(null);
  const missing =
    (asksReason ? reasonTrouble(form.reason) : null) ??
    countTrouble(form.count, typed) ??
    (ready ? null : 'Something above is not filled in yet');
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

/** A refusal stays where the act was tried, in the API's words. */
export function ProblemMessage({ problem, next }: { problem: Problem; next?: React.ReactNode }) {
  return (
    <div className={styles.refusal} role="alert">
      <b>{problem.status === 403 ? 'Not allowed.' : 'Not done.'}</b> {problem.detail}
      {next !== undefined && <> {next}</>}
      {problem.requestId !== null && <p className={styles.name}>request {problem.requestId}</p>}
    </div>
  );
}
