import type { Order } from '../../api/openapi';
import { formatMoney } from '../../formatting/money';
import { plural } from '../../formatting/numbers';

/** What the order waits for somebody outside of Holdfast to do, and until when. */
export interface Awaited {
  title: string;
  what: string;
  until: string;
  endsIn: number;
  /** What happens when the time is over. */
  then: string;
}

export function awaitedOf({ payment, total, status }: Order): Awaited | null {
  const { captureBefore, captureInSeconds } = payment;
  const { actionExpiresAt, actionExpiresInSeconds, retryUntil, retryInSeconds, declineCode } = payment;
  if (actionExpiresAt !== null)
    return {
      title: 'Waiting for the buyer',
      what: `The buyer must authenticate the payment with their bank. ${formatCards(payment)}`,
      until: actionExpiresAt,
      endsIn: actionExpiresInSeconds ?? 0,
      then: 'Then the payment is cancelled at the provider, unless the buyer has paid by then.',
    };
  if (retryUntil !== null)
    return {
      title: 'Waiting for another card',
      what: `The card was declined${declineCode === null ? '' : ` (${declineCode.replaceAll('_', ' ')})`}, and the stock is held. ${formatCards(payment)}`,
      until: retryUntil,
      endsIn: retryInSeconds ?? 0,
      then: 'Then the order is rejected and its stock goes back on sale.',
    };
  if (captureBefore !== null && status === 'placed')
    return {
      title: 'Waiting for the shipment',
      what: `${formatMoney(total)} is set aside on the card. Ship the order, or capture it.`,
      until: captureBefore,
      endsIn: captureInSeconds ?? 0,
      then: 'Then the bank lifts what is set aside, and nothing can be captured.',
    };
  return null;
}

/** "Card 1 was tried; 2 more may be." */
function formatCards({ attempts, attemptsLeft }: Order['payment']): string {
  const left =
    attemptsLeft === 0 ? 'no other card may follow' : `${plural(attemptsLeft, 'more card')} may follow`;
  return `It is the ${nth(attempts)} card; ${left}.`;
}

const nth = (count: number) => ['first', 'second', 'third', 'fourth', 'fifth'][count - 1] ?? `${count}th`;
