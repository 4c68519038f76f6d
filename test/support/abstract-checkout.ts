import type { OrderEnd, SagaState } from '../../src/orders/saga-state';
import type { TimelineRow } from '../../src/orders/checkout-saga/saga.repository';
import type { TransitionCode, TransitionData } from '../../src/orders/checkout-saga/transition-codes';
import { stepLists } from '../../src/orders/checkout-saga/checkout.saga';
import type { CaptureMode } from '../../src/orders/order.entity';
import {
  type SagaEvent,
  type Transition,
  begun,
  canCancel,
  transition,
} from '../../src/orders/checkout-saga/transitions';

/**
 * One checkout without clock, tables and network, so that every order of events can be tested.
 *
 * The decisions are the real ones (`transitions.ts`), passed in. The rest is modelled here, each part after the file
 * that does it on real tables: the runner (`saga-runner.ts`), the steps, the recording of results (`advance.ts`), a
 * customer's cancellation (`orders.service.ts`), the operator's actions (`saga-actions.ts`) and the reservation
 * (`order-reservations.ts`). Operations keep their provider keys, so asking again is the same call. A call that was
 * sent may be done now, later or never, and its result may get lost.
 *
 * Each surprise of the provider (`surprises`) is explored separately, with one worker at a time and without
 * what does not touch it, so that the number of states is a sum and not a product.
 */
export interface Decisions {
  transition: (state: SagaState, event: SagaEvent) => Transition;
  canCancel: (state: SagaState) => boolean;
  /** Whether fencing tokens are checked: a worker that slept while another took over may not write. */
  isFenced: boolean;
}

/** The real ones. */
export const decisionsOf = (mode: CaptureMode): Decisions => ({
  transition: (state, event) => transition(stepLists[mode], state, event),
  canCancel: (state) => canCancel(stepLists[mode], state),
  isFenced: true,
});
export const realDecisions: Decisions = decisionsOf('automatic');

export type Kind = 'authorize' | 'capture' | 'void' | 'refund';
type Operation =
  | 'none'
  | 'created'
  | 'sent'
  | 'unknown'
  | 'approved'
  | 'declined'
  /** The provider has it and decides later. */
  | 'pending'
  /** The buyer would have to authenticate: sagas of builds whose buyers could not act. */
  | 'buyer'
  /** The buyer must authenticate, and there is time. */
  | 'action'
  /** Declined or too late, and not canceled yet: a browser can still confirm it. */
  | 'open'
  /** Approved for less than the total. */
  | 'less'
  /** A refund that did not reach the customer. */
  | 'failed'
  /** Nothing was done under its key: the next number follows. */
  | 'replaced';
/** The provider's state. */
type Truth =
  | 'nothing'
  | 'on its way'
  | 'done'
  | 'refused'
  | 'needs the buyer'
  /** Declined, and open for whatever card the browser confirms it with. */
  | 'open'
  | 'failed';

export const surprises = [
  'processing',
  'needs the buyer',
  'the buyer acts',
  'another card',
  'authorizes less',
  'refund fails',
  'our mistake',
  'saved error',
] as const;
export type Surprise = (typeof surprises)[number];

interface Worker {
  asks: Kind;
  /** Our record of the call before it was sent. */
  before: Operation;
  /** Another worker has taken the saga over. */
  stale: boolean;
}

export interface Checkout {
  /** The charge of an `immediate` order is its `authorize` here: what it leads to is taken at once. */
  mode: CaptureMode;
  saga: SagaState;
  run: 'due' | 'waits' | 'never';
  leased: boolean;
  order: 'pending' | 'placed' | 'rejected' | 'abandoned' | 'cancelled' | 'refunded';
  reservation: 'active' | 'due' | 'pinned' | 'confirmed' | 'returned' | 'released' | 'expired';
  operations: Record<Kind, Operation>;
  provider: Record<Kind, Truth>;
  workers: Worker[];
  /** What this provider does beside the usual. */
  surprise: Surprise | null;
  /** Which card is tried; at most two. */
  card: 1 | 2;
  /** An operator resolved the order, so nothing returns its known money any more. */
  leftByOperator: boolean;
  /** One path that leads here: the recorded history, and what really happened. Not part of the state. */
  history: readonly TimelineRow[];
  happened: readonly Happened[];
  /** The fencing token of a lease that was not given back. */
  holder: number | null;
}

export type Happened =
  | `${'silence' | 'lost' | 'other sum' | 'held back' | 'undecided' | 'mistake' | 'saved error'} ${Kind}`
  | 'needed the buyer'
  | 'authorized less'
  | 'retry'
  | 'compensate'
  | 'resolve'
  | 'failure'
  | 'released';

export const accepted: Checkout = {
  mode: 'automatic',
  saga: { status: 'running', step: 'authorize-payment', attempt: 0, requestedEnd: null, endsAs: null },
  run: 'due',
  leased: false,
  order: 'pending',
  reservation: 'active',
  operations: { authorize: 'none', capture: 'none', void: 'none', refund: 'none' },
  provider: { authorize: 'nothing', capture: 'nothing', void: 'nothing', refund: 'nothing' },
  workers: [],
  surprise: null,
  card: 1,
  leftByOperator: false,
  history: [
    {
      version: 1,
      fromStatus: null,
      toStatus: 'running',
      step: 'reserve-stock',
      attempt: 1,
      cause: 'accepted',
      detail: null,
      code: 'order_accepted',
      data: null,
      fencingToken: 0,
      worker: 'api-1',
      at: new Date(0),
    },
  ],
  happened: [],
  holder: null,
};

export const acceptedAs = (mode: CaptureMode): Checkout => ({
  ...accepted,
  mode,
  saga: { ...accepted.saga, step: begun(stepLists[mode]).step },
});

const askedAmount = { amount: 1_000, currency: 'EUR' };
const otherAmount = { amount: 1_001, currency: 'EUR' };
const lessAmount = { amount: 400, currency: 'EUR' };

export const hasEnded = ({ saga }: Checkout) => saga.status === 'completed' || saga.status === 'compensated';

/** Checkouts with the same key are in the same state. Written out for speed: half a million are compared. */
export const keyOf = ({ saga, operations, provider, workers, ...rest }: Checkout): string =>
  [
    [saga.status, saga.step, saga.attempt, saga.requestedEnd, saga.endsAs],
    [rest.run, rest.leased, rest.order, rest.reservation, rest.leftByOperator, rest.surprise, rest.card],
    [operations.authorize, operations.capture, operations.void, operations.refund],
    [provider.authorize, provider.capture, provider.void, provider.refund],
    workers.map(({ asks, before, stale }) => `${asks} ${before} ${stale}`),
  ].join();

export interface Event {
  name: string;
  next: Checkout;
}

const copyOf = (from: Checkout): Checkout => ({
  ...from,
  saga: { ...from.saga },
  operations: { ...from.operations },
  provider: { ...from.provider },
  workers: from.workers.map((worker) => ({ ...worker })),
});

/** Everything that can happen next. */
export function eventsOf(from: Checkout, decisions: Decisions): Event[] {
  const events: Event[] = [];
  const add = (name: string, happen: (draft: Play) => void) => {
    const draft = new Play(copyOf(from), decisions);
    happen(draft);
    events.push({ name, next: draft.to });
  };
  const isUsual = from.surprise === null;
  const mayBeHeld = isUsual || from.surprise === 'another card';
  for (const kind of ['authorize', 'capture', 'void', 'refund'] as const) providerActs(from, kind, add);
  laterAtTheProvider(from, add);
  from.workers.forEach((worker, place) => answersFor(from, worker, place, add));
  if (from.run === 'due' && !from.leased) {
    if (from.workers.length < (isUsual ? 2 : 1)) add('a worker claims', (play) => play.claim());
    if (isUsual) add('a step throws', (play) => play.fail());
  }
  // A webhook only makes a waiting saga due.
  if (from.leased || from.run === 'waits') add('time passes', (play) => play.timePasses());
  if (mayBeHeld && from.reservation === 'active')
    add('its time runs out', ({ to }) => (to.reservation = 'due'));
  if (mayBeHeld && from.reservation === 'active')
    add('the shop releases it', (play) => {
      play.to.reservation = 'released';
      play.note('released');
    });
  if (from.reservation === 'due') add('a sweeper comes', ({ to }) => (to.reservation = 'expired'));
  if (mayPayAgain(from)) add('the buyer pays with another card', (play) => play.payAgain());
  for (const by of ['cancel', 'refund'] as const)
    if (mayCancel(from, by)) add(by, (play) => play.requestCancellation(by));
  for (const act of ['retry', 'compensate', 'resolve'] as const)
    if (mayPerform(from, act)) add(`operator: ${act}`, (play) => play.perform(act));
  return events;
}

type Add = (name: string, happen: (play: Play) => void) => void;

function providerActs({ provider, mode }: Checkout, kind: Kind, add: Add): void {
  if (provider[kind] !== 'on its way') return;
  const possible: Record<Kind, boolean> = {
    authorize: true,
    capture: provider.authorize === 'done' && provider.void !== 'done',
    void:
      mode === 'immediate'
        ? ['needs the buyer', 'open'].includes(provider.authorize)
        : ['done', 'needs the buyer', 'open'].includes(provider.authorize) && provider.capture !== 'done',
    refund: provider[mode === 'immediate' ? 'authorize' : 'capture'] === 'done',
  };
  if (possible[kind]) add(`the provider does the ${kind}`, ({ to }) => (to.provider[kind] = 'done'));
  // A refund or void is never declined, but a captured payment cannot be voided.
  if (kind === 'authorize' || kind === 'capture' || !possible[kind])
    add(`the provider refuses the ${kind}`, ({ to }) => (to.provider[kind] = 'refused'));
}

/** What it decides, or takes back, after the call has ended. */
function laterAtTheProvider({ provider, operations, surprise, saga }: Checkout, add: Add): void {
  const asksBuyer = surprise === 'needs the buyer' || surprise === 'the buyer acts';
  if (provider.authorize === 'on its way' && asksBuyer)
    add('the provider asks the buyer', ({ to }) => (to.provider.authorize = 'needs the buyer'));
  if (provider.authorize === 'on its way' && surprise === 'another card')
    add('the provider declines the card', ({ to }) => (to.provider.authorize = 'open'));
  if (['needs the buyer', 'open'].includes(provider.authorize) && provider.void !== 'done')
    add('the buyer confirms', ({ to }) => (to.provider.authorize = 'done'));
  if (provider.authorize === 'needs the buyer' && surprise === 'the buyer acts' && provider.void !== 'done')
    add('the buyer fails to authenticate', ({ to }) => (to.provider.authorize = 'open'));
  if (surprise === 'refund fails' && provider.refund === 'on its way')
    add('the refund fails', ({ to }) => (to.provider.refund = 'failed'));
  // By `payment-check/`, which leaves an order to its saga while that runs.
  if (saga.status !== 'compensated') return;
  if (surprise === 'refund fails' && operations.refund === 'approved')
    add('the payment check finds that the refund came back', ({ to }) => {
      to.provider.refund = 'failed';
      to.operations.refund = 'failed';
    });
  if (operations.refund === 'pending' && provider.refund === 'done')
    add('the payment check finds the refund done', ({ to }) => (to.operations.refund = 'approved'));
  if (operations.refund === 'pending' && provider.refund === 'failed')
    add('the payment check finds the refund failed', ({ to }) => (to.operations.refund = 'failed'));
}

/** Results that only a surprising provider gives. */
function surprisesFor({ surprise, provider }: Checkout, { asks, before }: Worker): Heard[] {
  const truth = provider[asks];
  const isOnItsWay = truth === 'on its way';
  switch (surprise) {
    case 'processing':
      return isOnItsWay && asks !== 'void' ? ['pending'] : [];
    case 'needs the buyer':
      return truth === 'needs the buyer' ? ['buyer'] : [];
    case 'the buyer acts':
    case 'another card':
      if (truth === 'open') return ['open'];
      // In time or not: the clock may say either.
      return truth === 'needs the buyer' ? ['action', 'open'] : [];
    case 'authorizes less':
      return truth === 'done' && asks === 'authorize' ? ['less'] : [];
    case 'refund fails':
      if (asks !== 'refund') return [];
      return isOnItsWay ? ['pending'] : truth === 'failed' ? ['failed'] : [];
    case 'our mistake':
      return before !== 'created' || isOnItsWay ? ['refused-request', 'refused-key'] : [];
    case 'saved error':
      return before === 'unknown' && isOnItsWay ? ['nothing-done'] : [];
    case null:
      return [];
  }
}

function answersFor(from: Checkout, { asks, before, stale }: Worker, place: number, add: Add): void {
  const truth = from.provider[asks];
  const who = `${stale ? 'a stale' : 'the'} worker`;
  add(`${who} dies asking for the ${asks}`, (play) => {
    play.to.workers.splice(place, 1);
    play.note(`lost ${asks}`);
  });
  add(`${who} hears nothing of the ${asks}`, (play) => play.hear(place, 'unknown'));
  if (truth === 'refused') add(`${who} hears no to the ${asks}`, (play) => play.hear(place, 'declined'));
  for (const heard of surprisesFor(from, from.workers[place]!))
    add(`${who} hears of the ${asks}: ${heard}`, (play) => play.hear(place, heard));
  const isLess = from.surprise === 'authorizes less' && asks === 'authorize';
  if (truth === 'done' && !isLess) {
    add(`${who} hears of the ${asks}`, (play) => play.hear(place, 'approved', { stockIsThere: true }));
    if (from.saga.endsAs === 'abandoned')
      add(`${who} hears of the ${asks} too late`, (play) =>
        play.hear(place, 'approved', { stockIsThere: false }),
      );
    if (from.surprise === null)
      add(`${who} hears of another sum for the ${asks}`, (play) => play.hear(place, 'other-sum'));
  }
  if (from.surprise === null && (before !== 'created' || truth === 'on its way'))
    add(`${who} is held back from the ${asks}`, (play) => play.hear(place, 'not-asked'));
}

const mayCancel = ({ saga }: Checkout, by: 'cancel' | 'refund'): boolean => {
  const mayComeBack = by === 'cancel' && saga.endsAs === 'abandoned' && saga.status !== 'compensated';
  if (saga.requestedEnd || (saga.endsAs && !mayComeBack)) return false;
  return by === 'cancel' || saga.status === 'completed';
};

/** Like `PaymentAttempts`. */
const mayPayAgain = (from: Checkout): boolean =>
  from.surprise === 'another card' &&
  from.order === 'pending' &&
  from.saga.endsAs === null &&
  from.saga.requestedEnd === null &&
  from.operations.authorize === 'declined' &&
  from.reservation === 'active' &&
  !from.leased &&
  from.card === 1;

function mayPerform(from: Checkout, act: 'retry' | 'compensate' | 'resolve'): boolean {
  const { saga, leased } = from;
  if (act === 'retry' && hasEnded(from)) return from.operations.refund === 'failed';
  if (hasEnded(from) || leased) return false;
  if (act === 'compensate') return saga.endsAs === null;
  return act === 'retry' || saga.status === 'stuck' || saga.attempt > 0;
}

export const isUnanswered = (operation: Operation) =>
  ['sent', 'unknown', 'pending', 'buyer', 'action', 'open'].includes(operation);
const isSettled = (operation: Operation) =>
  ['approved', 'declined', 'less', 'failed', 'replaced'].includes(operation);
type Heard =
  | 'approved'
  | 'declined'
  | 'unknown'
  | 'not-asked'
  | 'other-sum'
  | 'pending'
  | 'buyer'
  | 'action'
  | 'open'
  | 'less'
  | 'failed'
  | 'refused-request'
  | 'refused-key'
  | 'nothing-done';
type Outcome =
  | { ask: Kind }
  | { wait: TransitionCode }
  | { event: SagaEvent; code: TransitionCode; data?: TransitionData };

const done = (code: TransitionCode, data?: TransitionData): Outcome => ({
  event: { type: 'done' },
  code,
  data,
});
const declined = (endsAs: OrderEnd, code: TransitionCode): Outcome => ({
  event: { type: 'declined', endsAs },
  code,
});

/** Applies one event, in one commit. */
class Play {
  private token: number;
  /** The operation whose result was just recorded. */
  private heard: Kind | undefined;

  constructor(
    readonly to: Checkout,
    private readonly decisions: Decisions,
  ) {
    this.token = to.history.at(-1)!.fencingToken;
  }

  note(happened: Happened): void {
    this.to.happened = [...this.to.happened, happened];
  }

  apply(event: SagaEvent, code: TransitionCode, data: TransitionData | null = null): void {
    const before = this.to.saga;
    const { state, nextRun } = this.decisions.transition(before, event);
    this.to.saga = state;
    this.record(before, event.type, code, data);
    this.to.run = nextRun === 'now' ? 'due' : nextRun === 'backoff' ? 'waits' : 'never';
  }

  /** As `SagaUpdate` writes it. */
  private record(before: SagaState, cause: string, code: TransitionCode, data: TransitionData | null): void {
    const { history, saga } = this.to;
    const version = history.length + 1;
    const fencingToken = this.token;
    this.to.history = [
      ...history,
      {
        version,
        fromStatus: before.status,
        toStatus: saga.status,
        step: before.step,
        attempt: cause === 'asked' ? saga.attempt : before.attempt,
        cause,
        detail: cause === 'asked' ? data!.operation! : null,
        code,
        data,
        fencingToken,
        worker: `worker-${fencingToken}`,
        at: new Date(version * 1_000),
      },
    ];
  }

  private noteLostWorker(): void {
    const { holder } = this.to;
    if (holder === null) return;
    this.to.holder = null;
    this.apply({ type: 'worker-lost' }, 'worker_lost', { worker: `worker-${holder}` });
  }

  fail(): void {
    this.note('failure');
    this.noteLostWorker();
    this.apply({ type: 'failed', counted: false }, 'step_failed');
  }

  timePasses(): void {
    if (this.to.leased) for (const { asks, stale } of this.to.workers) if (!stale) this.note(`lost ${asks}`);
    this.to.leased = false;
    if (this.to.run === 'waits') this.to.run = 'due';
  }

  claim(): void {
    for (const worker of this.to.workers) worker.stale = true;
    this.token += 1;
    this.noteLostWorker();
    this.advance();
  }

  hear(place: number, answer: Heard, { stockIsThere } = { stockIsThere: false }): void {
    const { to } = this;
    const [{ asks, before, stale }] = to.workers.splice(place, 1) as [Worker];
    if (answer === 'not-asked' && before === 'created') to.provider[asks] = 'nothing';
    if (stale && this.decisions.isFenced) return;
    to.leased = false;
    to.holder = null;
    const data = { operation: asks, asked: askedAmount };
    if (answer === 'refused-request' || answer === 'refused-key') return this.refused(answer, asks, before);
    if (answer === 'nothing-done') return this.nothingDone(asks);
    if (answer === 'not-asked') {
      this.note(`held back ${asks}`);
      to.operations[asks] = before;
      if (asks === 'authorize' && before === 'created' && to.reservation === 'pinned')
        to.reservation = 'active';
      return this.apply({ type: 'not-asked' }, 'held_back', data);
    }
    // While it compensates, an authorization is voided whatever its amount; a charge is refunded by what it took.
    const isVoided = asks === 'authorize' && to.saga.endsAs && to.mode !== 'immediate';
    const isOther = answer === 'other-sum' && asks !== 'void' && !isVoided;
    const isLess = answer === 'less' && !isVoided;
    if (isLess) this.note('authorized less');
    const recorded =
      answer === 'other-sum' || answer === 'less'
        ? isOther
          ? 'unknown'
          : isLess
            ? 'less'
            : 'approved'
        : answer;
    this.heard = asks;
    const wasPending = ['pending', 'action', 'open'].includes(to.operations[asks]);
    if (!isSettled(to.operations[asks]) && !(wasPending && answer === 'unknown'))
      to.operations[asks] = recorded;
    if (answer === 'buyer') this.note('needed the buyer');
    if (answer === 'pending' && asks !== 'refund') {
      this.note(`undecided ${asks}`);
      return this.apply({ type: 'waiting' }, 'still_processing', data);
    }
    if (answer === 'unknown') {
      this.note(`silence ${asks}`);
      return this.apply({ type: 'unknown' }, 'no_answer', data);
    }
    if (isOther) {
      this.note(`other sum ${asks}`);
      return this.apply({ type: 'blocked' }, 'amount_differs', { ...data, said: otherAmount });
    }
    const isLate = to.saga.endsAs === 'abandoned' && (asks === 'authorize' || asks === 'capture');
    if (isLate && answer === 'approved' && stockIsThere && to.saga.requestedEnd !== 'cancel') {
      to.order = 'pending';
      to.reservation = 'active';
      this.apply({ type: 'reacquired' }, 'late_charge');
    }
    this.advance();
  }

  /** Nothing was done; an operator must mend the cause, or replace the key. */
  private refused(answer: 'refused-request' | 'refused-key', kind: Kind, before: Operation): void {
    const { to } = this;
    this.note(`mistake ${kind}`);
    if (before === 'created') to.provider[kind] = 'nothing';
    if (!isSettled(to.operations[kind])) to.operations[kind] = before;
    const isKey = answer === 'refused-key';
    const facts = { providerCode: 'a_code', requestId: 'req_1', httpStatus: isKey ? 401 : 400 };
    const data = { operation: kind, asked: askedAmount, ...facts };
    this.apply({ type: 'blocked', asksAgain: isKey }, 'request_refused', data);
  }

  /** The key holds an error, and a look after it shows nothing. An authorization was searched for in vain, twice. */
  private nothingDone(kind: Kind): void {
    const { to } = this;
    this.note(`saved error ${kind}`);
    to.provider[kind] = 'nothing';
    to.operations[kind] = 'replaced';
    if (kind === 'authorize') return this.advance();
    this.apply({ type: 'unknown' }, 'saved_error', { operation: kind, asked: askedAmount });
  }

  /** As `payment-attempts.ts`: what was asked for the first card has ended. */
  payAgain(): void {
    const { to } = this;
    this.noteLostWorker();
    for (const kind of ['authorize', 'void'] as const) {
      to.operations[kind] = 'none';
      to.provider[kind] = 'nothing';
    }
    to.card = 2;
    to.reservation = 'pinned';
    this.apply({ type: 'paid-again' }, 'another_card_requested', { paymentAttempt: 2, attemptsLeft: 0 });
  }

  requestCancellation(by: 'cancel' | 'refund'): void {
    const { saga, leased } = this.to;
    const code = by === 'cancel' ? 'cancel_requested' : 'refund_requested';
    if (leased || saga.endsAs === 'abandoned') {
      this.to.saga = { ...saga, requestedEnd: by };
      return this.record(saga, 'turn-back', code, null);
    }
    this.noteLostWorker();
    this.apply({ type: 'turn-back', by }, code);
    this.to.run = 'due';
  }

  perform(act: 'retry' | 'compensate' | 'resolve'): void {
    this.note(act);
    this.noteLostWorker();
    if (act === 'retry') {
      const isAgain = this.to.operations.refund === 'failed';
      if (isAgain) {
        this.to.operations.refund = 'created';
        this.to.provider.refund = 'nothing';
      }
      return isAgain && this.to.saga.status !== 'stuck'
        ? this.apply({ type: 'refund-retried' }, 'refund_retried_by_operator')
        : this.apply({ type: 'retried' }, 'retried_by_operator');
    }
    if (act === 'compensate') return this.apply({ type: 'compensated-by-hand' }, 'compensated_by_operator');
    const { operations } = this.to;
    const mayBeCharged = Object.values(operations).some(isUnanswered);
    this.apply({ type: 'given-up', mayBeCharged }, 'resolved_by_operator');
    this.undoReservation();
    this.endOrder();
    const isTaken = operations.capture === 'approved' || this.to.mode === 'immediate';
    const isOwed = isTaken ? operations.refund !== 'approved' : operations.void !== 'approved';
    const isAuthorized = ['approved', 'less'].includes(operations.authorize);
    this.to.leftByOperator = hasEnded(this.to) && isAuthorized && isOwed;
  }

  /** Like the runner: step after step, until a call to the provider, an end, or a pause. */
  private advance(): void {
    const { to } = this;
    for (;;) {
      if (to.saga.requestedEnd === 'cancel' && this.decisions.canCancel(to.saga))
        this.apply({ type: 'turn-back', by: 'cancel' }, 'cancel_requested');
      const outcome = to.saga.endsAs ? this.compensate() : this.step();
      if ('ask' in outcome) return this.ask(outcome.ask);
      if ('wait' in outcome) {
        this.apply({ type: 'waits-for-buyer' }, outcome.wait, { operation: 'authorize' });
        if (to.saga.requestedEnd === 'cancel') continue;
        return;
      }
      this.apply(outcome.event, outcome.code, outcome.data);
      if (to.saga.status === 'compensated') this.endOrder();
      if (to.run !== 'due') return;
    }
  }

  private ask(kind: Kind): void {
    const { to } = this;
    if (to.operations[kind] === 'none' || to.operations[kind] === 'replaced') to.operations[kind] = 'created';
    const isPending = ['pending', 'action', 'open'].includes(to.operations[kind]);
    const code = isPending ? 'payment_looked_up' : 'payment_requested';
    this.apply({ type: 'asked' }, code, { operation: kind, asked: askedAmount });
    to.workers.push({ asks: kind, before: to.operations[kind], stale: false });
    if (to.operations[kind] === 'created') to.operations[kind] = 'sent';
    if (to.provider[kind] === 'nothing') to.provider[kind] = 'on its way';
    to.leased = true;
    to.holder = this.token;
  }

  private step(): Outcome {
    const { to } = this;
    switch (to.saga.step) {
      case 'reserve-stock':
        return done('stock_reserved');
      case 'authorize-payment':
      case 'charge-payment':
        if (to.operations.authorize === 'declined' && this.mayTryAnother()) return this.awaitCard();
        if (to.reservation === 'active') to.reservation = 'pinned';
        if (to.reservation === 'released') return declined('cancelled', 'reservation_released');
        if (to.reservation !== 'pinned') return declined('reservation_expired', 'reservation_expired');
        if (to.operations.authorize === 'action')
          return this.heard === 'authorize' ? { wait: 'action_required' } : { ask: 'authorize' };
        if (to.operations.authorize === 'open') {
          // The buyer was quicker, and what was taken cannot be voided.
          if (to.operations.void === 'declined' && this.heard !== 'authorize') return { ask: 'authorize' };
          if (to.operations.void !== 'approved') return { ask: 'void' };
          to.operations.authorize = 'declined';
          if (this.mayTryAnother()) return this.awaitCard();
        }
        return this.settled(
          'authorize',
          to.mode === 'immediate'
            ? ['payment_charged', 'charge_declined']
            : ['payment_authorized', 'authorization_declined'],
        );
      case 'capture-payment':
        return this.settled('capture', ['payment_captured', 'capture_declined']);
      case 'place-order':
        if (to.reservation !== 'pinned') throw new Error(`placed on stock that is ${to.reservation}`);
        if (to.order !== 'pending') throw new Error(`placed when it was ${to.order}`);
        Object.assign(to, { reservation: 'confirmed', order: 'placed' });
        return done('order_placed');
      default:
        throw new Error(`no step ${to.saga.step}`);
    }
  }

  /** A decline without an open payment is final. */
  private mayTryAnother(): boolean {
    const { surprise, card, operations } = this.to;
    return surprise === 'another card' && card === 1 && operations.void === 'approved';
  }

  private awaitCard(): Outcome {
    const { to } = this;
    if (to.reservation === 'pinned') to.reservation = 'active';
    if (to.reservation === 'active') return { wait: 'another_card_awaited' };
    return to.reservation === 'released'
      ? declined('cancelled', 'reservation_released')
      : declined('payment_declined', 'authorization_declined');
  }

  private settled(kind: Kind, [yes, no]: [TransitionCode, TransitionCode]): Outcome {
    const operation = this.to.operations[kind];
    const data = { operation: kind, asked: askedAmount };
    if (operation === 'approved') return done(yes, { operation: kind });
    const event = { type: 'declined', endsAs: 'payment_declined', undoesStep: true } as const;
    if (operation === 'buyer') return { event, code: 'authentication_required', data };
    if (operation === 'less')
      return { event, code: 'partial_authorization', data: { ...data, said: lessAmount } };
    return operation === 'declined' ? declined('payment_declined', no) : { ask: kind };
  }

  private compensate(): Outcome {
    const { authorize, capture } = this.to.operations;
    const none = (operation: Operation) => ['none', 'created', 'declined', 'replaced'].includes(operation);
    const nothing = (kind: Kind) =>
      done('nothing_to_undo', {
        operation: kind,
        ...(this.to.operations[kind] === 'declined' && { declineCode: 'card_declined' }),
      });
    switch (this.to.saga.step) {
      case 'place-order':
        return done('nothing_to_undo');
      case 'capture-payment':
        if (none(capture) || authorize === 'none') return nothing('capture');
        return capture === 'approved'
          ? this.givenBack('refund', ['payment_refunded', 'refund_declined'])
          : { ask: 'capture' };
      case 'authorize-payment':
        if (none(authorize) || capture === 'approved') return nothing('authorize');
        if (!['approved', 'less', 'buyer', 'action', 'open'].includes(authorize)) return { ask: 'authorize' };
        if (['buyer', 'action', 'open'].includes(authorize) && this.to.operations.void === 'approved')
          this.to.operations.authorize = 'declined';
        return this.givenBack('void', ['payment_voided', 'void_declined']);
      case 'charge-payment':
        return this.undoCharge();
      case 'reserve-stock':
        this.undoReservation();
        return done('stock_returned');
      default:
        throw new Error(`no step ${this.to.saga.step}`);
    }
  }

  private undoCharge(): Outcome {
    const { operations } = this.to;
    if (['none', 'created', 'declined', 'replaced'].includes(operations.authorize))
      return done('nothing_to_undo', { operation: 'charge' });
    if (['approved', 'less'].includes(operations.authorize))
      return this.givenBack('refund', ['payment_refunded', 'refund_declined']);
    const isOpen = ['buyer', 'action', 'open'].includes(operations.authorize);
    const isPaidMeanwhile = operations.void === 'declined' && this.heard !== 'authorize';
    if (!isOpen || isPaidMeanwhile) return { ask: 'authorize' };
    if (operations.void === 'approved') operations.authorize = 'declined';
    return this.givenBack('void', ['payment_voided', 'void_declined']);
  }

  private givenBack(kind: Kind, [yes, no]: [TransitionCode, TransitionCode]): Outcome {
    const operation = this.to.operations[kind];
    if (operation === 'approved') return done(yes, { operation: kind });
    if (operation === 'pending') return done('refund_accepted', { operation: kind });
    if (operation === 'failed')
      return {
        event: { type: 'blocked' },
        code: 'refund_failed',
        data: { operation: kind, failureReason: 'declined' },
      };
    return operation === 'declined' ? { event: { type: 'blocked' }, code: no } : { ask: kind };
  }

  private undoReservation(): void {
    const { to } = this;
    if (to.reservation === 'confirmed') to.reservation = 'returned';
    if (to.reservation === 'due') to.reservation = 'expired';
    if (to.reservation === 'active' || to.reservation === 'pinned') to.reservation = 'released';
  }

  private endOrder(): void {
    const { to } = this;
    const end = orderEnds[to.saga.endsAs!];
    const from = end === 'cancelled' || end === 'refunded' ? 'placed' : 'pending';
    if (to.order !== from && to.order !== end) throw new Error(`${to.order} when it became ${end}`);
    to.order = end;
  }
}

const orderEnds: Record<OrderEnd, Checkout['order']> = {
  payment_declined: 'rejected',
  reservation_expired: 'rejected',
  cancelled: 'rejected',
  abandoned: 'abandoned',
  placed_then_cancelled: 'cancelled',
  placed_then_refunded: 'refunded',
};
