import type { SagaGoods } from '../../../api/openapi';

/** How many units of each SKU were typed; a line that was not touched has `before`. */
export type Typed = Record<string, string>;

export interface Quantities {
  lines: { sku: string; quantity: number }[];
  units: number;
  /** By SKU. */
  problems: Record<string, string>;
}

/** What was typed, checked against what is possible. */
export function quantitiesOf(
  goods: readonly SagaGoods[],
  typed: Typed,
  { most, before }: { most: (one: SagaGoods) => number; before: (one: SagaGoods) => number },
): Quantities {
  const problems: Record<string, string> = {};
  const lines = goods.flatMap((one) => {
    const quantity = wholeNumber(typed[one.sku] ?? String(before(one)));
    if (quantity === undefined) problems[one.sku] = 'Enter a whole number of units.';
    else if (quantity > most(one)) problems[one.sku] = `At most ${most(one)}.`;
    else if (quantity > 0) return [{ sku: one.sku, quantity }];
    return [];
  });
  return { lines, units: lines.reduce((sum, { quantity }) => sum + quantity, 0), problems };
}

/** Empty counts as none. */
function wholeNumber(text: string): number | undefined {
  const plain = text.replaceAll(/[\s\u202f\u00a0]/g, '');
  return /^\d{0,9}$/.test(plain) ? Number(plain) : undefined;
}
