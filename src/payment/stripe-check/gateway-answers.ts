import type { GatewayResult, NotDone, UnknownCode } from '../gateways/gateway';

/** Given by the code around the gateway, or kept in rows of earlier builds: no request to the provider ends so. */
type NotOfTheGateway = 'access_refused' | 'still_processing' | 'not_found';

type Answer =
  | Exclude<GatewayResult['status'] | NotDone['status'], 'unknown' | 'not-asked'>
  | `unknown ${Exclude<UnknownCode, NotOfTheGateway>}`;

/**
 * Every answer that the Stripe gateway gives, with the scenarios that show it. A new kind of answer does not compile without
 * a line here, and a test fails without its scenario.
 */
export const gatewayAnswers: Record<Answer, readonly string[]> = {
  approved: [
    'a charge, each call repeated under its key and looked at',
    'an authorization found by its metadata',
    'a void, repeated and looked at',
    'a refund, repeated and looked at',
    'a currency without decimals',
    'a bank that authorizes half',
  ],
  pending: ['a refund on its way', 'a card that wants 3-D Secure, given up', 'a bank that takes its time'],
  declined: [
    'a declined card, repeated',
    'a card without money',
    'a card that does not exist',
    'an amount below the minimum',
    'an amount above the maximum',
    'a capture that is refused',
  ],
  failed: ['a refund that fails after it succeeded'],
  misused: [
    'a second void under another key',
    'a second refund of the whole under another key',
    'a payment that does not exist',
    'a capture after the void',
    'a refund of a disputed charge',
    'a key that is not ours',
  ],
  'not-done': ['a look at what was never asked for'],
  'unknown no_answer': ['a response that is lost'],
  'unknown provider_error': ['an error saved under the key'],
  'unknown saved_error': ['an error saved under the key'],
  'unknown key_conflict': ['another amount under the same key'],
  'unknown provider_busy': ['too many requests'],
  'unknown key_in_use': ['another request that uses the payment'],
  'unknown no_clear_answer': ['a void after the capture'],
};
