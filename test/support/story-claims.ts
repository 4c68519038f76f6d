import type { Checkout, Happened, Kind } from './abstract-checkout';

/**
 * What each sentence of a story claims, and when that is true. Claims are checked against the provider, the stock and
 * the clock, not against the facts that the story is made from.
 */
export interface Claim {
  says: RegExp;
  isTrue: (state: Checkout, said: RegExpExecArray) => boolean;
}

const kindsByName: Record<string, Kind> = {
  authorization: 'authorize',
  capture: 'capture',
  void: 'void',
  refund: 'refund',
};
const kindIn = (said: RegExpExecArray): Kind => kindsByName[said.groups!.operation!]!;
const kindsIn = (words: string): Kind[] =>
  [...words.matchAll(/authorization|capture|void|refund/g)].map(([name]) => kindsByName[name]!);
const operation = '(?:\\w+ )?(?<operation>authorization|capture|void|refund)';

const isDone = (kind: Kind) => (state: Checkout) => state.provider[kind] === 'done';
/** Done, or still on its way: no sentence may say that it was not. */
const mayBeDone = ({ provider }: Checkout, kind: Kind) =>
  provider[kind] === 'done' || provider[kind] === 'on its way';
const isUnanswered = ({ operations }: Checkout, kind: Kind) =>
  operations[kind] === 'sent' || operations[kind] === 'unknown';
const did = ({ happened }: Checkout, ...any: Happened[]) => any.some((one) => happened.includes(one));
const isKept = (state: Checkout) => isDone('capture')(state) && !mayBeDone(state, 'refund');
const isHeld = (state: Checkout) => isDone('authorize')(state) && !mayBeDone(state, 'void');
const isBack = ({ reservation }: Checkout) => ['returned', 'released', 'expired'].includes(reservation);

export const claims: Record<string, Claim> = {
  'nothing is paid': { says: /paid nothing/, isTrue: (state) => !mayBeDone(state, 'capture') },
  'nothing is paid, and nothing is held': {
    says: /paid nothing(?: yet)?\.$/,
    isTrue: (state) =>
      !mayBeDone(state, 'capture') && (!mayBeDone(state, 'authorize') || isDone('void')(state)),
  },
  'money is held': { says: /€ 10\.00 is (?:still )?held\./, isTrue: isHeld },
  'nobody knows whether money is held': {
    says: /whether money is held is not known/,
    isTrue: (state) => isUnanswered(state, 'authorize'),
  },
  'nobody knows whether the hold is lifted': {
    says: /whether the hold of € 10\.0[01] was lifted is not known/,
    isTrue: (state) => isDone('authorize')(state) && isUnanswered(state, 'void'),
  },
  'the provider holds another sum': {
    says: /the provider holds € 10\.01|€ 10\.01 is (?:still )?held/,
    isTrue: (state) => did(state, 'other sum authorize') && isDone('authorize')(state),
  },
  'nobody knows whether it is paid': {
    says: /Whether the customer paid is not known/,
    isTrue: (state) => isUnanswered(state, 'capture'),
  },
  'the provider took another sum': {
    says: /The provider says that the customer paid € 10\.01/,
    isTrue: (state) => did(state, 'other sum capture') && isDone('capture')(state),
  },
  'it is paid': { says: /The customer paid € 10\.00\.$/, isTrue: isKept },
  'it is paid and not refunded': { says: /has not been refunded/, isTrue: isKept },
  'it is paid back': { says: /and got € 10\.00 back/, isTrue: isDone('refund') },
  'the provider gave back another sum': {
    says: /the provider says that it refunded € 10\.01/,
    isTrue: (state) => did(state, 'other sum refund') && isDone('refund')(state),
  },
  'nobody knows whether it is paid back': {
    says: /whether the refund of € 10\.00 went through is not known/,
    isTrue: (state) => isDone('capture')(state) && isUnanswered(state, 'refund'),
  },
  'the provider was silent': {
    says: new RegExp(`provider (?:did not answer|gave no clear answer to) the ${operation}`),
    isTrue: (state, said) => did(state, `silence ${kindIn(said)}`),
  },
  'it went through after a silence': {
    says: new RegExp(`answer (?:to )?the ${operation};.* it went through`),
    isTrue: (state, said) => isDone(kindIn(said))(state),
  },
  'several had no clear answer': {
    says: /answer (?:to )?the (?<operations>\w+(?:, the \w+)*,? and the \w+)[;.]/,
    isTrue: (state, said) => kindsIn(said.groups!.operations!).every((kind) => did(state, `silence ${kind}`)),
  },
  'several went through after a silence': {
    says: /answer (?:to )?the (?<operations>.*);.* (?:both|all) went through\.$/,
    isTrue: (state, said) => kindsIn(said.groups!.operations!).every((kind) => isDone(kind)(state)),
  },
  'each of several ended as it says': {
    says: / more, and (?!both|all|it |there is still no (?:clear )?answer\.)(?<ends>.*)\.$/,
    isTrue: (state, said) =>
      kindsIn(said.groups!.ends!).every((kind) => {
        const name = Object.keys(kindsByName).find((one) => kindsByName[one] === kind)!;
        if (said[0].includes(`the ${name} went through`)) return isDone(kind)(state);
        if (said[0].includes(`the ${name} was declined`)) return state.provider[kind] === 'refused';
        if (said[0].includes(`the ${name} was of another amount`)) return did(state, `other sum ${kind}`);
        return isUnanswered(state, kind);
      }),
  },
  'it was declined after a silence': {
    says: new RegExp(`answer (?:to )?the ${operation};.* it was declined`),
    isTrue: (state, said) => state.provider[kindIn(said)] === 'refused',
  },
  'it was another sum after a silence': {
    says: new RegExp(`answer (?:to )?the ${operation};.* it was of another amount`),
    isTrue: (state, said) => did(state, `other sum ${kindIn(said)}`),
  },
  'there is no answer yet': {
    says: new RegExp(`answer (?:to )?the ${operation};.* still no (?:clear )?answer`),
    isTrue: (state, said) => isUnanswered(state, kindIn(said)),
  },
  'a lease was lost': {
    says: new RegExp(`worker-\\d+ lost its lease while it asked for the ${operation}`),
    isTrue: (state, said) => did(state, `lost ${kindIn(said)}`),
  },
  'a step failed': { says: /Holdfast itself failed/, isTrue: (state) => did(state, 'failure') },
  'it was declined': {
    says: /The (?<operation>authorization|capture) was declined/,
    isTrue: (state, said) => state.provider[kindIn(said)] === 'refused',
  },
  'a void or refund was refused': {
    says: /The provider refused the (?<operation>void|refund)/,
    isTrue: (state, said) => state.provider[kindIn(said)] === 'refused',
  },
  'another sum was answered': {
    says: /The provider (?:authorized|captured|refunded|voided) € 10\.01 and we asked for € 10\.00/,
    isTrue: (state) =>
      did(state, 'other sum authorize', 'other sum capture', 'other sum void', 'other sum refund'),
  },
  'the authorization was voided': { says: /the authorization was voided/, isTrue: isDone('void') },
  'the capture was refunded': {
    says: /capture was refunded|placed and then (?:refunded|cancelled)/,
    isTrue: isDone('refund'),
  },
  'stock is back': { says: /1 unit of SKU-1 went back on sale/, isTrue: isBack },
  'it is placed': {
    says: /went through at the first attempt in|The order was placed in|so it was placed after all/,
    isTrue: ({ order, saga }) => order === 'placed' && saga.endsAs === null,
  },
  'it was placed': {
    says: /The order was placed and then|after the order was placed/,
    isTrue: (state) => isDone('capture')(state) && state.saga.endsAs !== null,
  },
  'a cancellation was asked for': {
    says: /A cancellation was asked for/,
    isTrue: ({ saga }) => saga.requestedEnd === 'cancel' || saga.endsAs === 'placed_then_cancelled',
  },
  'the reservation ran out': {
    says: /The reservation ran out after 10 min, before the charge began/,
    isTrue: ({ reservation, provider }) => reservation === 'expired' && provider.authorize === 'nothing',
  },
  'the reservation was released': {
    says: /The reservation was released before the charge began/,
    isTrue: (state) => did(state, 'released') && state.provider.authorize === 'nothing',
  },
  'it was cancelled': {
    says: /The order was cancelled/,
    isTrue: (state) => state.saga.endsAs === 'cancelled' && !did(state, 'compensate'),
  },
  'an operator called it off': { says: /An operator called/, isTrue: (state) => did(state, 'compensate') },
  'an operator ended it': {
    says: /n operator (?:had |then )?ended the order/,
    isTrue: (state) => did(state, 'resolve'),
  },
  'the saga goes on without an operator': {
    says: /by itself|keeps asking|is on its way|being undone|; so far |Holdfast still asks|Holdfast is still settling/,
    isTrue: ({ run, saga }) =>
      run !== 'never' && saga.status !== 'compensated' && saga.status !== 'completed',
  },
  'an operator must act': {
    says: /an operator must act/i,
    isTrue: ({ run, saga, leased }) => run === 'never' && saga.status === 'stuck' && !leased,
  },
  'a worker asks now': {
    says: /is being asked for now|A worker is at/,
    isTrue: ({ leased }) => leased,
  },
};

/** Sentences with a false claim, and sentences whose claim is not checked. */
export function untruths(story: readonly string[], state: Checkout): string[] {
  return story.flatMap((sentence) => {
    const plain = sentence.replaceAll('\u202f', ' ');
    const found = Object.entries(claims).flatMap(([name, { says, isTrue }]) => {
      const said = says.exec(plain);
      return said ? [{ name, isTrue: isTrue(state, said) }] : [];
    });
    if (found.length === 0) return [`unchecked: ${plain}`];
    return found.filter((claim) => !claim.isTrue).map(({ name }) => `untrue, ${name}: ${plain}`);
  });
}
