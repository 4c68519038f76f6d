import { Injectable } from '@nestjs/common';
import { Database, clockOf } from '../database/database';
import { publicId } from '../ids';
import type { Recorded } from '../orders/payment-check/apply';
import { saveFacts, settleFacts } from '../payment/payment-facts.repository';
import { unknownOrderFact } from '../payment/reconciled-payments.repository';
import type { ProviderPayment } from '../payment/provider-payments';
import type { FoundDifference } from './reconciliations.repository';

/**
 * Payments that carry this installation's id, for orders that are not here: a restored database lost them. They are cases
 * for an operator and never voided by themselves, because a copy of this database carries the same id.
 */
@Injectable()
export class LostPayments {
  constructor(private readonly db: Database) {}

  /** Empty: it was recorded before, or there is no money in it. */
  async record(payment: ProviderPayment): Promise<FoundDifference[]> {
    const amountAtRisk = moneyIn(payment);
    const before = await unknownOrderFact(this.db, payment.reference);
    const now = await clockOf(this.db);
    if (before) {
      if (amountAtRisk === 0 && before.isOpen)
        await this.db.transaction('check-payment', (tx) =>
          settleFacts(tx, {
            ids: [before.id],
            by: 'provider',
            reason: 'nothing is left of the payment',
            now,
          }),
        );
      return [];
    }
    if (amountAtRisk === 0) return [];
    const { orderId, reference, account, amount, currency, status, createdAt } = payment;
    const [factId] = await this.db.transaction('check-payment', (tx) =>
      saveFacts(tx, [
        {
          // The order is not here, so nothing may refer to it.
          orderId: null,
          type: 'unknown_order',
          reference,
          amount,
          currency,
          status,
          dueBy: null,
          data: {
            ...(orderId && { orderId: publicId('ord', orderId) }),
            ...(account !== null && { account }),
          },
          at: createdAt,
          amountAtRisk,
          isCase: true,
        },
      ]),
    );
    return [
      {
        kind: 'unknown_order',
        orderId: orderId && publicId('ord', orderId),
        ours: 'no such order',
        provider: status,
        amountAtRisk: { amount: amountAtRisk, currency },
        caseId: publicId('fct', factId!),
      },
    ];
  }
}

/** Captured and not given back, or set aside. */
export function moneyIn({ status, received, amount, capturable, refunds }: ProviderPayment): number {
  if (status === 'canceled' || status === 'requires_payment_method') return 0;
  if (status !== 'succeeded') return capturable || amount;
  const given = refunds
    .filter((refund) => refund.status !== 'failed' && refund.status !== 'canceled')
    .reduce((sum, refund) => sum + refund.amount, 0);
  return Math.max(0, received - given);
}

export const differenceOf = (orderId: string, recorded: Recorded): FoundDifference => ({
  kind: recorded.kind,
  orderId: publicId('ord', orderId),
  ours: recorded.ours,
  provider: recorded.provider,
  amountAtRisk: { amount: recorded.amountAtRisk, currency: recorded.currency },
  caseId: recorded.isCase && recorded.factId ? publicId('fct', recorded.factId) : null,
});
