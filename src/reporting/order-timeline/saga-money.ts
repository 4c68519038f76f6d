import { type Money, money } from '../../http/responses';
import type { TimelineRow } from '../../orders/checkout-saga/saga.repository';
import type { OperationKind, PaymentOperation } from '../../payment/payment-operations';
import type { SagaMoney } from './saga.responses';

/**
 * What the provider said instead of what it was asked for. An authorization that was heard with the right amount since
 * has a line of its own.
 */
export function saidOf(kind: OperationKind, transitions: readonly TimelineRow[]): Money | null {
  const line = transitions.findLast(
    ({ code, data }) =>
      (code === 'amount_differs' && data?.operation === kind) ||
      (kind === 'authorize' && code === 'payment_authorized'),
  );
  return line?.data?.said ?? null;
}

/** With the amounts that the provider answered where they are not ours; a void lifts the whole authorization. */
export function asAnswered(recorded: SagaMoney, transitions: readonly TimelineRow[]): SagaMoney {
  const said = saidOf('authorize', transitions);
  const answered = (ours: Money | null) => (said && ours && ours.amount > 0 ? said : ours);
  return { ...recorded, authorized: answered(recorded.authorized), voided: answered(recorded.voided) };
}

type Recorded = Pick<PaymentOperation, 'kind' | 'status' | 'amount' | 'providerReference'>;

export function moneyOf(operations: readonly Recorded[], currency: string): SagaMoney {
  const sum = (kind: OperationKind): number | null => {
    const own = operations.filter((operation) => operation.kind === kind);
    if (own.some(({ status }) => status === 'unknown' || status === 'sent')) return null;
    return own
      .filter(({ status }) => status === 'approved')
      .reduce((total, operation) => total + operation.amount, 0);
  };
  const told = (amount: number | null) => (amount === null ? null : money(amount, currency));
  const [captured, refunded] = [sum('capture'), sum('refund')];
  return {
    authorized: told(sum('authorize')),
    captured: told(captured),
    voided: told(sum('void')),
    refunded: told(refunded),
    paid: told(captured === null || refunded === null ? null : captured - refunded),
    reference:
      operations.find(({ kind, providerReference }) => kind === 'authorize' && providerReference)
        ?.providerReference ?? null,
  };
}
