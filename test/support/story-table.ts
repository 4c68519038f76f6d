import { storyFactsOf } from '../../src/reporting/order-timeline/saga-view';
import { sentencesOf } from '../../src/reporting/order-timeline/story';
import { formatSentence } from '../../src/reporting/order-timeline/story-formatting';
import type { Checkout } from './abstract-checkout';
import { factsOf } from './abstract-story';

/** The state of an order and its money in one line, with its story. Earlier failures are left out. */
export function rowOf(state: Checkout): { situation: string; story: string; all: string[] } {
  const { order, saga, operations } = state;
  const facts = storyFactsOf(factsOf(state));
  const all = sentencesOf(facts).map((sentence) => formatSentence(sentence).replaceAll('\u202f', ' '));
  const kinds = ['authorize', 'capture', 'void', 'refund'] as const;
  const asked = kinds.filter((kind) => !['none', 'created'].includes(operations[kind]));
  const heard = (kind: (typeof kinds)[number]) =>
    ['sent', 'unknown'].includes(operations[kind]) ? 'unheard' : operations[kind];
  return {
    situation: [
      order,
      `${saga.status} ${saga.step}${saga.endsAs ? ` (${saga.endsAs})` : ''}`,
      facts.waitsFor ?? 'ended',
      asked.map((kind) => `${kind} ${heard(kind)}`).join(', ') || 'nothing asked',
    ].join(' | '),
    story: all.slice(-2).join(' '),
    all,
  };
}
