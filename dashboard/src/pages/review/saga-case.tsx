import { useRef, useState } from 'react';
import { newKey } from '../../api/client';
import { useCanAct } from '../../api/live';
import { type Problem, toProblem } from '../../api/problem';
import type { ReviewCase, SagaOptions } from '../../api/openapi';
import { useApi } from '../../api/use-api';
import { useKeys } from '../../browser/key-presses';
import { ProblemMessage } from '../../components/dialogs/confirm-dialog';
import { useAnnounce } from '../../components/feedback/announcer';
import { Button } from '../../components/forms/button';
import { CountField, countTrouble, ReasonField, reasonTrouble } from '../../components/forms/field';
import { LoadError, Loading } from '../../components/layout/states';
import { formatMoney } from '../../formatting/money';
import {
  confirmedBy,
  formatAction,
  type SagaAction,
  sendAction,
  useActionDone,
} from '../orders/saga-actions';
import { Choices } from './choices';
import { ProviderTable } from './provider-table';
import styles from './saga-case.module.css';

/** The server asks the provider at most this often. */
const askedEveryMs = 10_000;

interface SagaCaseProps {
  one: ReviewCase;
  onSettled: () => void;
}

/** Our record beside the provider's, the three actions with their effects, a reason, and one button. */
export function SagaCase({ one, onSettled }: SagaCaseProps) {
  const {
    data: options,
    at,
    error,
    refetch,
  } = useApi<SagaOptions>(`orders/${one.orderId}/saga/options`, {
    refetchMs: askedEveryMs,
  });
  if (error && !options) return <LoadError what="what the provider says" problem={error} retry={refetch} />;
  if (!options) return <Loading rows={6} />;
  return (
    <>
      <ProviderTable options={options} at={at} />
      <Decision one={one} options={options} onSettled={onSettled} />
    </>
  );
}

function Decision({ one, options, onSettled }: SagaCaseProps & { options: SagaOptions }) {
  // The recommended action is preselected; the user's own choice stays, whatever the provider says later.
  const [chosen, setChosen] = useState<SagaAction | null>(null);
  const action = chosen ?? options.suggested;
  const form = useDecision(one, action, onSettled);
  const reasonField = useRef<HTMLTextAreaElement>(null);
  const choose = (next: SagaAction) => {
    if (!options[next].possible) return;
    setChosen(next);
    reasonField.current?.focus();
  };
  const keyFor = (next: SagaAction) => (event: KeyboardEvent) => {
    event.preventDefault();
    choose(next);
  };
  useKeys({ r: keyFor('retry'), c: keyFor('compensate'), m: keyFor('resolve') });

  const { why } = useCanAct();
  const typed = action ? confirmedBy(action, options[action]) : undefined;
  const missing = action
    ? (reasonTrouble(form.reason) ?? countTrouble(form.typed, typed))
    : 'Choose an action first';
  return (
    <form className={styles.form} onSubmit={form.submit}>
      <Choices options={options} step={one.step} action={action} onChoose={setChosen} />
      <ReasonField ref={reasonField} value={form.reason} onChange={form.setReason} />
      {typed === undefined ? null : <CountField wanted={typed} value={form.typed} onChange={form.setTyped} />}
      {form.problem ? <ProblemMessage problem={form.problem} /> : null}
      <div>
        <Button
          type="submit"
          tone={action === 'retry' || !action ? 'primary' : 'danger'}
          busy={form.busy}
          off={why ?? missing}
        >
          {action ? formatButton(action, one, options) : 'Choose an action'}
        </Button>
      </div>
    </form>
  );
}

const asked: Record<string, string> = {
  'authorize-payment': 'authorization',
  'capture-payment': 'capture',
  'charge-payment': 'charge',
};

/** "Retry capture of € 516.00": the button says what it does. */
function formatButton(action: SagaAction, { step, moneyAtRisk }: ReviewCase, options: SagaOptions): string {
  const what = asked[step ?? ''];
  if (action === 'retry' && what && moneyAtRisk && !options.retry.refund)
    return `Retry ${what} of ${formatMoney(moneyAtRisk)}`;
  return formatAction(action, options[action]);
}

function useDecision({ id, orderId }: ReviewCase, action: SagaAction | null, onSettled: () => void) {
  const [key] = useState(newKey);
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const isSent = useRef(false);
  const done = useActionDone(orderId ?? id);
  const announce = useAnnounce();
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (!action || !orderId || isSent.current) return;
    isSent.current = true;
    setBusy(true);
    setProblem(undefined);
    sendAction(action, orderId, reason.trim(), `${key}-${action}`)
      .then((saga) => {
        done(action, saga);
        announce('Done. The next case is open.');
        onSettled();
      })
      .catch((error: unknown) => {
        isSent.current = false;
        setProblem(toProblem(error));
      })
      .finally(() => setBusy(false));
  };
  return { reason, setReason, typed, setTyped, problem, busy, submit };
}
