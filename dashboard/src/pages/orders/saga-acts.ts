import { send } from '../../api/client';
import type { Saga, SagaOption } from '../../api/shapes/sagas';
import { useKeep, useRefresh } from '../../api/use-api';
import { useToast } from '../../parts/toasts';
import { minorDigits, money } from '../../words/money';

/** What a person can do about a saga, on the order's own page and where cases are decided. */
export type SagaAct = 'retry' | 'compensate' | 'resolve';

export const actLabels: Record<SagaAct, string> = {
  retry: 'Retry',
  compensate: 'Compensate',
  resolve: 'Mark as resolved',
};

/** From this many units of money on, a refund by hand is confirmed by typing what goes back. */
const muchMoney = 1_000;

/** What has to be typed in before it is done, or undefined. */
export function confirmedBy(act: SagaAct, option: SagaOption | undefined): number | undefined {
  if (act !== 'compensate' || !option?.refund) return undefined;
  const { amount, currency } = option.refund;
  const whole = Math.floor(amount / 10 ** minorDigits(currency));
  return whole > muchMoney ? whole : undefined;
}

/** "Compensate, refund € 516.00": the button repeats what the press does. */
export const actWords = (act: SagaAct, option: SagaOption | undefined): string =>
  act === 'compensate' && option?.refund ? `Compensate, refund ${money(option.refund)}` : actLabels[act];

export const sendAct = (act: SagaAct, orderId: string, reason: string, key: string) =>
  send<Saga>('POST', `orders/${orderId}/saga/${act}`, { body: { reason }, key });

const doneWords: Record<SagaAct, string> = {
  retry: 'Asking the provider again.',
  compensate: 'The order is being compensated.',
  resolve: 'The order was marked as resolved.',
};

/** What every act leaves behind: the new saga in the cache, lists asked again, and a link to the audit row. */
export function useActDone(orderId: string): (act: SagaAct, saga: Saga) => void {
  const keep = useKeep();
  const refresh = useRefresh();
  const toast = useToast();
  return (act, saga) => {
    keep(`orders/${orderId}/saga`, saga);
    refresh(`orders/${orderId}/saga/options`);
    refresh('review?');
    refresh('actions');
    toast(doneWords[act], { href: `/audit?objectId=${orderId}`, label: 'See audit' });
  };
}
