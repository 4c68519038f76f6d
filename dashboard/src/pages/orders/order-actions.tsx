import { useState } from 'react';
import type { Saga, SagaOption, SagaOptions } from '../../api/openapi';
import { useApi } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { ActionButton } from '../../components/forms/button';
import { LoadError, Loading } from '../../components/layout/states';
import { formatMoney } from '../../formatting/money';
import { formatCount } from '../../formatting/numbers';
import { CaptureDialog } from './after-sale/capture-dialog';
import { RefundDialog } from './after-sale/refund-dialog';
import { ShipDialog } from './after-sale/ship-dialog';
import {
  actionLabels,
  confirmedBy,
  formatAction,
  type SagaAction,
  sendAction,
  useActionDone,
} from './saga-actions';

const actions: readonly SagaAction[] = ['retry', 'compensate', 'resolve'];
const questions: Record<SagaAction, string> = {
  retry: 'Ask the provider again now?',
  compensate: 'Compensate this order?',
  resolve: 'Mark this order as resolved?',
};

type AfterSale = 'ship' | 'refund' | 'capture';

const afterSaleActs = {
  ship: { label: 'Ship', Dialog: ShipDialog },
  capture: { label: 'Capture', Dialog: CaptureDialog },
  refund: { label: 'Refund in part', Dialog: RefundDialog },
};

/** The actions that are possible now. */
export function OrderActions({ saga }: { saga: Saga }) {
  const [action, setAction] = useState<SagaAction | null>(null);
  const [afterSale, setAfterSale] = useState<AfterSale | null>(null);
  const Dialog = afterSale === null ? null : afterSaleActs[afterSale].Dialog;
  const offered = (Object.keys(afterSaleActs) as AfterSale[]).filter((one) => saga.acts[one]);
  const possible = actions.filter((one) => saga.acts[one]);
  return (
    <>
      {possible.length === 0 && isOver(saga) && offered.length === 0 ? (
        <span>No actions available</span>
      ) : null}
      {possible.map((one) => (
        <ActionButton key={one} onClick={() => setAction(one)}>
          {actionLabels[one]}
        </ActionButton>
      ))}
      {offered.map((one) => (
        <ActionButton key={one} onClick={() => setAfterSale(one)}>
          {afterSaleActs[one].label}
        </ActionButton>
      ))}
      {Dialog === null ? null : <Dialog saga={saga} onClose={() => setAfterSale(null)} />}
      {action === null ? null : (
        <SagaActionDialog action={action} orderId={saga.orderId} onClose={() => setAction(null)} />
      )}
    </>
  );
}

const isOver = ({ status }: Saga) => status === 'compensated' || status === 'completed';

function SagaActionDialog({
  action,
  orderId,
  onClose,
}: {
  action: SagaAction;
  orderId: string;
  onClose: () => void;
}) {
  const { data: options, error, refetch } = useApi<SagaOptions>(`orders/${orderId}/saga/options`);
  const done = useActionDone(orderId);
  const option = options?.[action];
  return (
    <ConfirmDialog<Saga>
      open
      onClose={onClose}
      title={action === 'retry' && option?.refund ? 'Make the refund again?' : questions[action]}
      numbers={option?.possible ? numbersOf(option) : undefined}
      typed={confirmedBy(action, option)}
      keep="Change nothing"
      action={formatAction(action, option)}
      tone={action === 'retry' ? 'primary' : 'danger'}
      ready={option?.possible === true}
      send={(reason, key) => sendAction(action, orderId, reason, key)}
      onDone={(saga) => done(action, saga)}
    >
      {option ? <p>{option.why}</p> : null}
      {error && !option ? <LoadError what="the actions" problem={error} retry={refetch} /> : null}
      {!option && !error ? <Loading rows={2} /> : null}
    </ConfirmDialog>
  );
}

const numbersOf = ({ refund, units, endsAs }: SagaOption) => [
  { value: refund ? formatMoney(refund) : 'none', label: 'refund' },
  { value: formatCount(units), label: 'units back on sale' },
  { value: endsAs ?? 'open', label: endsAs ? 'order afterwards' : 'depends on the provider' },
];
