// Generated from src/money.ts by `npm run currencies`. Do not edit.

/** Currencies without the usual two decimals, or of which the provider takes only multiples (in minor units). */
export const unusualCurrencies: Readonly<Record<string, { decimals: number; multiple: number }>> = {
  BHD: { decimals: 3, multiple: 10 },
  BIF: { decimals: 0, multiple: 1 },
  CLP: { decimals: 0, multiple: 1 },
  DJF: { decimals: 0, multiple: 1 },
  GNF: { decimals: 0, multiple: 1 },
  ISK: { decimals: 2, multiple: 100 },
  JOD: { decimals: 3, multiple: 10 },
  JPY: { decimals: 0, multiple: 1 },
  KMF: { decimals: 0, multiple: 1 },
  KRW: { decimals: 0, multiple: 1 },
  KWD: { decimals: 3, multiple: 10 },
  MGA: { decimals: 0, multiple: 1 },
  OMR: { decimals: 3, multiple: 10 },
  PYG: { decimals: 0, multiple: 1 },
  RWF: { decimals: 0, multiple: 1 },
  TND: { decimals: 3, multiple: 10 },
  UGX: { decimals: 2, multiple: 100 },
  VND: { decimals: 0, multiple: 1 },
  VUV: { decimals: 0, multiple: 1 },
  XAF: { decimals: 0, multiple: 1 },
  XOF: { decimals: 0, multiple: 1 },
  XPF: { decimals: 0, multiple: 1 },
};
