import { useState } from 'react';
import { send } from '../../api/client';
import type { PaymentTask, ReviewCase } from '../../api/openapi';
import { useInvalidate } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { useToast } from '../../components/feedback/toasts';
import { ActionButton } from '../../components/forms/button';
import { formatMoney } from '../../formatting/money';

type Act = 'retry' | 'resolve';

/** What an operator can do about a refund or a capture after the sale that is stuck, or did not arrive. */
export function TaskCaseForm({ one, onSettled }: { one: ReviewCase; onSettled: () => void }) {
  const [open, setOpen] = useState<Act>();
  const invalidate = useInvalidate();
  const toast = useToast();
  const what = one.id.startsWith('cap_') ? 'capture' : 'refund';
  const sum = one.moneyAtRisk ? ` of ${formatMoney(one.moneyAtRisk)}` : '';
  const dialog = (act: Act) => ({
    open: open === act,
    onClose: () => setOpen(undefined),
    keep: 'Not now',
    send: (reason: string, key: string) =>
      send<PaymentTask>('POST', `payment-tasks/${one.id}/${act}`, { body: { reason }, key }),
    onDone: () => {
      invalidate('review?');
      toast(act === 'retry' ? `The ${what} is being asked for again.` : `The ${what} is given up.`, {
        href: `/audit?objectId=${one.id}`,
        label: 'Show in audit log',
      });
      onSettled();
    },
  });
  return (
    <>
      <p>
        <ActionButton tone="primary" onClick={() => setOpen('retry')}>
          Retry the {what}
        </ActionButton>{' '}
        <ActionButton onClick={() => setOpen('resolve')}>Give it up</ActionButton>
      </p>
      <ConfirmDialog<PaymentTask>
        {...dialog('retry')}
        title={`Retry the ${what}?`}
        action={`Retry the ${what}${sum}`}
        tone="primary"
      >
        <p>
          It is asked for under the same key, so no money moves twice. One that the provider declined, or that
          did not arrive, is made again: not if the customer was paid in another way.
        </p>
      </ConfirmDialog>
      <ConfirmDialog<PaymentTask>
        {...dialog('resolve')}
        title={`Give the ${what} up?`}
        action={`Give up the ${what}${sum}`}
        tone="danger"
      >
        <p>
          Holdfast moves no money any more. It is possible only when the provider has surely not done it; what
          waited for a capture does not leave.
        </p>
      </ConfirmDialog>
    </>
  );
}
