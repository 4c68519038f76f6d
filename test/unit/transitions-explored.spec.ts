import type { SagaState } from '../../src/orders/saga-state';
import type { SagaEvent } from '../../src/orders/checkout-saga/transitions';
import { type CaptureMode, captureModes } from '../../src/orders/order.entity';
import {
  accepted,
  acceptedAs,
  type Checkout,
  type Decisions,
  type Event,
  decisionsOf,
  eventsOf,
  hasEnded,
  keyOf,
  realDecisions,
  surprises,
} from '../support/abstract-checkout';
import { attemptsLike } from '../support/reachable-checkouts';

/**
 * Every order of events of one checkout: the provider acts, refuses, is late or never acts; results arrive, get lost, have
 * another amount, or calls are held back; workers die, sleep and are taken over from; the customer cancels or asks for a
 * refund, the shop releases, the reservation expires, an operator retries, compensates and resolves.
 */

/** A refund that is on its way, or that is known to have failed, is followed to its end after the order has ended. */
const isMoneyTaken = ({ mode, provider, operations }: Checkout) =>
  provider[mode === 'immediate' ? 'authorize' : 'capture'] === 'done' &&
  provider.refund !== 'done' &&
  operations.refund !== 'pending' &&
  operations.refund !== 'failed';
const isMoneySetAside = ({ mode, provider }: Checkout) =>
  ['on its way', 'needs the buyer', 'open', ...(mode === 'immediate' ? [] : ['done'])].includes(
    provider.authorize,
  ) &&
  provider.void !== 'done' &&
  provider.capture !== 'done';
const isMoneyKept = (state: Checkout) =>
  state.mode === 'on_shipment' ? isMoneySetAside(state) : isMoneyTaken(state);
/** By what an order is paid for when it is placed. */
const paidBy = ({ mode }: Checkout) => (mode === 'automatic' ? 'capture' : 'authorize');
const holdsStock = ({ reservation }: Checkout) =>
  ['active', 'due', 'pinned', 'confirmed'].includes(reservation);
const isAsked = ({ operations }: Checkout, kind: 'authorize' | 'capture') =>
  ['sent', 'unknown', 'approved', 'pending', 'buyer', 'action', 'open', 'less'].includes(operations[kind]);

/** What must be true of every state that any order of events leads to. */
const promises: Record<string, (state: Checkout) => boolean> = {
  'I4: money is kept for placed orders only, once the saga has ended': (state) =>
    !hasEnded(state) || state.leftByOperator || isMoneyKept(state) === (state.order === 'placed'),
  'I6: an order is placed on sold stock and the known operation of its capture mode': (state) =>
    state.saga.status !== 'completed' ||
    (state.order === 'placed' &&
      state.reservation === 'confirmed' &&
      state.operations[paidBy(state)] === 'approved'),
  'I7: no stock can expire once its charge may be under way': (state) =>
    state.saga.endsAs !== null ||
    !isAsked(state, 'authorize') ||
    ['pinned', 'confirmed'].includes(state.reservation),
  'I8: no money stays set aside for an order that was not placed, now or later': (state) =>
    state.saga.status !== 'compensated' || state.leftByOperator || !isMoneySetAside(state),
  'I12: an unfinished saga is due at some time, or stuck': (state) =>
    hasEnded(state) || state.run !== 'never' || state.saga.status === 'stuck',
  'an order that ended without being placed has no stock reserved': (state) =>
    state.order === 'pending' || state.order === 'placed' || !holdsStock(state),
  'P8: no order is rejected because of our mistake': ({ saga, operations }) =>
    saga.endsAs !== 'payment_declined' || operations.authorize !== 'created',
  'P18: a refund that failed waits for an operator': ({ saga, operations, run }) =>
    saga.status === 'compensated' || operations.refund !== 'failed' || run === 'never',
  'no placed order forgets a cancellation': ({ saga }) =>
    saga.status !== 'completed' || saga.requestedEnd !== 'cancel',
};

/** What our tables contain, without workers and the provider. */
const tablesOf = (state: Checkout) => keyOf({ ...state, workers: [], provider: accepted.provider });
const mayFollow: Record<Checkout['order'], Checkout['order'][]> = {
  pending: ['placed', 'rejected', 'abandoned'],
  placed: ['cancelled', 'refunded'],
  // Charged after all: reopened, and placed in the same commit if the capture is done.
  abandoned: ['pending', 'placed'],
  rejected: [],
  cancelled: [],
  refunded: [],
};

/** What must be true of every single step. */
const rules: Record<string, (from: Checkout, event: Event) => boolean> = {
  'I5: a capture is begun once, and only on the way forward': (from, { next }) =>
    isAsked(from, 'capture') || !isAsked(next, 'capture') || next.saga.endsAs === null,
  'I7: only what is due expires': (from, { next }) =>
    next.reservation !== 'expired' || from.reservation === 'expired' || from.reservation === 'due',
  'I13: a stale worker changes nothing': (from, { name, next }) =>
    !name.startsWith('a stale worker') || tablesOf(from) === tablesOf(next),
  'I18: an end is final, except for a late charge of a given-up order': (from, { name, next }) =>
    from.order === next.order ||
    (mayFollow[from.order].includes(next.order) && (from.order !== 'abandoned' || name.includes('hears of'))),
  'P20: another card is tried only when the first can be confirmed no more': (from, { name }) =>
    name !== 'the buyer pays with another card' || (!isMoneySetAside(from) && !isMoneyTaken(from)),
  'P20: a wait for another card begins only when the first can be confirmed no more': (from, { next }) =>
    next.history.at(-1)!.code !== 'another_card_awaited' ||
    !isMoneySetAside(next) ||
    next.history === from.history,
  'I18: nothing moves a compensated saga, except that its refund ends or is made again': (
    from,
    { name, next },
  ) =>
    from.saga.status !== 'compensated' ||
    tablesOf(from) === tablesOf(next) ||
    name.startsWith('the payment check') ||
    (name === 'operator: retry' && from.operations.refund === 'failed'),
};

interface Found {
  promise: string;
  path: string[];
}

interface Exploration {
  states: Checkout[];
  /** For each state, from which ones it is reached. */
  reachedFrom: number[][];
  depth: number;
  broken: Found[];
}

/** Breadth first, so that a broken promise is found by a shortest path. */
function explore(decisions: Decisions, mode: CaptureMode, stopAtFirst = false): Exploration {
  const states: Checkout[] = [null, ...surprises].map((surprise) => ({ ...acceptedAs(mode), surprise }));
  const known = new Map(states.map((state, place) => [keyOf(state), place]));
  const ways = states.map(() => ({ from: -1, name: 'accepted', depth: 0 }));
  const reachedFrom: number[][] = states.map(() => []);
  const broken: Found[] = [];
  const pathTo = (place: number): string[] =>
    place < 0 ? [] : [...pathTo(ways[place]!.from), ways[place]!.name];
  const find = (promise: string, place: number, name: string) =>
    broken.push({ promise, path: [...pathTo(place), name] });

  for (let place = 0; place < states.length && !(stopAtFirst && broken.length > 0); place++) {
    const from = states[place]!;
    let events: Event[] = [];
    try {
      events = eventsOf(from, decisions);
    } catch (error) {
      find(`nothing throws: ${(error as Error).message}`, place, '…');
    }
    for (const event of events) {
      for (const [rule, holds] of Object.entries(rules))
        if (!holds(from, event)) find(rule, place, event.name);
      for (const attempt of attemptsLike(event.next)) {
        const next = { ...event.next, saga: { ...event.next.saga, attempt } };
        const key = keyOf(next);
        const seen = known.get(key);
        if (seen !== undefined) reachedFrom[seen]!.push(place);
        if (seen !== undefined) continue;
        known.set(key, states.length);
        states.push(next);
        ways.push({ from: place, name: event.name, depth: ways[place]!.depth + 1 });
        reachedFrom.push([place]);
        for (const [promise, holds] of Object.entries(promises))
          if (!holds(next)) find(promise, place, event.name);
      }
    }
  }
  return { states, reachedFrom, depth: ways.at(-1)!.depth, broken };
}

const explorations = {} as Record<CaptureMode, Exploration>;

describe.each(captureModes)('a checkout with capture: %s, over every order of events', (mode) => {
  let exploration: Exploration;
  beforeAll(() => {
    exploration = explorations[mode] = explore(decisionsOf(mode), mode);
    const steps = exploration.reachedFrom.reduce((sum, { length }) => sum + length, 0);
    console.log(
      `abstract checkout, ${mode}: ${exploration.states.length} states, ${steps} steps between them, all of them within ${exploration.depth} events`,
    );
  });

  it.each([...Object.keys(promises), ...Object.keys(rules)])('%s', (promise) => {
    expect(exploration.broken.filter((found) => found.promise === promise).slice(0, 3)).toEqual([]);
  });

  it('throws in no state', () => {
    expect(exploration.broken.filter(({ promise }) => promise.startsWith('nothing throws'))).toEqual([]);
  });

  it('can always reach an end', () => {
    const { states, reachedFrom } = exploration;
    const canEnd = new Set(states.flatMap((state, place) => (hasEnded(state) ? [place] : [])));
    for (const place of canEnd) for (const before of reachedFrom[place]!) canEnd.add(before);
    expect(states.filter((_, place) => !canEnd.has(place)).slice(0, 3)).toEqual([]);
  });

  it('has seen every end', () => {
    const ends = new Set(
      exploration.states.filter(hasEnded).map(({ order, saga }) => `${order}, ${saga.endsAs}`),
    );
    expect([...ends].sort()).toEqual([
      'abandoned, abandoned',
      'cancelled, placed_then_cancelled',
      'placed, null',
      'refunded, placed_then_refunded',
      'rejected, cancelled',
      'rejected, payment_declined',
      'rejected, reservation_expired',
    ]);
  });
});

describe.each(captureModes)('a buyer who acts, with capture: %s', (mode) => {
  it.each([
    ['places the order with the second card', { card: 2, order: 'placed' }],
    ['is declined with the second card too', { card: 2, order: 'rejected' }],
    ['lets the hold for another card end', { card: 1, reservation: 'expired', surprise: 'another card' }],
    ['authenticates in time', { surprise: 'the buyer acts', order: 'placed' }],
    ['never authenticates', { surprise: 'the buyer acts', order: 'rejected' }],
  ] as [string, Partial<Checkout>][])('%s', (_, expected) => {
    const { states } = explorations[mode];
    expect(states.find((state) => hasEnded(state) && isLike(state, expected))).toBeDefined();
  });
});

const isLike = (state: Checkout, expected: Partial<Checkout>): boolean =>
  Object.entries(expected).every(([name, value]) => state[name as keyof Checkout] === value);

const { transition } = realDecisions;
type Decide = Decisions['transition'];
/** The real decisions, unless `other` decides. */
const but = (other: (state: SagaState, event: SagaEvent) => ReturnType<Decide> | undefined): Decisions => ({
  ...realDecisions,
  transition: (state, event) => other(state, event) ?? transition(state, event),
});

describe('the exploration', () => {
  it.each<[string, string, Decisions]>([
    [
      'an unknown result taken for a no',
      'I8',
      but((state, { type }) =>
        type === 'unknown' && !state.endsAs
          ? transition(state, { type: 'declined', endsAs: 'payment_declined' })
          : undefined,
      ),
    ],
    [
      'an authorization left alone after a declined capture',
      'I8',
      but((state, event) =>
        event.type === 'declined' && state.step === 'capture-payment'
          ? transition({ ...state, step: 'authorize-payment' }, event)
          : undefined,
      ),
    ],
    [
      'a saga with an unknown result that is never due',
      'I12',
      but((state, event) =>
        event.type === 'unknown' ? { ...transition(state, event), nextRun: 'never' } : undefined,
      ),
    ],
    [
      'an order placed as soon as it is authorized',
      'I4',
      but((state, event) =>
        event.type === 'done' && !state.endsAs && state.step === 'authorize-payment'
          ? transition({ ...state, step: 'capture-payment' }, event)
          : undefined,
      ),
    ],
    [
      'a compensation that ends with the money',
      'no stock reserved',
      but((state, event) =>
        event.type === 'done' && state.endsAs && state.step === 'authorize-payment'
          ? transition({ ...state, step: 'reserve-stock' }, event)
          : undefined,
      ),
    ],
    [
      'a given-up order that is not asked about any more',
      'I8',
      but((state, event) =>
        event.type === 'given-up' ? transition(state, { ...event, mayBeCharged: false }) : undefined,
      ),
    ],
    [
      'a cancellation forgotten when the order is placed',
      'forgets a cancellation',
      but((state, event) => {
        if (event.type !== 'done' || state.step !== 'place-order' || state.endsAs) return undefined;
        return { state: { ...state, status: 'completed', attempt: 0 }, nextRun: 'never' };
      }),
    ],
    [
      'a late charge placed on stock that may still expire',
      'I7',
      but((state, event) =>
        event.type === 'reacquired'
          ? { state: { ...transition(state, event).state, step: 'capture-payment' }, nextRun: 'now' }
          : undefined,
      ),
    ],
    [
      'an intent that waits for the buyer and is left payable',
      'I8',
      but((state, event) =>
        event.type === 'declined' && event.undoesStep
          ? transition(state, { ...event, undoesStep: false })
          : undefined,
      ),
    ],
    [
      'a payment that is processing and never looked up',
      'I12',
      but((state, event) =>
        event.type === 'waiting' ? { ...transition(state, event), nextRun: 'never' } : undefined,
      ),
    ],
    [
      'a buyer who is waited for without an end',
      'I12',
      but((state, event) =>
        event.type === 'waits-for-buyer' ? { ...transition(state, event), nextRun: 'never' } : undefined,
      ),
    ],
    [
      'a payment that is given up as soon as its buyer must act',
      'I8',
      but((state, event) =>
        event.type === 'waits-for-buyer'
          ? transition(state, { type: 'declined', endsAs: 'payment_declined' })
          : undefined,
      ),
    ],
    [
      'a wrong request taken for a decline',
      'P8',
      but((state, event) =>
        event.type === 'blocked' && !state.endsAs && state.step === 'authorize-payment'
          ? transition(state, { type: 'declined', endsAs: 'payment_declined' })
          : undefined,
      ),
    ],
    [
      'a failed refund that is made again by itself',
      'P18',
      but((state, event) =>
        event.type === 'blocked' && state.step === 'capture-payment' && state.endsAs
          ? { state, nextRun: 'backoff' }
          : undefined,
      ),
    ],
    ['a worker that writes after another took over', 'I13', { ...realDecisions, isFenced: false }],
  ])('finds %s (%s)', (_, promise, decisions) => {
    const { broken } = explore(decisions, 'automatic', true);
    expect(broken.map((found) => found.promise).join('\n')).toContain(promise);
    expect(broken[0]!.path.length).toBeLessThan(20);
  });

  it.each<[string, string, CaptureMode, Decide]>([
    [
      'a charge that waits for the buyer and is left payable',
      'I8',
      'immediate',
      (state, event) =>
        decisionsOf('immediate').transition(
          state,
          event.type === 'declined' ? { ...event, undoesStep: false } : event,
        ),
    ],
    [
      'a cancellation of a placed order that forgets what is set aside',
      'I8',
      'on_shipment',
      (state, event) => {
        const moved = decisionsOf('on_shipment').transition(state, event);
        const isUndone = event.type === 'turn-back' && state.status === 'completed';
        return isUndone ? { ...moved, state: { ...moved.state, step: 'reserve-stock' } } : moved;
      },
    ],
  ])('finds %s (%s, capture: %s)', (_, promise, mode, decide) => {
    const { broken } = explore({ ...decisionsOf(mode), transition: decide }, mode, true);
    expect(broken.map((found) => found.promise).join('\n')).toContain(promise);
  });
});
