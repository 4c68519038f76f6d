import type { StoryFacts } from '../../src/reporting/order-timeline/story';
import type { Checkout } from './abstract-checkout';

/** The state of an order and its money in one line. */
export function situationOf({ order, saga, operations }: Checkout, { waitsFor }: StoryFacts): string {
  const kinds = ['authorize', 'capture', 'void', 'refund'] as const;
  const asked = kinds.filter((kind) => !['none', 'created'].includes(operations[kind]));
  const heard = (kind: (typeof kinds)[number]) =>
    ['sent', 'unknown'].includes(operations[kind]) ? 'unheard' : operations[kind];
  return [
    order,
    `${saga.status} ${saga.step}${saga.endsAs ? ` (${saga.endsAs})` : ''}`,
    waitsFor ?? 'ended',
    asked.map((kind) => `${kind} ${heard(kind)}`).join(', ') || 'nothing asked',
  ].join(' | ');
}
