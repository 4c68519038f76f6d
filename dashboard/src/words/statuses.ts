/** Each status has a colour, a shape and a word, always all three, so that none of them has to be seen. */

export type ShapeName =
  'done' | 'half' | 'pin' | 'clock' | 'back' | 'unknown' | 'declined' | 'stuck' | 'dead' | 'none';

export type Tone = 'ok' | 'accent' | 'warn' | 'bad' | 'unk' | 'grey';

export interface Look {
  shape: ShapeName;
  tone: Tone;
  word: string;
}

export type Kind = 'order' | 'reservation' | 'saga' | 'payment' | 'deadLetter' | 'promise' | 'case';

const done = (word: string): Look => ({ shape: 'done', tone: 'ok', word });
const under = (word: string): Look => ({ shape: 'half', tone: 'accent', word });
const undone = (word: string): Look => ({ shape: 'back', tone: 'grey', word });
const over = (word: string): Look => ({ shape: 'none', tone: 'grey', word });
const trouble = (word: string): Look => ({ shape: 'stuck', tone: 'bad', word });
const unknown = (word = 'Unknown'): Look => ({ shape: 'unknown', tone: 'unk', word });

const looks: Record<Kind, Record<string, Look>> = {
  order: {
    pending: under('Pending'),
    placed: done('Placed'),
    rejected: { shape: 'declined', tone: 'grey', word: 'Rejected' },
    cancelled: over('Cancelled'),
    refunded: undone('Refunded'),
  },
  reservation: {
    active: under('Active'),
    // Not the API's word: an active one in its last minute.
    ending: { shape: 'clock', tone: 'warn', word: 'Active, ending' },
    pinned: { shape: 'pin', tone: 'accent', word: 'Pinned' },
    confirmed: done('Confirmed'),
    released: undone('Released'),
    expired: over('Expired'),
  },
  saga: {
    running: under('Running'),
    completed: done('Completed'),
    compensating: { shape: 'back', tone: 'warn', word: 'Compensating' },
    compensated: undone('Compensated'),
    stuck: trouble('Stuck'),
    waiting: { shape: 'clock', tone: 'warn', word: 'Waiting' },
  },
  payment: {
    none: over('None'),
    authorizing: under('Authorizing'),
    authorized: done('Authorized'),
    captured: done('Captured'),
    declined: { shape: 'declined', tone: 'bad', word: 'Declined' },
    unknown: unknown(),
    voided: undone('Voided'),
    refunded: undone('Refunded'),
  },
  deadLetter: { dead: { shape: 'dead', tone: 'bad', word: 'Dead letter' } },
  promise: { holds: done('Holds'), broken: trouble('Broken') },
  case: {
    stuck: trouble('Stuck'),
    unknown: unknown(),
    dead_letter: { shape: 'dead', tone: 'bad', word: 'Dead letter' },
  },
};

/** A status that this build does not know yet is shown as the API says it, and as nothing in particular. */
export function lookOf(kind: Kind, status: string): Look {
  const word = status.replaceAll('_', ' ');
  return looks[kind][status] ?? over(capital(word));
}

export const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
