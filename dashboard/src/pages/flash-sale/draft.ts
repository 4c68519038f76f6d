import type { NewLoadTest } from '../../api/shapes/load-tests';

/** A rehearsal as it is typed, and as it is ordered. */
export interface Draft {
  buyers: string;
  units: string;
  declined: string;
  silent: string;
  rate: string;
  seed: string;
  strategies: string[];
}

/** Ten times as many buyers as units: a sale in which most go home with nothing. */
export const draftAtFirst = (strategies: readonly string[]): Draft => ({
  buyers: '5000',
  units: '500',
  declined: '8',
  silent: '2',
  rate: '1000',
  seed: '',
  strategies: ['grouped', 'conditional-update', 'row-lock'].filter((name) => strategies.includes(name)),
});

const numberIn = (text: string): number => {
  const plain = text.replaceAll(/[\s\u202f\u00a0]/g, '').replace(',', '.');
  return plain === '' ? Number.NaN : Number(plain);
};

export function errorsOf(draft: Draft): Partial<Record<keyof Draft, string>> {
  const errors: Partial<Record<keyof Draft, string>> = {};
  const whole = (name: 'buyers' | 'units' | 'rate', most: number) => {
    const value = numberIn(draft[name]);
    if (!Number.isInteger(value) || value < 1 || value > most)
      errors[name] = `A whole number from 1 to ${most}.`;
  };
  whole('buyers', 100_000);
  whole('units', 100_000);
  whole('rate', 20_000);
  const [declined, silent] = [numberIn(draft.declined), numberIn(draft.silent)];
  if (!(declined >= 0 && declined <= 100)) errors.declined = 'From 0 to 100.';
  if (!(silent >= 0 && silent <= 100)) errors.silent = 'From 0 to 100.';
  if (declined + silent > 100) errors.silent = 'Both together are more than everybody.';
  if (draft.seed.trim() !== '' && !/^\d{1,9}$/.test(draft.seed.trim()))
    errors.seed = 'A whole number, or nothing.';
  if (draft.strategies.length === 0) errors.strategies = 'At least one.';
  return errors;
}

export function orderFrom(draft: Draft): Omit<NewLoadTest, 'reason'> {
  return {
    buyers: numberIn(draft.buyers),
    units: numberIn(draft.units),
    strategies: draft.strategies,
    declineRate: numberIn(draft.declined) / 100,
    abandonRate: numberIn(draft.silent) / 100,
    rate: numberIn(draft.rate),
    ...(draft.seed.trim() === '' ? {} : { seed: Number(draft.seed.trim()) }),
  };
}
