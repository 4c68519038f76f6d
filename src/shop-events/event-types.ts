import { ValidationFailed } from '../errors';
import { eventTypes } from '../outbox/event-view';
import type { MessageType } from '../outbox/outbox.repository';

/** `order.*,reservation.expired` as the types that it names. Throws 422 for what names none. */
export function readTypes(list: string, pointer = '/types'): MessageType[] {
  return typesNamed(list.split(','), () => pointer);
}

/** The same for a list; `pointerTo`: where its nth entry stands. */
export function typesNamed(names: readonly string[], pointerTo: (nth: number) => string): MessageType[] {
  const named = names.map((name) => eventTypes.filter((type) => matches(name.trim(), type)));
  const unknown = named.flatMap((types, nth) => (types.length === 0 ? [nth] : []));
  if (unknown.length > 0)
    throw new ValidationFailed(
      unknown.map((nth) => ({
        pointer: pointerTo(nth),
        code: 'unknown_event_type',
        detail: `"${names[nth]!.trim().slice(0, 60)}" names no type of event. There are: ${eventTypes.join(', ')}; order.* and reservation.* name all of a kind.`,
      })),
    );
  return [...new Set(named.flat())];
}

const matches = (name: string, type: MessageType) =>
  name === type || (name.endsWith('.*') && type.startsWith(name.slice(0, -1)));
