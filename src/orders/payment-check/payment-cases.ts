import { Inject, Injectable } from '@nestjs/common';
import { type Outcome, operatorAction } from '../../audit-log/operator-action';
import type { Principal } from '../../auth/auth.guard';
import { Database, type Tx, clockOf } from '../../database/database';
import { refusal, unavailable } from '../../errors';
import { parsePublicId, publicId } from '../../ids';
import {
  type PaymentFact,
  accountOf,
  findFact,
  lockFact,
  settleFacts,
} from '../../payment/payment-facts.repository';
import { ProviderAway } from '../../payment/provider-away';
import { PROVIDER_PAYMENTS, type ProviderPayments } from '../../payment/provider-payments';
import { lockSaga } from '../checkout-saga/saga.repository';
import { announceFacts } from '../orders.repository';

export const paymentCaseNotFound = refusal(404, 'payment_case_not_found', 'There is no such payment case');
export const paymentCaseNotVoidable = refusal(
  409,
  'payment_case_not_voidable',
  'The payment of this case cannot be voided',
);

interface CaseRequest {
  reason: string;
  key: string | undefined;
}

/** What an operator does about a payment case. Neither action moves stock or the order's status. */
@Injectable()
export class PaymentCases {
  constructor(
    private readonly db: Database,
    @Inject(PROVIDER_PAYMENTS) private readonly provider: ProviderPayments,
  ) {}

  /** It is settled outside of Holdfast, or nothing is to be done. */
  settle(publicOne: string, request: CaseRequest, actor: Principal) {
    return this.end(idOf(publicOne), 'settle', request, actor);
  }

  /**
   * Lifts an authorization that no saga keeps. The provider is asked first, under a key made from the case: repeating it is
   * safe, and the case is settled only when the provider shows the payment as cancelled.
   */
  async void(publicOne: string, request: CaseRequest, actor: Principal) {
    const id = idOf(publicOne);
    const fact = await this.find(id);
    if (fact.type !== 'unknown_order' && fact.type !== 'stray_authorization')
      throw paymentCaseNotVoidable(
        'Only an authorization that no order keeps can be voided. Settle the case.',
      );
    if (fact.settledAt === null) {
      const status = await this.voidAtProvider(fact);
      if (status !== 'canceled')
        throw paymentCaseNotVoidable(
          `The provider shows the payment as ${status}. Look at it there, then settle the case.`,
        );
    }
    return this.end(id, 'void', request, actor);
  }

  private async voidAtProvider(fact: PaymentFact): Promise<string> {
    try {
      const provider = this.provider.at(accountOf(fact));
      return (await provider.void(fact.reference, `${publicId('fct', fact.id)}:void`)).status;
    } catch (error) {
      if (!(error instanceof ProviderAway)) throw error;
      throw unavailable('The payment provider does not answer. Try again in a moment.');
    }
  }

  private async end(id: string, action: 'settle' | 'void', { reason, key }: CaseRequest, actor: Principal) {
    const outcome: Outcome = await operatorAction(
      this.db,
      {
        transaction: 'operator-action',
        actor,
        reason,
        object: { type: 'payment_case', id: publicId('fct', id) },
        once: { key, operation: `payment-cases/${id}/${action}` },
      },
      async (tx) => {
        const fact = await this.lock(tx, id);
        if (fact.settledAt) return undefined;
        await settleFacts(tx, { ids: [id], by: actor.name, reason, now: await clockOf(tx) });
        if (fact.orderId) await announceFacts(tx, fact.orderId, []);
        const { type, reference, amountAtRisk } = fact;
        return {
          action: `payment-case.${action}`,
          before: { type, reference, amountAtRisk },
          after: { settledBy: actor.name },
        };
      },
    );
    return { fact: await this.find(id), replayed: outcome.status === 'replayed' };
  }

  /** The saga first, as everywhere. */
  private async lock(tx: Tx, id: string): Promise<PaymentFact> {
    const { orderId } = await this.find(id);
    if (orderId) await lockSaga(tx, orderId);
    return (await lockFact(tx, id))!;
  }

  private async find(id: string): Promise<PaymentFact> {
    const fact = await findFact(this.db, id);
    if (!fact?.isCase) throw noSuchCase();
    return fact;
  }
}

const noSuchCase = () =>
  paymentCaseNotFound('No payment case has this id. Fetch the list of cases again: GET /v1/admin/review.');

function idOf(publicOne: string): string {
  const id = parsePublicId('fct', publicOne);
  if (!id) throw noSuchCase();
  return id;
}
