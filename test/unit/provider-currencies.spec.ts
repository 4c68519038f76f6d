import { currencies as providers } from '../../sandbox/stripe/currencies';
import { currencies as ours } from '../../src/money';

describe('the currencies of the service and of the payment sandbox', () => {
  it('are the same, with the same multiples, minimums and maximums', () => {
    const withoutDecimals = [...ours].map(([code, { multiple, minimum, maximum }]) => [
      code.toLowerCase(),
      { multiple, minimum, maximum },
    ]);
    expect(Object.fromEntries(providers)).toEqual(Object.fromEntries(withoutDecimals));
    expect(providers.size).toBeGreaterThan(130);
  });
});
