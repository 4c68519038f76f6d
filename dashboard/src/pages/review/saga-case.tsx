import { useRef, useState } from 'react';
import { newKey } from '../../api/client';
import { useMayAct } from '../../api/live';
import { type Problem, asProblem } from '../../api/problem';
import type { ReviewCase } from '../../api/shapes/review';
import type { SagaOptions } from '../../api/shapes/sagas';
import { useApi } from '../../api/use-api';
import { useKeys } from '../../look/key-presses';
import { Refusal } from '../../parts/act-dialog';
import { useAnnounce } from '../../parts/announce';
import { Button } from '../../parts/button';
import { CountField, ReasonField, countTrouble, reasonTrouble } from '../../parts/field';
import { Loading, Trouble } from '../../parts/states';
import { money } from '../../words/money';
import { type SagaAct, actWords, confirmedBy, sendAct, useActDone } from '../orders/saga-acts';
import { Choices } from './choices';
import { ProviderTable } from './provider-table';
import styles from './saga-case.module.css';

/** The provider is asked by the server, at most this often. */
const askedEveryMs = 10_000;

interface SagaCaseProps {
  one: ReviewCase;
  onSettled: () => void;
}

/** Our record beside the provider's, three choices with what each would move, a reason, and one button. */
export function SagaCase({ one, onSettled }: SagaCaseProps) {
  const {
    data: options,
    at,
    trouble,
    again,
  } = useApi<SagaOptions>(`orders/${one.orderId}/saga/options`, {
    refetchMs: askedEveryMs,
  });
  if (trouble && !options) return <Trouble what="what the provider says" problem={trouble} again={again} />;
  if (!options) return <Loading rows={6} />;
  return (
    <>
      <ProviderTable options={options} at={at} />
      <Decision one={one} options={options} onSettled={onSettled} />
    </>
  );
}

function Decision({ one, options, onSettled }: SagaCaseProps & { options: SagaOptions }) {
  // What is plainly right is chosen beforehand; what a person chose stays, whatever the provider says later.
  const [chosen, setChosen] = useState<SagaAct | null>(null);
  const act = chosen ?? options.suggested;
  const form = useDecision(one, act, onSettled);
  const reasonField = useRef<HTMLTextAreaElement>(null);
  const choose = (next: SagaAct) => {
    if (!options[next].possible) return;
    setChosen(next);
    reasonField.current?.focus();
  };
  const keyFor = (next: SagaAct) => (event: KeyboardEvent) => {
    event.preventDefault();
    choose(next);
  };
  useKeys({ r: keyFor('retry'), c: keyFor('compensate'), m: keyFor('resolve') });

  const { why } = useMayAct();
  const typed = act ? confirmedBy(act, options[act]) : undefined;
  const missing = act
    ? (reasonTrouble(form.reason) ?? countTrouble(form.typed, typed))
    : 'Choose one of the three first';
  return (
    <form className={styles.form} onSubmit={form.submit}>
      <Choices options={options} step={one.step} act={act} onChoose={setChosen} />
      <ReasonField ref={reasonField} value={form.reason} onChange={form.setReason} />
      {typed === undefined ? null : <CountField wanted={typed} value={form.typed} onChange={form.setTyped} />}
      {form.problem ? <Refusal problem={form.problem} /> : null}
      <div>
        <Button
          type="submit"
          tone={act === 'retry' || !act ? 'primary' : 'danger'}
          busy={form.busy}
          off={why ?? missing}
        >
          {act ? pressWords(act, one, options) : 'Choose one of the three'}
        </Button>
      </div>
    </form>
  );
}

const asked: Record<string, string> = { 'authorize-payment': 'authorization', 'capture-payment': 'capture' };

/** "Retry capture of € 516.00": the button repeats the act. */
function pressWords(act: SagaAct, { step, moneyAtRisk }: ReviewCase, options: SagaOptions): string {
  const what = asked[step ?? ''];
  if (act === 'retry' && what && moneyAtRisk) return `Retry ${what} of ${money(moneyAtRisk)}`;
  return actWords(act, options[act]);
}

function useDecision({ id, orderId }: ReviewCase, act: SagaAct | null, onSettled: () => void) {
  const [key] = useState(newKey);
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const isSent = useRef(false);
  const done = useActDone(orderId ?? id);
  const announce = useAnnounce();
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (!act || !orderId || isSent.current) return;
    isSent.current = true;
    setBusy(true);
    setProblem(undefined);
    sendAct(act, orderId, reason.trim(), `${key}-${act}`)
      .then((saga) => {
        done(act, saga);
        announce('Done. The next case is open.');
        onSettled();
      })
      .catch((error: unknown) => {
        isSent.current = false;
        setProblem(asProblem(error));
      })
      .finally(() => setBusy(false));
  };
  return { reason, setReason, typed, setTyped, problem, busy, submit };
}
