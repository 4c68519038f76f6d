import type { PaymentOperation } from '../../src/payment/payment-operations.repository';
import { moneySentence } from '../../src/reporting/order-timeline/saga-money';
import { formatSentence } from '../../src/reporting/order-timeline/story-formatting';

/** The sentence about money of an order of € 30.00 that was captured and refunded in parts. */

type Refund = [amount: number, status: PaymentOperation['status'], request?: string];

const operation = (kind: string, amount: number, more: Partial<PaymentOperation>) =>
  ({ kind, amount, status: 'approved', declineCode: null, failureReason: null, ...more }) as PaymentOperation;

function sentence(...refunds: Refund[]): string {
  const operations = [
    operation('authorize', 3_000, {}),
    operation('capture', 3_000, {}),
    ...refunds.map(([amount, status, request = `r${amount}`]) =>
      operation('refund', amount, {
        status,
        request,
        failureReason: status === 'failed' ? 'lost_card' : null,
      }),
    ),
  ];
  const about = {
    currency: 'EUR',
    capture: 'automatic' as const,
    saga: { status: 'completed' as const, endsAs: null },
    transitions: [],
    operations,
    facts: [],
  };
  return formatSentence(moneySentence(about)).replaceAll('\u202f', ' ');
}

describe('the sentence about refunds in part', () => {
  it.each<[string, Refund[]]>([
    [
      'The customer paid € 30.00 and got € 12.50 back.',
      [
        [500, 'approved'],
        [750, 'approved'],
      ],
    ],
    [
      'The customer paid € 30.00 and got € 5.00 back; whether the refund of € 7.50 went through is not known yet.',
      [
        [500, 'approved'],
        [750, 'unknown'],
      ],
    ],
    [
      'The customer paid € 30.00 and got € 5.00 back; the provider has accepted the refund of € 10.00 and has not finished it.',
      [
        [750, 'pending'],
        [500, 'approved'],
        [250, 'pending'],
      ],
    ],
    [
      'The customer paid € 30.00 and got € 7.50 back; the refund of € 5.00 did not reach the customer: lost card.',
      [
        [500, 'failed'],
        [750, 'approved'],
      ],
    ],
    [
      'The customer paid € 30.00 and got € 5.00 back.',
      [
        [500, 'failed', 'r'],
        [500, 'approved', 'r'],
      ],
    ],
  ])('says: %s', (said, refunds) => {
    expect(sentence(...refunds)).toBe(said);
  });
});
