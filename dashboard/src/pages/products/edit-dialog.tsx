import { useState } from 'react';
import type { Product } from '../../api/openapi';
import { ConfirmDialog, ProblemMessage } from '../../components/dialogs/confirm-dialog';
import { Field, Fields } from '../../components/forms/field';
import { LoadError, Loading } from '../../components/layout/states';
import { parseMoney, typedExample, typedMoney } from '../../formatting/money';
import { differencesOf, type Editable, editableOf } from './product-edits';
import { useProductEdit } from './use-product-edit';

interface EditDialogProps {
  product: Product;
  onClose: () => void;
}

/** The fields as typed. */
interface Draft {
  name: string;
  price: string;
  perOrder: string;
  perCustomer: string;
  unitsPerCustomer: string;
  safetyStock: string;
  salesStart: string;
  salesEnd: string;
}

export function EditDialog({ product, onClose }: EditDialogProps) {
  const { base, error, save, conflict, close } = useProductEdit(product.sku, onClose);
  const [typed, setTyped] = useState<Draft | null>(null);
  if (conflict) return conflict;

  const from = editableOf(base ?? product);
  const draft = typed ?? draftOf(from);
  const errors = errorsOf(draft, from);
  const wanted = wantedOf(draft, from);
  const changes = differencesOf(from, wanted);
  const field = (name: keyof Draft, label: string, hint?: string) => (
    <Field label={label} error={errors[name] ?? null} hint={hint} wide={name === 'name'}>
      {(input) => (
        <input
          {...input}
          autoComplete="off"
          value={draft[name]}
          onChange={(event) => setTyped({ ...draft, [name]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <ConfirmDialog<Product | null>
      open
      onClose={close}
      title={`Edit ${product.sku}`}
      note={
        changes.length === 0
          ? 'No changes yet.'
          : `Changes ${changes.map(({ label }) => label.toLowerCase()).join(', ')}.`
      }
      keep="Change nothing"
      action={changes.length === 1 ? 'Save 1 change' : `Save ${changes.length} changes`}
      tone="primary"
      ready={base !== undefined && changes.length > 0 && Object.keys(errors).length === 0}
      dirty={typed !== null}
      send={(reason, key) => save(wanted, reason, key)}
    >
      {error && base ? <ProblemMessage problem={error} /> : null}
      {error && !base ? <LoadError what="the product" problem={error} retry={onClose} /> : null}
      {base ? (
        <Fields>
          {field('name', 'Name')}
          {field('price', `Price, ${from.unitPrice.currency}`)}
          {field('perOrder', 'Limit per order', 'empty: no limit')}
          {field('perCustomer', 'Reservations per customer', 'at once; empty: no limit')}
          {field('unitsPerCustomer', 'Units per customer', 'held and bought; empty: no limit')}
          {field('safetyStock', 'Safety stock', 'units that are never offered')}
          {field('salesStart', 'Start of sale', 'empty: already on sale')}
          {field('salesEnd', 'End of sale', 'empty: no end')}
        </Fields>
      ) : (
        <Loading rows={3} />
      )}
    </ConfirmDialog>
  );
}

function draftOf(from: Editable): Draft {
  const { name, unitPrice, quantityPerOrderMax, reservationsPerCustomerMax } = from;
  return {
    name,
    price: typedMoney(unitPrice),
    safetyStock: String(from.safetyStock),
    unitsPerCustomer: from.unitsPerCustomerMax === null ? '' : String(from.unitsPerCustomerMax),
    salesStart: from.salesStartAt ?? '',
    salesEnd: from.salesEndAt ?? '',
    perOrder: quantityPerOrderMax === null ? '' : String(quantityPerOrderMax),
    perCustomer: reservationsPerCustomerMax === null ? '' : String(reservationsPerCustomerMax),
  };
}

const limitOf = (text: string) => (text.trim() === '' ? null : Number(text));
/** Null: empty. Undefined: not an instant with its zone. */
function instantOf(text: string): string | null | undefined {
  if (text.trim() === '') return null;
  const isInstant = /^20\d\d-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text.trim());
  const at = new Date(text.trim());
  return isInstant && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}
const isCount = (text: string) => /^\d{1,9}$/.test(text.trim());
const isLimit = (text: string) => text.trim() === '' || (/^\d{1,6}$/.test(text.trim()) && Number(text) > 0);

function errorsOf(draft: Draft, { unitPrice }: Editable): Partial<Record<keyof Draft, string>> {
  const errors: Partial<Record<keyof Draft, string>> = {};
  if (draft.name.trim() === '') errors.name = 'Enter a name.';
  if (parseMoney(draft.price, unitPrice.currency) === null)
    errors.price = `Enter an amount in ${unitPrice.currency}, such as ${typedExample(unitPrice.currency)}.`;
  if (!isLimit(draft.perOrder)) errors.perOrder = 'Enter a whole number from 1, or leave it empty.';
  if (!isLimit(draft.perCustomer)) errors.perCustomer = 'Enter a whole number from 1, or leave it empty.';
  if (!isLimit(draft.unitsPerCustomer))
    errors.unitsPerCustomer = 'Enter a whole number from 1, or leave it empty.';
  if (!isCount(draft.safetyStock)) errors.safetyStock = 'Enter a whole number from 0.';
  const [start, end] = [instantOf(draft.salesStart), instantOf(draft.salesEnd)];
  const instant = 'Enter an instant with its zone, such as 2026-11-20T10:00:00Z, or leave it empty.';
  if (start === undefined) errors.salesStart = instant;
  if (end === undefined) errors.salesEnd = instant;
  if (start && end && start >= end) errors.salesEnd = 'Enter an instant after the start of the sale.';
  return errors;
}

const kept = <T,>(typed: T | undefined, before: T): T => (typed === undefined ? before : typed);

/** Invalid input keeps the old value; the error beside the field prevents saving. */
function wantedOf(draft: Draft, from: Editable): Editable {
  return {
    ...from,
    name: draft.name.trim(),
    unitPrice: {
      ...from.unitPrice,
      amount: parseMoney(draft.price, from.unitPrice.currency) ?? from.unitPrice.amount,
    },
    quantityPerOrderMax: isLimit(draft.perOrder) ? limitOf(draft.perOrder) : from.quantityPerOrderMax,
    reservationsPerCustomerMax: isLimit(draft.perCustomer)
      ? limitOf(draft.perCustomer)
      : from.reservationsPerCustomerMax,
    unitsPerCustomerMax: isLimit(draft.unitsPerCustomer)
      ? limitOf(draft.unitsPerCustomer)
      : from.unitsPerCustomerMax,
    safetyStock: isCount(draft.safetyStock) ? Number(draft.safetyStock) : from.safetyStock,
    salesStartAt: kept(instantOf(draft.salesStart), from.salesStartAt),
    salesEndAt: kept(instantOf(draft.salesEnd), from.salesEndAt),
  };
}
