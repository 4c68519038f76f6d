import { useState } from 'react';
import { send } from '../../api/client';
import type { Product, Stock, StockNow } from '../../api/shapes/products';
import { useRefresh } from '../../api/use-api';
import { ActDialog } from '../../parts/act-dialog';
import { Field, Fields } from '../../parts/field';
import { useToast } from '../../parts/toasts';
import { count, plural, signed } from '../../words/numbers';
import { adjustmentOf } from './adjustment';

/** Stock that came or went: told as a difference or as what was counted; either fills the other. */
export function AdjustDialog({ product, onClose }: { product: Product; onClose: () => void }) {
  const { sku, stock } = product;
  const [text, setText] = useState('');
  const [typedTotal, setTypedTotal] = useState<string | null>(null);
  const refresh = useRefresh();
  const toast = useToast();
  const adjustment = adjustmentOf(text, typedTotal, stock);
  const { delta, problem } = adjustment;
  return (
    <ActDialog<StockNow>
      open
      onClose={onClose}
      title={`Adjust stock of ${sku}`}
      keep="Leave it as it is"
      act={delta === null || delta === 0 ? 'Adjust stock' : buttonWords(delta)}
      tone={delta !== null && delta < 0 ? 'danger' : 'primary'}
      ready={delta !== null && delta !== 0 && problem === null}
      dirty={text !== '' || typedTotal !== null}
      send={(reason, key) =>
        send('POST', `products/${encodeURIComponent(sku)}/adjustments`, { body: { delta, reason }, key })
      }
      onDone={({ onHand }) => {
        refresh(`products`);
        refresh('actions');
        toast(`${count(onHand)} of ${sku} are on hand now.`, {
          href: `/audit?objectId=${sku}`,
          label: 'See audit',
        });
      }}
    >
      <Fields>
        <Field label="Change" error={typedTotal === null ? problem : null} hint="+ came, − went">
          {(input) => (
            <input
              {...input}
              inputMode="text"
              autoComplete="off"
              placeholder="−12"
              value={typedTotal === null ? text : delta === null ? '' : signed(delta)}
              onChange={(event) => {
                setTypedTotal(null);
                setText(event.target.value);
              }}
            />
          )}
        </Field>
        <Field
          label="Or counted in all"
          error={typedTotal === null ? null : problem}
          hint={`${count(stock.onHand)} now`}
        >
          {(input) => (
            <input
              {...input}
              inputMode="numeric"
              autoComplete="off"
              value={typedTotal ?? (delta === null ? '' : String(stock.onHand + delta))}
              onChange={(event) => setTypedTotal(event.target.value)}
            />
          )}
        </Field>
      </Fields>
      <p role="status">{delta === null || delta === 0 || problem ? '' : previewWords(delta, stock)}</p>
    </ActDialog>
  );
}

const buttonWords = (delta: number) =>
  delta > 0 ? `Receive ${plural(delta, 'unit')}` : `Write off ${plural(-delta, 'unit')}`;

/** "5 000 becomes 4 988. Available goes from 12 to 0." */
function previewWords(delta: number, { onHand, available }: Stock): string {
  return `${count(onHand)} becomes ${count(onHand + delta)}. Available goes from ${count(available)} to ${count(available + delta)}.`;
}
