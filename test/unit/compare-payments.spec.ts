import {
  type OurOperation,
  type OurPayment,
  comparePayments,
  isOpenAtProvider,
} from '../../src/orders/payment-check/compare';
import type { ProviderPayment } from '../../src/payment/provider-payments';
import { disputeOf, paymentOf, refundOf } from '../support/provider-payments';

const orderId = '01936a3e-8f00-7000-8000-000000000001';
const installation = 'ins_ours';

const operation = (kind: OurOperation['kind'], more: Partial<OurOperation> = {}): OurOperation => ({
  id: `${kind} ${more.number ?? 1}`,
  kind,
  number: 1,
  request: null,
  status: 'approved',
  amount: 1_000,
  reference: kind === 'refund' ? 're_1' : 'pi_1',
  paymentAttempt: 1,
  ...more,
});

const placed: OurPayment = {
  orderId,
  orderStatus: 'placed',
  capture: 'automatic',
  sagaHasEnded: true,
  amount: 1_000,
  currency: 'EUR',
  operations: [operation('authorize'), operation('capture')],
  facts: [],
  accounts: [null],
  installation,
};
/** Its first card was declined and canceled; the second is captured when the order ships. */
const onSecondCard: OurPayment = {
  ...placed,
  capture: 'on_shipment',
  operations: [
    operation('authorize', { status: 'declined', reference: 'pi_0' }),
    operation('void', { reference: 'pi_0' }),
    operation('authorize', { number: 2, paymentAttempt: 2 }),
  ],
};
const refunded = (refund: Partial<OurOperation> = {}): OurPayment => ({
  ...placed,
  orderStatus: 'refunded',
  operations: [...placed.operations, operation('refund', refund)],
});
const authorized: OurPayment = {
  ...placed,
  orderStatus: 'pending',
  sagaHasEnded: false,
  operations: [operation('authorize')],
};
const rejected: OurPayment = {
  ...placed,
  orderStatus: 'rejected',
  operations: [operation('authorize', { status: 'declined', reference: null })],
};
const known = (
  type: OurPayment['facts'][number]['type'],
  reference: string,
  status: string | null = null,
) => ({
  id: `fact ${type}`,
  type,
  reference,
  status,
  dueBy: new Date('2026-12-01T10:00:00.000Z'),
  isOpen: true,
});

const kept = (more: Partial<ProviderPayment> = {}) => paymentOf('pi_1', more);
const own = { orderId, installation };
const held = { status: 'requires_capture', received: 0, capturable: 1_000 };

const differencesOf = (ours: OurPayment, ...provider: ProviderPayment[]) =>
  comparePayments(ours, provider).map(
    ({ kind, reference, amountAtRisk, isCase }) =>
      `${kind} ${reference}${amountAtRisk ? `, ${amountAtRisk} at risk` : ''}${isCase ? ', case' : ''}`,
  );

describe('comparePayments', () => {
  it.each<[string, OurPayment, ProviderPayment[], string[]]>([
    ['nothing for a captured order', placed, [kept()], []],
    [
      'nothing for an order that stands on the authorization of its second card',
      onSecondCard,
      [paymentOf('pi_0', { ...own, status: 'canceled', received: 0 }), kept({ ...own, ...held })],
      [],
    ],
    [
      'the end of its second card’s authorization',
      onSecondCard,
      [kept({ ...own, status: 'canceled', received: 0 })],
      ['authorization_expired pi_1, 1000 at risk, case'],
    ],
    [
      'nothing for a refund that both sides call done',
      refunded(),
      [kept({ refunds: [refundOf('re_1')] })],
      [],
    ],
    [
      'nothing for a refund that both sides call pending',
      refunded({ status: 'pending' }),
      [kept({ refunds: [refundOf('re_1', { status: 'pending' })] })],
      [],
    ],
    [
      'P17: a pending refund that succeeded',
      refunded({ status: 'pending' }),
      [kept({ refunds: [refundOf('re_1')] })],
      ['refund_settled re_1'],
    ],
    [
      'P17: a pending refund by our metadata, when its reference was never heard',
      refunded({ status: 'pending', reference: null }),
      [kept({ refunds: [refundOf('re_9', { orderId, kind: 'refund', number: 1 })] })],
      ['refund_settled re_9'],
    ],
    [
      'P18: a pending refund that failed',
      refunded({ status: 'pending' }),
      [kept({ refunds: [refundOf('re_1', { status: 'failed' })] })],
      ['refund_failed re_1, 1000 at risk, case'],
    ],
    [
      'P18: a refund that failed after it had succeeded',
      refunded(),
      [kept({ refunds: [refundOf('re_1', { status: 'failed' })] })],
      ['refund_failed re_1, 1000 at risk, case'],
    ],
    [
      'P18: a refund that was cancelled at the provider',
      refunded(),
      [kept({ refunds: [refundOf('re_1', { status: 'canceled' })] })],
      ['refund_failed re_1, 1000 at risk, case'],
    ],
    [
      'nothing for a refund that is known to have failed',
      refunded({ status: 'failed' }),
      [kept({ refunds: [refundOf('re_1', { status: 'failed' })] })],
      [],
    ],
    [
      'P18: the success of the refund that replaced a failed one',
      {
        ...refunded({ status: 'failed' }),
        operations: [
          ...refunded({ status: 'failed' }).operations,
          operation('refund', { number: 2, reference: 're_2' }),
        ],
        facts: [known('refund_failed', 're_1')],
      },
      [kept({ refunds: [refundOf('re_2'), refundOf('re_1', { status: 'failed' })] })],
      ['refund_settled re_2'],
    ],
    [
      'P25: a refund made in the dashboard',
      placed,
      [kept({ refunds: [refundOf('re_7', { amount: 400 })] })],
      ['refunded_outside re_7, 400 at risk, case'],
    ],
    [
      'P25: a refund made in the dashboard while the saga runs',
      { ...placed, sagaHasEnded: false },
      [kept({ refunds: [refundOf('re_7', { amount: 400 })] })],
      ['refunded_outside re_7, 400 at risk, case'],
    ],
    [
      'nothing for the refund that a running saga has sent',
      { ...placed, sagaHasEnded: false },
      [kept({ refunds: [refundOf('re_7', { orderId, kind: 'refund', number: 1 })] })],
      [],
    ],
    [
      'nothing for an outside refund that is recorded',
      { ...placed, facts: [known('refunded_outside', 're_7', 'succeeded')] },
      [kept({ refunds: [refundOf('re_7')] })],
      [],
    ],
    [
      'P25: an outside refund that failed later',
      { ...placed, facts: [known('refunded_outside', 're_7', 'succeeded')] },
      [kept({ refunds: [refundOf('re_7', { status: 'failed' })] })],
      ['refund_updated re_7'],
    ],
    [
      'P25: a dispute',
      placed,
      [kept({ disputes: [disputeOf('dp_1')] })],
      ['dispute_opened dp_1, 1000 at risk, case'],
    ],
    [
      'nothing for a dispute that is recorded',
      { ...placed, facts: [known('dispute_opened', 'dp_1', 'needs_response')] },
      [kept({ disputes: [disputeOf('dp_1')] })],
      [],
    ],
    [
      'P25: a dispute whose evidence was sent',
      { ...placed, facts: [known('dispute_opened', 'dp_1', 'needs_response')] },
      [kept({ disputes: [disputeOf('dp_1', { status: 'under_review' })] })],
      ['dispute_updated dp_1'],
    ],
    [
      'P25: a dispute that was won',
      { ...placed, facts: [known('dispute_opened', 'dp_1', 'under_review')] },
      [kept({ disputes: [disputeOf('dp_1', { status: 'won' })] })],
      ['dispute_updated dp_1', 'dispute_won dp_1'],
    ],
    [
      'P25: a dispute that was lost before it was seen',
      placed,
      [kept({ disputes: [disputeOf('dp_1', { status: 'lost' })] })],
      ['dispute_opened dp_1, 1000 at risk, case', 'dispute_lost dp_1, 1000 at risk, case'],
    ],
    [
      'P25: an authorization that ended before its capture',
      authorized,
      [kept({ status: 'canceled', received: 0, cancellationReason: 'automatic' })],
      ['authorization_expired pi_1, 1000 at risk, case'],
    ],
    [
      'nothing for an authorization that we voided',
      { ...rejected, operations: [operation('authorize'), operation('void')] },
      [kept({ status: 'canceled', received: 0 })],
      [],
    ],
    ['nothing for an authorization that its saga will capture', authorized, [kept(held)], []],
    [
      'P7: a late authorization beside the kept one',
      {
        ...authorized,
        operations: [
          operation('authorize', { status: 'failed', reference: null }),
          operation('authorize', { number: 2 }),
        ],
      },
      [kept({ ...held, number: 2 }), paymentOf('pi_0', { ...held, ...own })],
      ['stray_authorization pi_0, 1000 at risk, case'],
    ],
    [
      'nothing for an authorization that a running saga may still adopt',
      { ...authorized, operations: [operation('authorize', { status: 'unknown', reference: null })] },
      [paymentOf('pi_0', { ...held, ...own })],
      [],
    ],
    [
      'P7: an authorization of an order that has ended without it',
      rejected,
      [paymentOf('pi_0', { ...held, ...own })],
      ['stray_authorization pi_0, 1000 at risk, case'],
    ],
    [
      'an authorization that we call voided and the provider does not',
      { ...rejected, operations: [operation('authorize'), operation('void')] },
      [kept(held)],
      ['stray_authorization pi_1, 1000 at risk, case'],
    ],
    [
      'nothing for a declined intent, which holds no money',
      rejected,
      [paymentOf('pi_0', { ...own, status: 'requires_payment_method', received: 0 })],
      [],
    ],
    [
      'a charge of an order that has ended without it',
      rejected,
      [paymentOf('pi_0', { ...own, refunds: [refundOf('re_7', { status: 'failed' })] })],
      ['stray_charge pi_0, 1000 at risk, case'],
    ],
    [
      'a second charge of a placed order',
      placed,
      [kept(), paymentOf('pi_2', own)],
      ['stray_charge pi_2, 1000 at risk, case'],
    ],
    [
      'a capture that the provider does not have',
      placed,
      [kept(held)],
      ['not_captured pi_1, 1000 at risk, case'],
    ],
    ['another amount', placed, [kept({ received: 900 })], ['amount_differs pi_1, 100 at risk, case']],
    [
      'nothing of a difference that is recorded',
      { ...placed, facts: [known('amount_differs', 'pi_1')] },
      [kept({ received: 900 })],
      [],
    ],
  ])('reports %s', (_, ours, provider, expected) => {
    expect(differencesOf(ours, ...provider)).toEqual(expected);
  });

  it.each<[string, Partial<ProviderPayment>, boolean]>([
    ['of this installation', own, true],
    [
      'of another installation, as of the original of this database',
      { orderId, installation: 'ins_other' },
      false,
    ],
    ['that names no installation', { orderId }, false],
  ])('P30: reports whether a stray authorization %s may be voided', (_, owner, mayVoid) => {
    const [stray] = comparePayments(rejected, [paymentOf('pi_0', { ...held, ...owner })]);
    expect(stray!.data.mayVoid).toBe(mayVoid);
  });
});

describe('isOpenAtProvider', () => {
  it.each<[string, OurPayment, ProviderPayment[], boolean]>([
    [
      'a pending refund',
      refunded({ status: 'pending' }),
      [kept({ refunds: [refundOf('re_1', { status: 'pending' })] })],
      true,
    ],
    ['a refund that succeeded', refunded(), [kept({ refunds: [refundOf('re_1')] })], false],
    ['a captured payment', placed, [kept()], false],
    [
      'an authorization that a running saga may still adopt',
      { ...authorized, operations: [operation('authorize', { status: 'unknown', reference: null })] },
      [paymentOf('pi_0', { ...held, ...own })],
      true,
    ],
    [
      'an authorization that ended while the saga did not know its result',
      { ...authorized, operations: [operation('authorize', { status: 'unknown' })] },
      [paymentOf('pi_1', { ...held, ...own, status: 'canceled', capturable: 0 })],
      true,
    ],
  ])('is, for %s, what it must be', (_, ours, provider, expected) => {
    expect(isOpenAtProvider(ours, provider)).toBe(expected);
  });
});
