import type { Action } from '../../api/openapi';
import { hrefOfId } from '../../formatting/ids';
import { type Amount, formatMoney } from '../../formatting/money';
import { formatCount } from '../../formatting/numbers';

/** The page of the object that was acted on, if there is one. */
export function hrefOfObject({
  objectType,
  objectId,
}: Pick<Action, 'objectType' | 'objectId'>): string | null {
  const known = hrefOfId(objectId);
  if (known !== null) return known;
  const name = encodeURIComponent(objectId);
  if (objectType === 'product') return `/products/${name}`;
  if (objectType === 'load_test') return `/flash-sale/${name}`;
  return null;
}

export interface Difference {
  field: string;
  before: string | null;
  after: string | null;
}

/** The fields that changed. */
export function differences({ before, after }: Pick<Action, 'before' | 'after'>): Difference[] {
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return fields
    .map((field) => ({ field, before: written(before?.[field]), after: written(after?.[field]) }))
    .filter((one) => one.before !== one.after);
}

function written(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatCount(value);
  return isAmount(value) ? formatMoney(value) : JSON.stringify(value);
}

const isAmount = (value: unknown): value is Amount =>
  typeof value === 'object' && value !== null && 'amount' in value && 'currency' in value;
