import type { Product, ProductConflict, ProductDto } from '../../api/openapi';
import { formatMoney } from '../../formatting/money';
import { formatCount } from '../../formatting/numbers';

/** The editable fields of a product. Stock is not among them: it changes by adjustments. */
export type Editable = ProductConflict['yours'];
export type EditableField = keyof Editable;

const labels: Record<EditableField, string> = {
  name: 'Name',
  unitPrice: 'Price',
  strategy: 'Strategy',
  pools: 'Pools',
  quantityPerOrderMax: 'Limit per order',
  reservationsPerCustomerMax: 'Reservations per customer',
  unitsPerCustomerMax: 'Units per customer',
  safetyStock: 'Safety stock',
  salesStartAt: 'Start of sale',
  salesEndAt: 'End of sale',
};

export const editableFields = Object.keys(labels) as EditableField[];

export function editableOf(product: Product | Editable): Editable {
  const { name, unitPrice, strategy, pools, quantityPerOrderMax, reservationsPerCustomerMax } = product;
  const { unitsPerCustomerMax, safetyStock, salesStartAt, salesEndAt } = product;
  return {
    ...{ name, unitPrice, strategy, pools, quantityPerOrderMax, reservationsPerCustomerMax },
    ...{ unitsPerCustomerMax, safetyStock, salesStartAt, salesEndAt },
  };
}

/** The API receives the whole product: an omitted limit or instant is removed. */
export function bodyOf(wanted: Editable, reason: string): ProductDto {
  const { name, unitPrice, strategy, pools, quantityPerOrderMax, reservationsPerCustomerMax } = wanted;
  const { unitsPerCustomerMax, safetyStock, salesStartAt, salesEndAt } = wanted;
  return {
    name,
    unitPrice,
    strategy,
    ...(strategy === 'pools' && pools ? { pools } : {}),
    ...(quantityPerOrderMax === null ? {} : { quantityPerOrderMax }),
    ...(reservationsPerCustomerMax === null ? {} : { reservationsPerCustomerMax }),
    ...(unitsPerCustomerMax === null ? {} : { unitsPerCustomerMax }),
    safetyStock,
    ...(salesStartAt === null ? {} : { salesStartAt }),
    ...(salesEndAt === null ? {} : { salesEndAt }),
    reason,
  };
}

export interface Difference {
  name: EditableField;
  label: string;
  now: string;
  yours: string;
}

/** The differences, as text. */
export function differencesOf(now: Editable, yours: Editable): Difference[] {
  return editableFields
    .map((name) => ({ name, label: labels[name], now: wordsOf(name, now), yours: wordsOf(name, yours) }))
    .filter((field) => field.now !== field.yours);
}

function wordsOf(name: EditableField, product: Editable): string {
  switch (name) {
    case 'unitPrice':
      return formatMoney(product.unitPrice);
    case 'pools':
      return product.pools?.join(', ') ?? 'one';
    case 'quantityPerOrderMax':
    case 'reservationsPerCustomerMax':
    case 'unitsPerCustomerMax':
      return product[name] === null ? 'no limit' : formatCount(product[name]);
    case 'salesStartAt':
    case 'salesEndAt':
      return product[name] ?? 'none';
    case 'safetyStock':
      return formatCount(product.safetyStock);
    default:
      return product[name];
  }
}

/**
 * The differences between the product as someone else saved it and as it was edited here. `isMine`: the field was
 * edited here.
 */
export function conflictOf(base: Editable, now: Editable, yours: Editable) {
  const mine = new Set(differencesOf(base, yours).map(({ name }) => name));
  return differencesOf(now, yours).map((field) => ({ ...field, isMine: mine.has(field.name) }));
}

/** "name and price". */
export function formatFields(differences: readonly Difference[]): string {
  const names = differences.map(({ label }) => label.toLowerCase());
  return [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');
}

/** The result of the choice for each field. */
export function chosenOf(now: Editable, yours: Editable, choice: Record<string, 'now' | 'yours'>): Editable {
  const pick = <Field extends EditableField>(name: Field): Editable[Field] =>
    choice[name] === 'yours' ? yours[name] : now[name];
  return {
    name: pick('name'),
    unitPrice: pick('unitPrice'),
    strategy: pick('strategy'),
    pools: pick('pools'),
    quantityPerOrderMax: pick('quantityPerOrderMax'),
    reservationsPerCustomerMax: pick('reservationsPerCustomerMax'),
    unitsPerCustomerMax: pick('unitsPerCustomerMax'),
    safetyStock: pick('safetyStock'),
    salesStartAt: pick('salesStartAt'),
    salesEndAt: pick('salesEndAt'),
  };
}
