import type { Config } from '../../config/config';
import type { GatewayResult } from '../../payment/gateways/gateway';
import { type PaymentOperation, isAuthorization } from '../../payment/payment-operations.repository';
import type { Checkout } from './checkout';
import { buyerMayAct } from './code-version';

/** Results after which the buyer may act: a decline, and the demand to authenticate. */

export type Result<Status extends GatewayResult['status']> = Extract<GatewayResult, { status: Status }>;

/** How long is waited for the provider's search, for the buyer and for the goods. */
export type Patience = Pick<
  Config,
  'paymentSearchDelayMs' | 'paymentActionSeconds' | 'paymentCaptureNoticeSeconds'
>;

/** A browser that has the secret of an open one can still confirm it, so it ends when it is canceled. */
export function recordDeclined(
  { payments, saga }: Checkout,
  operation: PaymentOperation,
  { code: declineCode, reference: providerReference, mayTryAnotherCard, isOpen }: Result<'declined'>,
): void {
  const facts = { declineCode, providerReference, mayTryAnotherCard };
  const mayBeConfirmed = isOpen && isAuthorization(operation) && buyerMayAct(saga);
  payments.record(
    operation.id,
    mayBeConfirmed ? { ...facts, status: 'pending', waitsFor: 'provider' } : { ...facts, status: 'declined' },
  );
}

/** The buyer must authenticate. When the time for that is over, it is canceled like one that was declined. */
export function recordAction(
  checkout: Checkout,
  operation: PaymentOperation,
  { result: { reference }, patience }: { result: Result<'pending'>; patience: Patience },
): void {
  const { payments, saga, stock } = checkout;
  const seen = { status: 'pending', providerReference: reference, looks: operation.looks + 1 } as const;
  if (!buyerMayAct(saga)) return void payments.record(operation.id, { ...seen, waitsFor: 'buyer' });
  const latest = saga.now.getTime() + patience.paymentActionSeconds * 1_000;
  const actionExpiresAt =
    operation.actionExpiresAt ?? new Date(Math.min(latest, stock.maxExpiresAt.getTime()));
  const isOver = actionExpiresAt <= saga.now;
  payments.record(operation.id, {
    ...seen,
    actionExpiresAt,
    ...(isOver ? { waitsFor: 'provider', declineCode: 'action_expired' } : { waitsFor: 'buyer' }),
  });
  if (operation.actionExpiresAt === null && !isOver && saga.endsAs === null)
    checkout.announce('order.payment_action_required', { actionExpiresAt: actionExpiresAt.toISOString() });
}
