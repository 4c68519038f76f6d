/**
 * Money as the payment provider counts it (https://docs.stripe.com/currencies). `Intl` is no source for it: it has other
 * decimals for ISK, HUF, IDR, COP, UGX and more, and a price typed by them would be charged at a hundredth.
 */

/** In minor units: 1999 EUR is € 19.99, 499000 HUF is Ft 4990.00, 980 JPY is ¥ 980. */
export interface Money {
  amount: number;
  currency: string;
}

/** What can be charged in a currency. All but `decimals` in minor units. */
export interface Currency {
  decimals: 0 | 2 | 3;
  /** The provider takes only multiples of this. */
  multiple: number;
  /** Of one charge. */
  minimum: number;
  maximum: number;
}

const codesIn = (list: string): string[] => list.split(/\s+/).filter(Boolean);

const withoutDecimals = codesIn('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF');
/** Card networks have no third decimal, so the last digit must be 0. */
const withThreeDecimals = codesIn('BHD JOD KWD OMR TND');
const withTwoDecimals = codesIn(`
  AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK
  DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP
  LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
  RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD XCG YER ZAR ZMW
`);
/** They lost their decimals, and Stripe kept two for old programs: only whole krónur and shillings can be charged. */
const withWholeAmounts = ['ISK', 'UGX'];

/**
 * The smallest charges that Stripe publishes. For other currencies, and for accounts that settle in another currency, only
 * Stripe knows: its own refusal then ends the order.
 */
const minimums: Record<string, number> = {
  ...{
    AED: 200,
    ARS: 50,
    AUD: 50,
    BGN: 100,
    BRL: 50,
    CAD: 50,
    CHF: 50,
    COP: 50,
    CZK: 1_500,
    DKK: 250,
    EUR: 50,
  },
  ...{
    GBP: 30,
    HKD: 400,
    HUF: 17_500,
    IDR: 50,
    ILS: 50,
    INR: 50,
    JPY: 50,
    KRW: 50,
    MXN: 1_000,
    MYR: 200,
    NOK: 300,
  },
  ...{ NZD: 50, PHP: 50, PLN: 200, RON: 200, RUB: 50, SEK: 300, SGD: 50, THB: 1_000, USD: 50, ZAR: 50 },
};

/** Eight digits for most. Where Stripe's pages differ the larger is here: Stripe refuses what is too much, before a charge. */
const maximumUsual = 99_999_999;
const maximums: Record<string, number> = {
  ...{ COP: 9_999_999_999, HUF: 9_999_999_999, IDR: 999_999_999_999, INR: 999_999_999 },
  ...{ JPY: 9_999_999_999, LBP: 99_999_999_999 },
};

const entryOf = (code: string, decimals: Currency['decimals'], multiple: number): [string, Currency] => {
  const maximum = maximums[code] ?? maximumUsual;
  return [
    code,
    { decimals, multiple, minimum: minimums[code] ?? multiple, maximum: maximum - (maximum % multiple) },
  ];
};

/** Every currency that the provider charges, by its ISO 4217 code. */
export const currencies: ReadonlyMap<string, Currency> = new Map([
  ...withoutDecimals.map((code) => entryOf(code, 0, 1)),
  ...withTwoDecimals.map((code) => entryOf(code, 2, withWholeAmounts.includes(code) ? 100 : 1)),
  ...withThreeDecimals.map((code) => entryOf(code, 3, 10)),
]);

/** Two, where the currency is unknown. */
export const decimalsOf = (currency: string): number => currencies.get(currency)?.decimals ?? 2;

/** For sentences: "0.10 EUR", "980 JPY". */
export function inMajorUnits({ amount, currency }: Money): string {
  const decimals = decimalsOf(currency);
  const digits = String(amount).padStart(decimals + 1, '0');
  const split = digits.length - decimals;
  return `${digits.slice(0, split)}${decimals > 0 ? '.' : ''}${digits.slice(split)} ${currency}`;
}
