import { behaviourOf, type Behaviour } from '../faults/behaviours';
import {
  metadataOf,
  oneOf,
  optionalAmount,
  optionalString,
  refuseUnknown,
  requiredAmount,
  requiredString,
  stringList,
  type Params,
} from '../stripe/params';
import { refuseUnchargeable } from '../stripe/currencies';
import { invalidRequest, resourceMissing } from '../stripe/errors';
import type { IntentOptions, IntentRecord } from '../ledger/records';

export interface Authorization {
  amount: number;
  currency: string;
  paymentMethod: string;
  behaviour: Behaviour;
  captureMethod: 'automatic' | 'manual';
  metadata: Record<string, string>;
  description: string | undefined;
  /** Authentication is no option: where it is required, the request is declined. */
  isUnattended: boolean;
  options: IntentOptions;
  /** See `IntentRecord`. */
  account?: string;
}

/** What both creation and confirmation may name. */
const confirmable = [
  'payment_method',
  'off_session',
  'error_on_requires_action',
  'return_url',
  'setup_future_usage',
  'receipt_email',
  'expand',
];

/** Reads the parameters of `POST /v1/payment_intents`. Only confirmed card payments, because Holdfast makes no others. */
export function readAuthorization(params: Params): Authorization {
  refuseUnknown(params, [
    ...confirmable,
    'amount',
    'currency',
    'confirm',
    'capture_method',
    'allowed_payment_method_types',
    'customer',
    'statement_descriptor_suffix',
    'metadata',
    'description',
  ]);
  const amount = requiredAmount(params, 'amount');
  const currency = requiredString(params, 'currency').toLowerCase();
  refuseUnchargeable(amount, currency);
  const options = readOptions(params);
  refuseSetupOffSession(params, options);
  const { paymentMethod, behaviour } = readPaymentMethod(params, options.customer);
  if (optionalString(params, 'confirm') !== 'true') {
    throw invalidRequest(
      'The payment sandbox only takes intents with confirm=true.',
      'parameter_missing',
      'confirm',
    );
  }
  const types = stringList(params, 'allowed_payment_method_types');
  // Without a list Stripe may choose a method that redirects the buyer; whether a list of cards is enough, it does not say (?).
  if (types.length === 0 && options.return_url === undefined)
    throw invalidRequest(
      'This PaymentIntent may use payment methods that redirect your customer: provide a `return_url`, or allow cards only.',
      undefined,
      'return_url',
    );
  if (types.length > 0 && !types.includes('card'))
    throw invalidRequest('The payment sandbox only knows cards.', undefined, 'allowed_payment_method_types');
  return {
    amount,
    currency,
    paymentMethod,
    behaviour,
    captureMethod: oneOf(params, 'capture_method', ['automatic', 'manual'], 'automatic'),
    metadata: metadataOf(params),
    description: optionalString(params, 'description'),
    isUnattended: isUnattended(params),
    options,
  };
}

/** Reads the parameters of a confirmation: another card for an intent that was declined. */
export function readConfirmation(params: Params, intent: IntentRecord): Authorization {
  refuseUnknown(params, confirmable);
  const options = { ...intent.options, ...readOptions(params) };
  return {
    ...readPaymentMethod(params, options.customer),
    amount: intent.amount,
    currency: intent.currency,
    captureMethod: intent.captureMethod,
    metadata: { ...intent.metadata },
    description: intent.description,
    isUnattended: isUnattended(params),
    options,
  };
}

function readPaymentMethod(params: Params, customer: string | undefined) {
  const paymentMethod = requiredString(params, 'payment_method');
  const behaviour = behaviourOf(paymentMethod);
  if (!behaviour) throw resourceMissing('PaymentMethod', paymentMethod, 'payment_method', 400);
  if (behaviour.needsCustomer && customer === undefined) {
    throw invalidRequest(
      `The \`payment_method\` parameter supplied ${paymentMethod} belongs to a Customer. Please include the Customer in the \`customer\` parameter on the PaymentIntent.`,
      undefined,
      'payment_method',
    );
  }
  return { paymentMethod, behaviour };
}

/** Stripe cannot ask a buyer who is away for the consent that saving a card needs. */
function refuseSetupOffSession(params: Params, { setup_future_usage: usage }: IntentOptions): void {
  if (usage === undefined || optionalString(params, 'off_session') !== 'true') return;
  throw invalidRequest(
    'You cannot confirm with the `off_session` parameter when `setup_future_usage` is also set on the PaymentIntent because you cannot set up future usages when processing payments off-session.',
    undefined,
    'off_session',
  );
}

const isUnattended = (params: Params): boolean =>
  ['off_session', 'error_on_requires_action'].some((name) => optionalString(params, name) === 'true');

function readOptions(params: Params): IntentOptions {
  const named = (name: keyof IntentOptions, isValid: (text: string) => boolean): IntentOptions => {
    const text = optionalString(params, name);
    if (text === undefined) return {};
    if (isValid(text)) return { [name]: text };
    throw invalidRequest(`Invalid ${name}: ${text}`, undefined, name);
  };
  const customer = optionalString(params, 'customer');
  if (customer !== undefined && !/^cus_\w+$/.test(customer))
    throw resourceMissing('customer', customer, 'customer', 400);
  return {
    ...named('customer', () => true),
    ...named('return_url', (text) => /^[a-z][\w+.-]*:\/\//i.test(text) && URL.canParse(text)),
    ...named('receipt_email', (text) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)),
    ...named('setup_future_usage', (text) => text === 'on_session' || text === 'off_session'),
    // Stripe's rule: at most 22 characters, no quotes or angle brackets, and at least one letter.
    ...named('statement_descriptor_suffix', (text) => /^(?=.*[a-z])[^<>\\'"*]{1,22}$/i.test(text)),
  };
}

export interface Capture {
  amount: number | undefined;
  metadata: Record<string, string>;
}

export function readCapture(params: Params): Capture {
  refuseUnknown(params, ['amount_to_capture', 'metadata', 'expand']);
  return { amount: optionalAmount(params, 'amount_to_capture'), metadata: metadataOf(params) };
}

export function readVoid(params: Params): string | null {
  refuseUnknown(params, ['cancellation_reason', 'expand']);
  if (optionalString(params, 'cancellation_reason') === undefined) return null;
  return oneOf(
    params,
    'cancellation_reason',
    ['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer'],
    'abandoned',
  );
}
