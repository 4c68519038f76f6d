/**
 * What a payment is made with besides its method, in the words of the API. They are sent to the provider unchanged with
 * every repeat, because it compares them.
 */
export interface PaymentOptions {
  /** The provider's id of the buyer that a saved method belongs to. */
  customer?: string;
  /** The buyer is not there, so that a demand to authenticate is a decline. */
  offSession?: boolean;
  setupFutureUsage?: SetupFutureUsage;
  returnUrl?: string;
  statementSuffix?: string;
  /** Personal data: never in a log, an event or the dashboard. */
  receiptEmail?: string;
  /** The connected account that the key of the request belonged to. Absent: the provider's own account of the installation. */
  stripeAccount?: string;
}

/** The same options at this account. Null: none, at our own account. */
export function atAccount(options: PaymentOptions | null, account: string | null): PaymentOptions | null {
  const { stripeAccount: _, ...sent } = options ?? {};
  const placed = { ...sent, ...(account !== null && { stripeAccount: account }) };
  return Object.keys(placed).length > 0 ? placed : null;
}

/** The options that the provider is sent. The account is where it is sent. */
export type SentOptions = Omit<PaymentOptions, 'stripeAccount'>;

export const setupFutureUsages = ['on_session', 'off_session'] as const;
export type SetupFutureUsage = (typeof setupFutureUsages)[number];
