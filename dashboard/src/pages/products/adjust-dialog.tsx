import { useState } from 'react';
import { send } from '../../api/client';
import type { Product, Stock } from '../../api/openapi';
import { useInvalidate } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { useToast } from '../../components/feedback/toasts';
import { Field, Fields } from '../../components/forms/field';
import { formatCount, formatSigned, plural } from '../../formatting/numbers';
import { adjustmentOf } from './adjustment';

/** A stock change, as a difference or as a counted total; either field fills the other. */
export function AdjustDialog({ product, onClose }: { product: Product; onClose: () => void }) {
  const { sku, stock } = product;
  const [text, setText] = useState('');
  const [typedTotal, setTypedTotal] = useState<string | null>(null);
  const invalidate = useInvalidate();
  const toast = useToast();
  const adjustment = adjustmentOf(text, typedTotal, stock);
  const { delta, problem } = adjustment;
  return (
    <ConfirmDialog<Stock>
      open
      onClose={onClose}
      title={`Adjust stock of ${sku}`}
      keep="Change nothing"
      action={delta === null || delta === 0 ? 'Adjust stock' : formatButton(delta)}
      tone={delta !== null && delta < 0 ? 'danger' : 'primary'}
      ready={delta !== null && delta !== 0 && problem === null}
      dirty={text !== '' || typedTotal !== null}
      send={(reason, key) =>
        send('POST', `products/${encodeURIComponent(sku)}/adjustments`, { body: { delta, reason }, key })
      }
      onDone={({ onHand }) => {
        invalidate(`products`);
        invalidate('actions');
        toast(`${formatCount(onHand)} of ${sku} are on hand now.`, {
          href: `/audit?objectId=${sku}`,
          label: 'Show in audit log',
        });
      }}
    >
      <Fields>
        <Field label="Change" error={typedTotal === null ? problem : null} hint="+ received, − removed">
          {(input) => (
            <input
              {...input}
              inputMode="text"
              autoComplete="off"
              placeholder="−12"
              value={typedTotal === null ? text : delta === null ? '' : formatSigned(delta)}
              onChange={(event) => {
                setTypedTotal(null);
                setText(event.target.value);
              }}
            />
          )}
        </Field>
        <Field
          label="Or new total"
          error={typedTotal === null ? null : problem}
          hint={`${formatCount(stock.onHand)} now`}
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
      <p role="status">{delta === null || delta === 0 || problem ? '' : formatPreview(delta, product)}</p>
    </ConfirmDialog>
  );
}

const formatButton = (delta: number) =>
  delta > 0 ? `Receive ${plural(delta, 'unit')}` : `Write off ${plural(-delta, 'unit')}`;

/** "5 000 becomes 4 988. Available goes from 12 to 0." */
function formatPreview(delta: number, { safetyStock, stock }: Product): string {
  const { onHand, reserved, available } = stock;
  const after = Math.max(0, onHand + delta - reserved - safetyStock);
  return `${formatCount(onHand)} becomes ${formatCount(onHand + delta)}. Available goes from ${formatCount(available)} to ${formatCount(after)}.`;
}
