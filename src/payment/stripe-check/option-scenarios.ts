import type { SentOptions } from '../payment-options';
import { type Scenario, type Step, approved, authorize, cancel, look, visa } from './scenario';

/** A value that the shop sent and Stripe refuses is a decline (P8). */
const refused = (field: string, options: SentOptions): Step =>
  authorize(`declined invalid_${field}, another card may do`, { options });

/** Payments with options, and at connected accounts. */
export const withOptions: Scenario[] = [
  {
    name: 'a saved card, without its customer and with it',
    method: { sandbox: 'pm_sandbox_saved_card' },
    onlySandbox: 'it needs a customer of the account',
    steps: [
      authorize('declined invalid_payment_method, another card may do'),
      authorize(approved, { options: { customer: 'cus_sandbox', offSession: true } }),
    ],
  },
  {
    name: 'a payment with every option that a buyer is asked for',
    method: visa,
    options: {
      setupFutureUsage: 'on_session',
      returnUrl: 'https://shop.example/done',
      statementSuffix: 'ORDER 4711',
      receiptEmail: 'buyer@example.com',
    },
    steps: [authorize(approved), authorize(approved), cancel(approved)],
  },
  {
    name: 'a buyer who is away, with a card that wants 3-D Secure',
    method: { sandbox: 'pm_sandbox_requires_action' },
    options: { customer: 'cus_sandbox', offSession: true },
    onlySandbox: 'it needs a customer of the account',
    steps: [
      authorize('declined authentication_required, another card may do'),
      authorize('declined authentication_required, another card may do', look),
    ],
  },
  {
    name: 'options that are refused, and then the card alone',
    method: visa,
    steps: [
      refused('customer', { customer: 'nobody' }),
      refused('return_url', { returnUrl: 'no page' }),
      refused('statement_descriptor_suffix', { statementSuffix: '4711' }),
      refused('receipt_email', { receiptEmail: 'nobody' }),
      refused('setup_future_usage', { setupFutureUsage: 'later' as 'on_session' }),
      refused('off_session', { offSession: true, setupFutureUsage: 'off_session' }),
      authorize(approved),
    ],
  },
  {
    name: 'a connected account that has taken its permission back',
    method: { sandbox: 'pm_card_visa' },
    account: 'acct_revoked_shop',
    onlySandbox: 'it needs a connected account',
    steps: [authorize('misused 403 account_invalid'), authorize('misused 403 account_invalid', look)],
  },
];
