import { invalidRequest } from './errors';

/**
 * What Stripe charges in (https://docs.stripe.com/currencies), in minor units. It is written down a second time beside
 * the service's own table, because a provider does not share its customer's mistakes; a test compares the two.
 */
interface Limits {
  /** Stripe takes only multiples of this. */
  multiple: number;
  minimum: number;
  maximum: number;
}

const words = (text: string): string[] => text.trim().split(/\s+/);
const numbers = (text: string): Map<string, number> =>
  new Map(words(text).map((pair) => [pair.slice(0, 3), Number(pair.slice(4))]));

const charged = words(`
  aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny
  cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd
  jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad
  ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl
  thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
`);
/** Three decimals, the last of which must be 0; and two that are kept for old programs only. */
const multiples = numbers('bhd:10 jod:10 kwd:10 omr:10 tnd:10 isk:100 ugx:100');
const minimums = numbers(`
  aed:200 ars:50 aud:50 bgn:100 brl:50 cad:50 chf:50 cop:50 czk:1500 dkk:250 eur:50 gbp:30 hkd:400 huf:17500 idr:50
  ils:50 inr:50 jpy:50 krw:50 mxn:1000 myr:200 nok:300 nzd:50 php:50 pln:200 ron:200 rub:50 sek:300 sgd:50 thb:1000
  usd:50 zar:50
`);
const maximums = numbers(
  'cop:9999999999 huf:9999999999 idr:999999999999 inr:999999999 jpy:9999999999 lbp:99999999999',
);
const usualMaximum = 99_999_999;

export const currencies: ReadonlyMap<string, Limits> = new Map(
  charged.map((code) => {
    const multiple = multiples.get(code) ?? 1;
    const maximum = maximums.get(code) ?? usualMaximum;
    return [
      code,
      { multiple, minimum: minimums.get(code) ?? multiple, maximum: maximum - (maximum % multiple) },
    ];
  }),
);

/** Refuses an amount that cannot be charged. The code for a bad multiple is not documented (?). */
export function refuseUnchargeable(amount: number, currency: string): void {
  const limits = currencies.get(currency);
  if (!limits) throw invalidRequest(`Invalid currency: ${currency}.`, undefined, 'currency');
  const { minimum, maximum } = limits;
  if (amount < minimum)
    throw invalidRequest(`Amount must be at least ${minimum} ${currency}.`, 'amount_too_small', 'amount');
  if (amount > maximum)
    throw invalidRequest(`Amount must be no more than ${maximum} ${currency}.`, 'amount_too_large', 'amount');
  refuseBadMultiple(amount, currency, 'amount');
}

export function refuseBadMultiple(amount: number | undefined, currency: string, param: string): void {
  const { multiple } = currencies.get(currency) ?? { multiple: 1 };
  if (amount === undefined || amount % multiple === 0) return;
  throw invalidRequest(
    `Invalid integer: ${amount} ${currency} is not divisible by ${multiple}.`,
    'parameter_invalid_integer',
    param,
  );
}
