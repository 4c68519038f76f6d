import { useState } from 'react';
import { send } from '../../api/client';
import type { PaymentCase, ReviewCase } from '../../api/openapi';
import { useInvalidate } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { useToast } from '../../components/feedback/toasts';
import { ActionButton } from '../../components/forms/button';
import { Facts } from '../../components/layout/states';
import { When } from '../../components/values/figures';

type Act = 'settle' | 'void';

/** What an operator can do about something that happened at the provider. Neither action moves stock or the order. */
export function PaymentCaseForm({ one, onSettled }: { one: ReviewCase; onSettled: () => void }) {
  const [open, setOpen] = useState<Act>();
  const invalidate = useInvalidate();
  const toast = useToast();
  const { payment } = one;
  if (!payment) return null;
  const dialog = (act: Act) => ({
    open: open === act,
    onClose: () => setOpen(undefined),
    keep: 'Not now',
    send: (reason: string, key: string) =>
      send<PaymentCase>('POST', `payment-cases/${one.id}/${act}`, { body: { reason }, key }),
    onDone: () => {
      invalidate('review?');
      toast(act === 'void' ? 'The authorization is voided.' : 'The case is settled.', {
        href: `/audit?objectId=${one.id}`,
        label: 'Show in audit log',
      });
      onSettled();
    },
  });
  return (
    <>
      <Facts
        items={[
          ['Reference', <code>{payment.reference}</code>],
          ...(payment.status ? [['Provider says', payment.status.replaceAll('_', ' ')] as const] : []),
          ...(payment.dueBy ? [['Evidence due', <When at={payment.dueBy} />] as const] : []),
        ]}
      />
      <p>
        {canVoid(payment) ? (
          <ActionButton tone="danger" onClick={() => setOpen('void')}>
            Void the authorization
          </ActionButton>
        ) : null}{' '}
        <ActionButton onClick={() => setOpen('settle')}>Settle the case</ActionButton>
      </p>
      <ConfirmDialog<PaymentCase>
        {...dialog('void')}
        title="Void the authorization?"
        action="Void it at the provider"
        tone="danger"
      >
        <p>
          The buyer’s money is free again. If the payment has been captured meanwhile, nothing is done and the
          case stays.
        </p>
      </ConfirmDialog>
      <ConfirmDialog<PaymentCase>
        {...dialog('settle')}
        title="Settle the case?"
        action="Settle 1 case"
        tone="primary"
      >
        <p>
          Holdfast moves no money and no stock. Settle it when the matter is dealt with, and say in the reason
          how.
        </p>
      </ConfirmDialog>
    </>
  );
}

/** An authorization that no order keeps. The service checks it again. */
const canVoid = ({ type, status }: NonNullable<ReviewCase['payment']>) =>
  (type === 'stray_authorization' || type === 'unknown_order') &&
  status !== 'succeeded' &&
  status !== 'canceled';
