import type { NewLoadTestDto } from '../../api/openapi';

/** A rehearsal as typed in the form, and as sent to the API. */
export interface Draft {
  buyers: string;
  units: string;
  declined: string;
  silent: string;
  rate: string;
  seed: string;
  strategies: string[];
}

/** Ten buyers per unit: a sale in which most buyers go home with nothing. */
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
      errors[name] = `Enter a whole number from 1 to ${most}.`;
  };
  whole('buyers', 100_000);
  whole('units', 100_000);
  whole('rate', 20_000);
  const [declined, silent] = [numberIn(draft.declined), numberIn(draft.silent)];
  if (!(declined >= 0 && declined <= 100)) errors.declined = 'Enter a number from 0 to 100.';
  if (!(silent >= 0 && silent <= 100)) errors.silent = 'Enter a number from 0 to 100.';
  if (declined + silent > 100) errors.silent = 'The two shares add up to more than 100 %.';
  if (draft.seed.trim() !== '' && !/^\d{1,9}$/.test(draft.seed.trim()))
    errors.seed = 'Enter a whole number, or leave it empty.';
  if (draft.strategies.length === 0) errors.strategies = 'Choose at least one strategy.';
  return errors;
}

export function orderFrom(draft: Draft): Omit<NewLoadTestDto, 'reason'> {
  return {
    buyers: numberIn(draft.buyers),
    units: numberIn(draft.units),
    // Picked from the list that the API gave.
    strategies: draft.strategies as NewLoadTestDto['strategies'],
    declineRate: numberIn(draft.declined) / 100,
    abandonRate: numberIn(draft.silent) / 100,
    rate: numberIn(draft.rate),
    ...(draft.seed.trim() === '' ? {} : { seed: Number(draft.seed.trim()) }),
  };
}
