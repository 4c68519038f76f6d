import { useState } from 'react';
import { send } from '../../../api/client';
import type { Problem } from '../../../api/problem';
import type { Saga, SagaGoods } from '../../../api/openapi';
import { ConfirmDialog } from '../../../components/dialogs/confirm-dialog';
import { Field, Fields } from '../../../components/forms/field';
import { type Amount, formatMoney, parseMoney, typedExample } from '../../../formatting/money';
import { formatCount, plural } from '../../../formatting/numbers';
import { useDone } from '../saga-actions';
import { quantitiesOf, type Quantities, type Typed } from './quantities';
import { QuantityFields } from './quantity-fields';
import styles from './refund-dialog.module.css';

/** Sold, and not back. */
const refundableUnits = ({ quantity, givenBack, returned }: SagaGoods) => quantity - givenBack - returned;
const none = () => 0;

/** A part of the money goes back: an amount, or goods at the price of the order. */
export function RefundDialog({ saga, onClose }: { saga: Saga; onClose: () => void }) {
  const [by, setBy] = useState<By>('amount');
  const [text, setText] = useState('');
  const [typed, setTyped] = useState<Typed>({});
  const [isSellable, setSellable] = useState(false);
  const done = useDone(saga.orderId);
  const { captured, refunded, pending, left } = saga.refundable;
  const { currency } = left;
  const goods = saga.goods.filter((one) => refundableUnits(one) > 0);
  const quantities = quantitiesOf(goods, typed, { most: refundableUnits, before: none });
  const amount = by === 'amount' ? parseMoney(text, currency) : priceOf(goods, quantities);
  const problem = problemOf(amount, left, by === 'amount' ? text : '');
  const isReady =
    amount !== null && amount > 0 && problem === null && (by === 'amount' || !hasProblems(quantities));
  const sum = formatMoney({ amount: amount ?? 0, currency });
  const restock = isSellable ? 'sellable' : 'none';
  const body =
    by === 'amount' ? { amount } : { lines: quantities.lines.map((line) => ({ ...line, restock })) };
  return (
    <ConfirmDialog<Saga>
      open
      onClose={onClose}
      title="Refund a part of this order?"
      numbers={[
        { value: formatMoney(captured), label: 'captured' },
        { value: formatMoney(refunded), label: 'refunded' },
        { value: formatMoney(pending), label: 'under way' },
        { value: formatMoney(left), label: 'left to refund' },
      ]}
      keep="Refund nothing"
      action={isReady ? `Refund ${sum} of ${formatMoney(left)}` : 'Refund'}
      ready={isReady}
      dirty={text !== '' || Object.keys(typed).length > 0}
      send={(reason, key) =>
        send<Saga>('POST', `orders/${saga.orderId}/refunds`, { body: { ...body, reason }, key })
      }
      onDone={(next) => done(`A refund of ${sum} was asked for.`, next)}
      next={nextStep}
    >
      <Choice by={by} onChange={setBy} />
      {by === 'amount' ? (
        <Field label={`Amount in ${currency}`} hint={`For example ${typedExample(currency)}`} error={problem}>
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
      ) : (
        <Goods
          goods={goods}
          quantities={quantities}
          typed={typed}
          isSellable={isSellable}
          problem={problem}
          onType={(sku, units) => setTyped((before) => ({ ...before, [sku]: units }))}
          onSellable={setSellable}
        />
      )}
    </ConfirmDialog>
  );
}

type By = 'amount' | 'goods';

const Choice = ({ by, onChange }: { by: By; onChange: (by: By) => void }) => (
  <fieldset className={styles.choice}>
    <legend>What is refunded</legend>
    {(['amount', 'goods'] as const).map((one) => (
      <label key={one}>
        <input type="radio" name="refund-by" checked={by === one} onChange={() => onChange(one)} />
        {one === 'amount' ? 'An amount; no stock moves' : 'Goods that come back'}
      </label>
    ))}
  </fieldset>
);

interface GoodsProps {
  goods: readonly SagaGoods[];
  quantities: Quantities;
  typed: Typed;
  isSellable: boolean;
  problem: string | null;
  onType: (sku: string, units: string) => void;
  onSellable: (isSellable: boolean) => void;
}

function Goods({ goods, quantities, typed, isSellable, problem, onType, onSellable }: GoodsProps) {
  return (
    <>
      <Fields>
        <QuantityFields
          goods={goods}
          problems={quantities.problems}
          valueOf={({ sku }) => typed[sku] ?? '0'}
          hintOf={(one) => `of ${formatCount(refundableUnits(one))}, ${formatMoney(one.unitPrice)} each`}
          onChange={onType}
        />
      </Fields>
      <label className={styles.restock}>
        <input type="checkbox" checked={isSellable} onChange={(event) => onSellable(event.target.checked)} />
        Shipped units that came back can be sold again
      </label>
      <p role="status">{problem ?? formatPreview(goods, quantities, isSellable)}</p>
    </>
  );
}

const hasProblems = ({ problems }: Quantities) => Object.keys(problems).length > 0;

const priceOf = (goods: readonly SagaGoods[], { lines }: Quantities): number =>
  lines.reduce(
    (sum, { sku, quantity }) => sum + quantity * goods.find((one) => one.sku === sku)!.unitPrice.amount,
    0,
  );

function problemOf(amount: number | null, left: Amount, text: string): string | null {
  if (amount === null) return text === '' ? null : `Enter an amount in ${left.currency}.`;
  return amount > left.amount ? `At most ${formatMoney(left)} is left to refund.` : null;
}

/** Units that were not shipped come back first, and go back on sale by themselves. */
function formatPreview(
  goods: readonly SagaGoods[],
  { lines, units }: Quantities,
  isSellable: boolean,
): string {
  if (units === 0) return '';
  const unshipped = lines.reduce((sum, { sku, quantity }) => {
    const one = goods.find((line) => line.sku === sku)!;
    return sum + Math.min(quantity, one.quantity - one.shipped - one.givenBack);
  }, 0);
  const shipped = units - unshipped;
  const parts = [
    ...(unshipped > 0 ? [`${plural(unshipped, 'unit')} not shipped: back on sale.`] : []),
    ...(shipped > 0
      ? [`${plural(shipped, 'shipped unit')}: ${isSellable ? 'back on sale' : 'not put back on sale'}.`]
      : []),
  ];
  return parts.join(' ');
}

/** In money as people write it: the refusal counts minor units. */
function nextStep({ code, facts }: Problem): string | undefined {
  const left = facts.left as Amount | undefined;
  if (code === 'more_than_captured' && left) return `${formatMoney(left)} is left to refund.`;
  return undefined;
}
