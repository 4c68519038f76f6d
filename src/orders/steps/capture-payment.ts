import type { Tx } from '../../database/database';
import { findOrCreate, operationsOf } from '../../payment/payment-operations';
import { type Saga, type Step, type StepOutcome, blocked, declined, done } from '../checkout-saga/saga';

/**
 * Takes the money that was set aside: the pivot. Until it is asked for the order can still be called off for free;
 * afterwards only a no from the provider turns the saga back, never silence.
 */
export class CapturePayment implements Step {
  readonly name = 'capture-payment';
  readonly kind = 'pivot';

  async run(tx: Tx, saga: Saga): Promise<StepOutcome> {
    const { orderId, amount, currency } = saga;
    const authorization = (await operationsOf(tx, orderId)).find(
      ({ kind, status }) => kind === 'authorize' && status === 'approved',
    );
    if (!authorization?.providerReference) return blocked('there is no approved authorization to capture');

    const operation = await findOrCreate(tx, { orderId, kind: 'capture', amount, currency });
    if (operation.status === 'approved') return done();
    if (operation.status === 'declined')
      return declined('payment_declined', operation.declineCode ?? 'declined');
    return { kind: 'ask', operation, authorization: authorization.providerReference };
  }

  /** Gives captured money back. A capture whose answer was never heard is asked for first, under its own key. */
  async compensate(tx: Tx, saga: Saga): Promise<StepOutcome> {
    const operations = await operationsOf(tx, saga.orderId);
    const capture = operations.find(({ kind, status }) => kind === 'capture' && status !== 'declined');
    const authorization = operations.find(
      ({ kind, status }) => kind === 'authorize' && status === 'approved',
    );
    if (!capture || capture.status === 'created' || !authorization) return done();
    const reference = authorization.providerReference ?? undefined;
    if (capture.status !== 'approved') return { kind: 'ask', operation: capture, authorization: reference };

    const { orderId, amount, currency } = saga;
    const operation = await findOrCreate(tx, { orderId, kind: 'refund', amount, currency });
    if (operation.status === 'approved') return done();
    if (operation.status === 'declined') return blocked(`the refund was declined: ${operation.declineCode}`);
    return { kind: 'ask', operation, authorization: reference };
  }
}
