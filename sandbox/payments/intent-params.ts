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
import { invalidRequest, resourceMissing } from '../stripe/errors';

const currencies = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()));

export interface Authorization {
  amount: number;
  currency: string;
  paymentMethod: string;
  behaviour: Behaviour;
  captureMethod: 'automatic' | 'manual';
  metadata: Record<string, string>;
  description: string | undefined;
}

/**
 * Reads the parameters of `POST /v1/payment_intents`. Only confirmed card payments, because Holdfast makes no others.
 *
 * `payment_method_types` is the older name of `allowed_payment_method_types`. `error_on_requires_action` and
 * `off_session` have no effect, because no payment method here requires an action.
 */
export function readAuthorization(params: Params): Authorization {
  refuseUnknown(params, [
    'amount',
    'currency',
    'payment_method',
    'confirm',
    'capture_method',
    'allowed_payment_method_types',
    'payment_method_types',
    'error_on_requires_action',
    'off_session',
    'metadata',
    'description',
    'expand',
  ]);
  const amount = requiredAmount(params, 'amount');
  const currency = requiredString(params, 'currency').toLowerCase();
  if (!currencies.has(currency))
    throw invalidRequest(`Invalid currency: ${currency}.`, undefined, 'currency');
  const paymentMethod = requiredString(params, 'payment_method');
  const behaviour = behaviourOf(paymentMethod);
  if (!behaviour) throw resourceMissing('PaymentMethod', paymentMethod, 'payment_method', 400);
  if (optionalString(params, 'confirm') !== 'true') {
    throw invalidRequest(
      'The payment sandbox only takes intents with confirm=true.',
      'parameter_missing',
      'confirm',
    );
  }
  for (const name of ['allowed_payment_method_types', 'payment_method_types']) {
    const types = stringList(params, name);
    if (types.length > 0 && !types.includes('card'))
      throw invalidRequest('The payment sandbox only knows cards.', undefined, name);
  }
  return {
    amount,
    currency,
    paymentMethod,
    behaviour,
    captureMethod: oneOf(params, 'capture_method', ['automatic', 'manual'], 'automatic'),
    metadata: metadataOf(params),
    description: optionalString(params, 'description'),
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
