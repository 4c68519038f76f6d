import type { AskMode } from '../ask-provider';
import type { SentOptions } from '../payment-options';
import type { OperationKind } from '../payment-operations.repository';

/** See `scenarios.ts`. */
export interface Scenario {
  name: string;
  /** The payment method that leads there. Stripe's are on docs.stripe.com/testing. */
  method: { sandbox: string; stripe?: string };
  /** Why Stripe's test mode cannot show it. */
  onlySandbox?: string;
  /** Default: 19.99 EUR. */
  money?: { amount: number; currency: string };
  options?: SentOptions;
  /** Until when can it be captured? */
  asksDeadline?: true;
  /** A connected account. */
  account?: string;
  /** For a provider that does not answer. */
  timeoutMs?: number;
  steps: Step[];
}

export interface Step {
  /** `refund in the dashboard` and `dispute` (waits for one) are not calls of the gateway. */
  call: OperationKind | 'refund in the dashboard' | 'dispute';
  /** As `lineOf` writes it. */
  answer: string;
  /** Default: `send`, which is a repeat under the same key after the first time. */
  mode?: AskMode;
  /** Another number is another key. Default: 1. */
  number?: number;
  amount?: number;
  /** Instead of those of the scenario. */
  options?: SentOptions;
  /** Instead of the authorization of this scenario. */
  authorization?: string;
  /** The metadata of another order. */
  order?: 'another';
  key?: 'wrong' | 'restricted';
  /** It may take a while until the answer is this. */
  eventually?: true;
  /** The saga's lease leaves no time for a second call. */
  hasTime?: false;
  /** What Stripe's documentation leaves open, and this step answers. */
  question?: string;
}

export type More = Omit<Step, 'call' | 'answer'>;
export const step =
  (call: Step['call']) =>
  (answer: string, more: More = {}): Step => ({ call, answer, ...more });
export const [authorize, charge, capture, cancel, refund] = [
  step('authorize'),
  step('charge'),
  step('capture'),
  step('void'),
  step('refund'),
];

export const look: More = { mode: 'look' };
export const search: More = { mode: 'search' };
export const approved = 'approved 1999 EUR';
export const visa = { sandbox: 'pm_card_visa', stripe: 'pm_card_visa' };
export const canceled = 'declined authorization_canceled';
export const paid = [authorize(approved), capture(approved)];
