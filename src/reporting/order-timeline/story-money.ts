import type { OperationKind, PaymentOperation } from '../../payment/payment-operations';
import type { Saga } from '../../orders/saga-state';
import { saidOf } from './saga-money';
import type { TimelineRow } from '../../orders/checkout-saga/saga.repository';

interface Money {
  amount: number;
  currency: string;
}

/** Where the customer's money is, as far as anybody heard. `said`: the provider's own amount, where it is not ours. */
export type MoneySentence =
  | { kind: 'paid'; paid: Money }
  | { kind: 'paid_back'; paid: Money; back: Money }
  | { kind: 'refund_unheard'; paid: Money; refund: Money; said: Money | null }
  | { kind: 'not_refunded'; paid: Money }
  | { kind: 'capture_unheard'; said: Money | null }
  | { kind: 'void_unheard'; held: Money }
  | { kind: 'held'; held: Money; isEnding: boolean }
  | { kind: 'hold_unheard'; said: Money | null }
  | { kind: 'nothing'; isEnding: boolean };

interface Facts {
  currency: string;
  saga: Pick<Saga, 'status' | 'endsAs'>;
  transitions: readonly TimelineRow[];
  operations: readonly PaymentOperation[];
}

export function moneySentence({ currency, saga, transitions, operations }: Facts): MoneySentence {
  const sum = (kind: OperationKind) =>
    operations
      .filter((operation) => operation.kind === kind && operation.status === 'approved')
      .reduce((total, { amount }) => total + amount, 0);
  const unheard = (kind: OperationKind) =>
    operations.find((one) => one.kind === kind && (one.status === 'unknown' || one.status === 'sent'));
  const money = (amount: number): Money => ({ amount, currency });

  const [captured, refunded] = [sum('capture'), sum('refund')];
  const isEnding = saga.endsAs !== null || saga.status === 'completed';
  if (unheard('capture')) return { kind: 'capture_unheard', said: saidOf('capture', transitions) };
  if (captured > 0) {
    const refund = unheard('refund');
    if (refund) {
      const said = saidOf('refund', transitions);
      return { kind: 'refund_unheard', paid: money(captured), refund: money(refund.amount), said };
    }
    if (refunded > 0) return { kind: 'paid_back', paid: money(captured), back: money(refunded) };
    return { kind: saga.endsAs === null ? 'paid' : 'not_refunded', paid: money(captured) };
  }
  if (unheard('authorize')) return { kind: 'hold_unheard', said: saidOf('authorize', transitions) };
  const authorized = sum('authorize');
  if (authorized > 0 && sum('void') === 0) {
    const held = saidOf('authorize', transitions) ?? money(authorized);
    return unheard('void') ? { kind: 'void_unheard', held } : { kind: 'held', held, isEnding };
  }
  return { kind: 'nothing', isEnding };
}
