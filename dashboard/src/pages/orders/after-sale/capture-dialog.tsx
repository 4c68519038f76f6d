import { useState } from 'react';
import { send } from '../../../api/client';
import type { Saga } from '../../../api/openapi';
import { ConfirmDialog } from '../../../components/dialogs/confirm-dialog';
import { Field } from '../../../components/forms/field';
import { formatMoney, parseMoney, typedMoney } from '../../../formatting/money';
import { useDone } from '../saga-actions';

/** Money that is set aside is taken: all of it, or less, and then the rest is voided. */
export function CaptureDialog({ saga, onClose }: { saga: Saga; onClose: () => void }) {
  const { total } = saga.order;
  const { currency } = total;
  const [text, setText] = useState(typedMoney(total));
  const done = useDone(saga.orderId);
  const amount = parseMoney(text, currency);
  const isTooMuch = amount !== null && amount > total.amount;
  const isReady = amount !== null && amount > 0 && !isTooMuch;
  const sum = formatMoney({ amount: amount ?? 0, currency });
  const voided = formatMoney({ amount: isReady ? total.amount - amount : 0, currency });
  return (
    <ConfirmDialog<Saga>
      open
      onClose={onClose}
      title="Capture the payment of this order?"
      numbers={[
        { value: formatMoney(total), label: 'set aside' },
        { value: isReady ? sum : '–', label: 'captured' },
        { value: isReady ? voided : '–', label: 'voided' },
      ]}
      keep="Capture nothing"
      action={isReady ? `Capture ${sum} of ${formatMoney(total)}` : 'Capture'}
      tone="primary"
      ready={isReady}
      dirty={text !== typedMoney(total)}
      send={(reason, key) =>
        send<Saga>('POST', `orders/${saga.orderId}/capture`, { body: { amount, reason }, key })
      }
      onDone={(next) => done(`A capture of ${sum} was asked for.`, next)}
    >
      <Field
        label={`Amount in ${currency}`}
        hint="It can be captured once. What is not captured is voided and cannot be taken later."
        error={isReady ? null : `Enter an amount of at most ${formatMoney(total)}.`}
      >
        {(input) => (
          <input
            {...input}
            inputMode="decimal"
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
    </ConfirmDialog>
  );
}
