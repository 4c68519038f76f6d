import type { ProviderPayment } from '../../payment/provider-payments';
import { type Difference, type OurPayment, comparePayments, keptReference } from './compare';

/** Compares an order's money with all payments that the provider has of it, so that one that is missing is found too. */
export function compareOrder(ours: OurPayment, all: ProviderPayment[], now: Date): Difference[] {
  return [...comparePayments(ours, all), ...missing(ours, all, now)];
}

function missing(ours: OurPayment, all: ProviderPayment[], now: Date): Difference[] {
  const reference = keptReference(ours);
  const approved = (kind: string) =>
    ours.operations.some((one) => one.kind === kind && one.status === 'approved');
  const isTaken = approved('capture') || approved('charge');
  const isThere = all.some((payment) => payment.reference === reference);
  const isKnown = ours.facts.some((one) => one.type === 'not_captured' && one.reference === reference);
  if (reference === null || isThere || isKnown || !ours.sagaHasEnded || !isTaken) return [];
  return [
    {
      kind: 'not_captured',
      reference,
      amount: ours.amount,
      currency: ours.currency,
      ours: 'captured',
      provider: 'no such payment',
      at: now,
      status: null,
      dueBy: null,
      data: {},
      amountAtRisk: approved('refund') ? 0 : ours.amount,
      isCase: true,
      operationId: null,
    },
  ];
}
