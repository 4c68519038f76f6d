import { useState } from 'react';
import { send } from '../../../api/client';
import type { Saga, SagaGoods } from '../../../api/openapi';
import { ConfirmDialog } from '../../../components/dialogs/confirm-dialog';
import { Field, Fields } from '../../../components/forms/field';
import { formatMoney } from '../../../formatting/money';
import { formatCount, plural } from '../../../formatting/numbers';
import { useDone } from '../saga-actions';
import { quantitiesOf, type Typed } from './quantities';
import { QuantityFields } from './quantity-fields';

const isLeft = ({ left }: SagaGoods) => left > 0;
const leftOf = ({ left }: SagaGoods) => left;

/** Goods leave: what is left is filled in, and less can be typed. */
export function ShipDialog({ saga, onClose }: { saga: Saga; onClose: () => void }) {
  const [typed, setTyped] = useState<Typed>({});
  const [reference, setReference] = useState('');
  const done = useDone(saga.orderId);
  const goods = saga.goods.filter(isLeft);
  const { lines, units, problems } = quantitiesOf(goods, typed, { most: leftOf, before: leftOf });
  const isCapturedFirst = saga.acts.capture;
  const all = goods.reduce((sum, { left }) => sum + left, 0);
  return (
    <ConfirmDialog<Saga>
      open
      onClose={onClose}
      title="Ship goods of this order?"
      numbers={[
        { value: formatCount(units), label: 'units leave the warehouse' },
        { value: formatCount(Math.max(0, all - units)), label: 'units left to ship' },
      ]}
      keep="Ship nothing"
      action={units === 0 ? 'Ship' : `Ship ${plural(units, 'unit')}`}
      tone="primary"
      ready={units > 0 && Object.keys(problems).length === 0}
      dirty={reference !== '' || Object.keys(typed).length > 0}
      send={(reason, key) =>
        send<Saga>('POST', `orders/${saga.orderId}/shipments`, {
          body: { lines, ...(reference.trim() === '' ? {} : { reference: reference.trim() }), reason },
          key,
        })
      }
      onDone={(next) =>
        done(
          isCapturedFirst
            ? 'The payment is being captured; then the goods leave.'
            : `${plural(units, 'unit')} shipped.`,
          next,
        )
      }
    >
      {isCapturedFirst ? (
        <p>
          {formatMoney(saga.order.total)} is captured first, and the goods leave when that is done. Only the
          whole order can ship so; to ship a part, capture first.
        </p>
      ) : null}
      <Fields>
        <QuantityFields
          goods={goods}
          problems={problems}
          valueOf={({ sku, left }) => typed[sku] ?? String(left)}
          hintOf={({ left, quantity }) => `${formatCount(left)} left of ${formatCount(quantity)} sold`}
          onChange={(sku, text) => setTyped((before) => ({ ...before, [sku]: text }))}
        />
        <Field label="Reference" hint="For example a tracking number. May stay empty." wide>
          {(input) => (
            <input
              {...input}
              maxLength={255}
              autoComplete="off"
              value={reference}
              onChange={(event) => setReference(event.target.value)}
            />
          )}
        </Field>
      </Fields>
    </ConfirmDialog>
  );
}
