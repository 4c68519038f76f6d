import { send } from '../../api/client';
import type { Saga, SagaOption } from '../../api/openapi';
import { useInvalidate, useSetCached } from '../../api/use-api';
import { useToast } from '../../components/feedback/toasts';
import { formatMoney, minorDigits } from '../../formatting/money';

/** The saga actions, used on the order's page and in the review. */
export type SagaAction = 'retry' | 'compensate' | 'resolve';

export const actionLabels: Record<SagaAction, string> = {
  retry: 'Retry',
  compensate: 'Compensate',
  resolve: 'Mark as resolved',
};

/** From this amount on, the refund must be typed to confirm. */
const muchMoney = 1_000;

/** The number to type before it is done, or undefined. */
export function confirmedBy(action: SagaAction, option: SagaOption | undefined): number | undefined {
  if (action !== 'compensate' || !option?.refund) return undefined;
  const { amount, currency } = option.refund;
  const whole = Math.floor(amount / 10 ** minorDigits(currency));
  return whole > muchMoney ? whole : undefined;
}

/** "Compensate, refund € 516.00": the button says what it does. */
export function formatAction(action: SagaAction, option: SagaOption | undefined): string {
  if (!option?.refund || action === 'resolve') return actionLabels[action];
  const amount = formatMoney(option.refund);
  return action === 'retry' ? `Refund ${amount} again` : `Compensate, refund ${amount}`;
}

export const sendAction = (action: SagaAction, orderId: string, reason: string, key: string) =>
  send<Saga>('POST', `orders/${orderId}/saga/${action}`, { body: { reason }, key });

const doneMessages: Record<SagaAction, string> = {
  retry: 'The provider is being asked again.',
  compensate: 'The order is being compensated.',
  resolve: 'The order was marked as resolved.',
};

/** After an action: caches the new saga, refetches lists, shows a toast with a link to the audit log. */
export function useDone(orderId: string): (message: string, saga: Saga) => void {
  const setCached = useSetCached();
  const invalidate = useInvalidate();
  const toast = useToast();
  return (message, saga) => {
    setCached(`orders/${orderId}/saga`, saga);
    invalidate(`orders/${orderId}/saga/options`);
    invalidate('review?');
    invalidate('actions');
    toast(message, { href: `/audit?objectId=${orderId}`, label: 'Show in audit log' });
  };
}

export function useActionDone(orderId: string): (action: SagaAction, saga: Saga) => void {
  const done = useDone(orderId);
  return (action, saga) => done(doneMessages[action], saga);
}
