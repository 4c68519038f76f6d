import { useState } from 'react';
import type { Saga, SagaOption, SagaOptions } from '../../api/shapes/sagas';
import { useApi } from '../../api/use-api';
import { ActDialog } from '../../parts/act-dialog';
import { ActButton } from '../../parts/button';
import { Loading, Trouble } from '../../parts/states';
import { money } from '../../words/money';
import { count } from '../../words/numbers';
import { type SagaAct, actLabels, actWords, confirmedBy, sendAct, useActDone } from './saga-acts';

const acts: readonly SagaAct[] = ['retry', 'compensate', 'resolve'];
const questions: Record<SagaAct, string> = {
  retry: 'Ask the provider again now?',
  compensate: 'Undo this order?',
  resolve: 'End this order as it is?',
};

/** What can be done about the saga now; an ended one needs nothing. */
export function OrderActs({ saga }: { saga: Saga }) {
  const [act, setAct] = useState<SagaAct | null>(null);
  const possible = acts.filter((one) => saga.acts[one]);
  const isOver = saga.status === 'compensated' || saga.status === 'completed';
  return (
    <>
      {isOver ? <span>Ended, nothing to do</span> : null}
      {possible.map((one) => (
        <ActButton key={one} onClick={() => setAct(one)}>
          {actLabels[one]}
        </ActButton>
      ))}
      {act === null ? null : <SagaActDialog act={act} orderId={saga.orderId} onClose={() => setAct(null)} />}
    </>
  );
}

function SagaActDialog({ act, orderId, onClose }: { act: SagaAct; orderId: string; onClose: () => void }) {
  const { data: options, trouble, again } = useApi<SagaOptions>(`orders/${orderId}/saga/options`);
  const done = useActDone(orderId);
  const option = options?.[act];
  return (
    <ActDialog<Saga>
      open
      onClose={onClose}
      title={questions[act]}
      numbers={option?.possible ? numbersOf(option) : undefined}
      typed={confirmedBy(act, option)}
      keep="Leave it as it is"
      act={actWords(act, option)}
      tone={act === 'retry' ? 'primary' : 'danger'}
      ready={option?.possible === true}
      send={(reason, key) => sendAct(act, orderId, reason, key)}
      onDone={(saga) => done(act, saga)}
    >
      {option ? <p>{option.why}</p> : null}
      {trouble && !option ? <Trouble what="the choices" problem={trouble} again={again} /> : null}
      {!option && !trouble ? <Loading rows={2} /> : null}
    </ActDialog>
  );
}

const numbersOf = ({ refund, units, endsAs }: SagaOption) => [
  { value: refund ? money(refund) : 'none', label: 'money goes back' },
  { value: count(units), label: 'units go back on sale' },
  { value: endsAs ?? 'open', label: endsAs ? 'is how the order ends' : 'depends on the answer' },
];
