import type { FactType } from '../../payment/payment-facts.repository';
import { disputeIsWon } from '../../payment/payment-facts.repository';
import { type OperationKind, isAuthorization } from '../../payment/payment-operations.repository';
import type { ProviderDispute, ProviderPayment, ProviderRefund } from '../../payment/provider-payments';
import type { CaptureMode, OrderStatus } from '../order.entity';

/** What we have recorded of an order's money. */
export interface OurPayment {
  orderId: string;
  orderStatus: OrderStatus;
  /** False while its saga still acts on the payment. */
  sagaHasEnded: boolean;
  amount: number;
  currency: string;
  capture: CaptureMode;
  /** Oldest first. */
  operations: OurOperation[];
  facts: KnownFact[];
  /** This installation, as the metadata of its payments name it. */
  installation: string;
  /** Where the order may have payments; what others have at another account is not the order's. */
  accounts: (string | null)[];
}

export interface OurOperation {
  id: string;
  kind: OperationKind;
  number: number | null;
  /** Of a refund in part. */
  request: string | null;
  status: string;
  amount: number;
  reference: string | null;
  declineCode?: string | null;
  /** Which of the cards that were tried it is for. */
  paymentAttempt: number;
}

export interface KnownFact {
  id: string;
  type: FactType;
  reference: string;
  status: string | null;
  dueBy: Date | null;
  isOpen: boolean;
}

export type DifferenceKind = 'refund_settled' | 'dispute_updated' | 'refund_updated' | FactType;

/** Something that the provider reports and our records do not say. `ours` and `provider` are short, for a list. */
export interface Difference {
  kind: DifferenceKind;
  /** The provider's id of what it is about. */
  reference: string;
  amount: number;
  currency: string;
  ours: string;
  provider: string;
  /** By the provider's clock. */
  at: Date;
  status: string | null;
  dueBy: Date | null;
  data: Record<string, unknown>;
  amountAtRisk: number;
  isCase: boolean;
  /** The operation whose end this is. */
  operationId: string | null;
}

/**
 * Compares an order's money with the provider's. Pure: it decides nothing about stock or the order's status, and reports
 * only what the recorded facts do not say already.
 *
 * While a saga still acts on the payment, the payment is its business; only what began at the provider is reported.
 */
export function comparePayments(ours: OurPayment, provider: ProviderPayment[]): Difference[] {
  return provider.flatMap((payment) => [
    ...payment.refunds.flatMap((refund) => refundDifferences(ours, payment, refund)),
    ...payment.disputes.flatMap((dispute) => disputeDifferences(ours, dispute)),
    ...(keptReference(ours) === payment.reference
      ? keptDifferences(ours, payment)
      : strayDifferences(ours, payment)),
  ]);
}

/** Whether something is still open at the provider, so that it must be looked at again. */
export function isOpenAtProvider(ours: OurPayment, provider: ProviderPayment[]): boolean {
  // A call that is under way may have read an older state, and its result is recorded after this comparison.
  const isInDoubt = ours.operations.some(
    (one) => isAuthorization(one) && (one.status === 'sent' || one.status === 'unknown'),
  );
  return provider.some(
    (payment) =>
      (isInDoubt && !ours.sagaHasEnded) ||
      payment.refunds.some((refund) => isPending(refund)) ||
      // The saga may still adopt it.
      (payment.reference !== keptReference(ours) &&
        mayCharge(payment.status) &&
        !isStray(ours, payment.reference)),
  );
}

/** The intent of the authorization that the order's saga works with. */
export const keptReference = (ours: OurPayment): string | null => kept(ours)?.reference ?? null;

const kept = ({ operations }: Pick<OurPayment, 'operations'>): OurOperation | undefined =>
  operations.findLast((one) => isAuthorization(one) && ['approved', 'pending'].includes(one.status));
/** The void of an earlier card says nothing about the payment that is kept. */
const doneWithKept = (ours: Pick<OurPayment, 'operations'>): OurOperation[] =>
  ours.operations.filter(({ paymentAttempt }) => paymentAttempt === kept(ours)?.paymentAttempt);

const isPending = ({ status }: ProviderRefund) => status === 'pending' || status === 'requires_action';
// guard: failed-refund-is-no-refund
const hasFailed = ({ status }: ProviderRefund) => status === 'failed' || status === 'canceled';
/** Also one that waits for the buyer: the browser that has its secret can still confirm it. A declined one holds no money. */
const mayCharge = (status: string) => ['requires_capture', 'requires_action', 'processing'].includes(status);

const fact = (
  kind: DifferenceKind,
  about: { reference: string; amount: number; currency: string; createdAt: Date; status?: string },
  more: Partial<Difference> & Pick<Difference, 'ours' | 'provider'>,
): Difference => ({
  kind,
  reference: about.reference,
  amount: about.amount,
  currency: about.currency,
  at: about.createdAt,
  status: about.status ?? null,
  dueBy: null,
  data: {},
  amountAtRisk: 0,
  isCase: false,
  operationId: null,
  ...more,
});

const known = ({ facts }: OurPayment, type: FactType, { reference }: { reference: string }) =>
  facts.find((one) => one.type === type && one.reference === reference);

function refundDifferences(ours: OurPayment, payment: ProviderPayment, refund: ProviderRefund): Difference[] {
  const operation = operationOf(ours, refund);
  if (!operation) return outsideRefund(ours, payment, refund);
  const isAccepted = operation.status === 'pending' || operation.status === 'approved';
  if (hasFailed(refund)) {
    if (!isAccepted) return [];
    const reason = refund.failureReason ?? refund.status;
    return [
      fact('refund_failed', refund, {
        ours: `refund ${operation.status}`,
        provider: `refund ${refund.status} (${reason})`,
        operationId: operation.id,
        data: { failureReason: reason },
        amountAtRisk: refund.amount,
        isCase: true,
      }),
    ];
  }
  if (refund.status !== 'succeeded') return [];
  // A refund that reached the customer settles the case of an earlier try that did not.
  const cures = failedBefore(ours, operation).some(({ isOpen }) => isOpen);
  return operation.status === 'pending' || (operation.status === 'approved' && cures)
    ? [
        fact('refund_settled', refund, {
          ours: `refund ${operation.status}`,
          provider: 'refund succeeded',
          operationId: operation.id,
        }),
      ]
    : [];
}

/** The cases of refunds for the same purpose: of the whole order, or of one request. */
export function failedBefore({ operations, facts }: OurPayment, of: OurOperation): KnownFact[] {
  const same = operations.filter(({ kind, request }) => kind === 'refund' && request === of.request);
  const references = same.map(({ reference }) => reference);
  return facts.filter(({ type, reference }) => type === 'refund_failed' && references.includes(reference));
}

/** By the provider's id; by our metadata while the id is not known here. */
function operationOf({ orderId, operations }: OurPayment, refund: ProviderRefund): OurOperation | undefined {
  const refunds = operations.filter(({ kind }) => kind === 'refund');
  const isOurs = refund.orderId === orderId && (refund.kind === 'refund' || refund.kind === null);
  const isFor = ({ reference, number, request }: OurOperation) =>
    reference === null && number === refund.number && request === refund.request;
  return (
    refunds.find(({ reference }) => reference === refund.reference) ??
    (isOurs ? refunds.find(isFor) : undefined)
  );
}

function outsideRefund(ours: OurPayment, payment: ProviderPayment, refund: ProviderRefund): Difference[] {
  // Sent by a build or a database that this one does not know of is outside too; sent by the running saga is not.
  if (refund.orderId === ours.orderId && !ours.sagaHasEnded) return [];
  const before = known(ours, 'refunded_outside', refund);
  const more = {
    ours: 'no refund',
    provider: `refund ${refund.status}`,
    data: {
      payment: payment.reference,
      ...(refund.failureReason && { failureReason: refund.failureReason }),
    },
  };
  if (before)
    return before.status === refund.status
      ? []
      : [fact('refund_updated', refund, { ...more, ours: `refund ${before.status}` })];
  // No money has moved.
  if (hasFailed(refund)) return [];
  // guard: refund-by-others-is-recorded
  return [fact('refunded_outside', refund, { ...more, amountAtRisk: refund.amount, isCase: true })];
}

/** Won and lost are facts after the first: each closes it. */
function disputeDifferences(ours: OurPayment, dispute: ProviderDispute): Difference[] {
  const before = known(ours, 'dispute_opened', dispute);
  const isOver = disputeIsWon(dispute.status) || dispute.status === 'lost';
  const more = {
    ours: before ? `dispute ${before.status}` : 'no dispute',
    provider: `dispute ${dispute.status}`,
    dueBy: dispute.dueBy,
    data: { reason: dispute.reason },
  };
  const isNews = before?.status !== dispute.status || before.dueBy?.getTime() !== dispute.dueBy?.getTime();
  const end = dispute.status === 'lost' ? 'dispute_lost' : 'dispute_won';
  const opened = fact('dispute_opened', dispute, { ...more, amountAtRisk: dispute.amount, isCase: true });
  const atRisk = dispute.status === 'lost' ? dispute.amount : 0;
  return [
    // guard: dispute-is-recorded
    ...(before ? [] : [opened]),
    ...(before && isNews ? [fact('dispute_updated', dispute, more)] : []),
    ...(isOver && !known(ours, end, dispute)
      ? [fact(end, dispute, { ...more, amountAtRisk: atRisk, isCase: atRisk > 0 })]
      : []),
  ];
}

/** The intent that the saga works with, or has worked with. */
function keptDifferences(ours: OurPayment, payment: ProviderPayment): Difference[] {
  const operations = doneWithKept(ours);
  const has = (kind: OperationKind, ...statuses: string[]) =>
    operations.some((one) => one.kind === kind && statuses.includes(one.status));
  const taken = operations.find(
    ({ kind, status: known }) => (kind === 'capture' || kind === 'charge') && known === 'approved',
  );
  const { status, received } = payment;
  const differs = (type: FactType, about: string, amountAtRisk: number, more: Partial<Difference> = {}) =>
    known(ours, type, payment)
      ? []
      : [
          fact(type, payment, {
            ours: about,
            provider: `${status}, ${received} received`,
            amountAtRisk,
            isCase: true,
            ...more,
          }),
        ];

  // guard: ended-authorization-is-reported
  if (status === 'canceled') {
    // A void of ours that is under way, or done.
    if (has('void', 'sent', 'unknown', 'pending', 'approved')) return [];
    if (taken) return differs('not_captured', 'captured', taken.amount);
    const isEnded = ours.orderStatus !== 'pending' && ours.orderStatus !== 'placed';
    return differs('authorization_expired', 'authorized', isEnded ? 0 : ours.amount, {
      at: payment.canceledAt ?? payment.createdAt,
      data: { reason: payment.cancellationReason },
      isCase: !isEnded,
    });
  }
  // A capture that is under way is its own worker's business.
  if (!ours.sagaHasEnded || has('capture', 'sent', 'unknown', 'pending')) return [];
  if (status === 'succeeded') {
    if (!taken) return strayCharge(ours, payment, 'not captured');
    // Of a charge in part, what was taken is given back.
    const isAsAsked = received === taken.amount && payment.currency === ours.currency;
    return isAsAsked || taken.declineCode
      ? []
      : differs(
          'amount_differs',
          `captured ${taken.amount} ${ours.currency}`,
          Math.abs(received - taken.amount),
        );
  }
  if (taken) return differs('not_captured', 'captured', taken.amount);
  if (isHeld(ours)) return [];
  return mayCharge(status) ? strayAuthorization(ours, payment) : [];
}

/** Placed on an authorization, which is captured when the order ships. */
export const isHeld = ({ capture, orderStatus, operations }: OurPayment): boolean =>
  capture === 'on_shipment' &&
  orderStatus === 'placed' &&
  !doneWithKept({ operations }).some(
    ({ kind, status }) => (kind === 'capture' || kind === 'void') && status === 'approved',
  );

/** Its metadata name the order, and its saga does not keep it. */
function strayDifferences(ours: OurPayment, payment: ProviderPayment): Difference[] {
  if (!isStray(ours, payment.reference)) return [];
  if (payment.status === 'succeeded') return strayCharge(ours, payment, 'another payment');
  return mayCharge(payment.status) ? strayAuthorization(ours, payment) : [];
}

/** Without a kept intent, a saga that still runs may adopt this one. */
const isStray = (ours: OurPayment, reference: string): boolean => {
  const known = keptReference(ours);
  return ours.sagaHasEnded || (known !== null && known !== reference);
};

/**
 * Voided when it is surely ours: a copy of this database names the same order, and would void what the original still needs.
 */
function strayAuthorization(ours: OurPayment, payment: ProviderPayment): Difference[] {
  if (known(ours, 'stray_authorization', payment)) return [];
  const { capturable, amount, reference, account } = payment;
  // guard: only-our-authorizations-are-voided
  const mayVoid = payment.installation === ours.installation && payment.orderId === ours.orderId;
  return [
    fact('stray_authorization', payment, {
      ours: `order ${ours.orderStatus}`,
      provider: payment.status,
      data: { payment: reference, mayVoid, ...(account !== null && { account }) },
      amountAtRisk: capturable || amount,
      isCase: true,
    }),
  ];
}

function strayCharge(ours: OurPayment, payment: ProviderPayment, about: string): Difference[] {
  const given = payment.refunds
    .filter((refund) => !hasFailed(refund))
    .reduce((sum, { amount }) => sum + amount, 0);
  const left = payment.received - given;
  if (left <= 0 || known(ours, 'stray_charge', payment)) return [];
  return [
    fact('stray_charge', payment, {
      ours: about,
      provider: `succeeded, ${payment.received} received`,
      amountAtRisk: left,
      isCase: true,
    }),
  ];
}
