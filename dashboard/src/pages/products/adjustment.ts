import type { Stock } from '../../api/openapi';
import { formatCount } from '../../formatting/numbers';

/** The typed change as a difference, checked by the same rules as in the API. */
export interface Adjustment {
  /** Null while the text is empty or not a number. */
  delta: number | null;
  problem: string | null;
}

/** `total`: the counted total, when that field was edited last. */
export function adjustmentOf(
  difference: string,
  total: string | null,
  { onHand, reserved }: Pick<Stock, 'onHand' | 'reserved'>,
): Adjustment {
  const typed = wholeNumber(total ?? difference);
  if (typed === undefined) return { delta: null, problem: 'Enter a whole number of units.' };
  if (typed === null) return { delta: null, problem: null };
  const delta = total === null ? typed : typed - onHand;
  const after = onHand + delta;
  if (after >= reserved) return { delta, problem: null };
  return {
    delta,
    problem:
      `This leaves ${formatCount(after)}, but ${formatCount(reserved)} are promised. ` +
      `Release reservations first, or remove at most ${formatCount(onHand - reserved)}.`,
  };
}

/** Null: empty. Undefined: not a number. Grouped digits and any minus sign are accepted. */
function wholeNumber(text: string): number | null | undefined {
  const plain = text.replaceAll(/[\s\u202f\u00a0]/g, '').replace(/^[−–]/, '-');
  if (plain === '' || plain === '-' || plain === '+') return null;
  return /^[+-]?\d{1,9}$/.test(plain) ? Number(plain) : undefined;
}
