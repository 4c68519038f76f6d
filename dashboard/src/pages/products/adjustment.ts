import type { Stock } from '../../api/shapes/products';
import { formatCount } from '../../formatting/numbers';

/** What was typed, as a difference; and what the API would say against it, before it is asked. */
export interface Adjustment {
  /** Null while nothing, or nothing that is a number, was typed. */
  delta: number | null;
  problem: string | null;
}

/** `total`: what was counted, when that is what was typed last. */
export function adjustmentOf(
  difference: string,
  total: string | null,
  { onHand, reserved, available }: Stock,
): Adjustment {
  const typed = wholeNumber(total ?? difference);
  if (typed === undefined) return { delta: null, problem: 'A whole number of units.' };
  if (typed === null) return { delta: null, problem: null };
  const delta = total === null ? typed : typed - onHand;
  const after = onHand + delta;
  if (after >= reserved) return { delta, problem: null };
  return {
    delta,
    problem:
      `${formatCount(after)} would be ${formatCount(reserved - after)} fewer than promised. ` +
      `Release reservations first, or take off at most ${formatCount(available)}.`,
  };
}

/** Null: nothing was typed. Undefined: no number. Groups of digits and any kind of minus are understood. */
function wholeNumber(text: string): number | null | undefined {
  const plain = text.replaceAll(/[\s\u202f\u00a0]/g, '').replace(/^[−–]/, '-');
  if (plain === '' || plain === '-' || plain === '+') return null;
  return /^[+-]?\d{1,9}$/.test(plain) ? Number(plain) : undefined;
}
