import { type Kind, type Word, reachesProvider } from './model-provider';
import type { ModelReservation } from './model-shop';

/**
 * An order in the model: what was requested, the provider's state, and the known results. No transactions, steps or
 * tokens; only what a buyer, an operator and the provider can rely on.
 */

type Answer = 'approved' | 'declined';
type End =
  | 'payment_declined'
  | 'reservation_expired'
  | 'cancelled'
  | 'abandoned'
  | 'placed_then_cancelled'
  | 'placed_then_refunded';

const ends: Record<End, string> = {
  payment_declined: 'rejected (payment_declined)',
  reservation_expired: 'rejected (reservation_expired)',
  cancelled: 'rejected (cancelled)',
  abandoned: 'rejected (abandoned)',
  placed_then_cancelled: 'cancelled',
  placed_then_refunded: 'refunded',
};

/** A worker that slept during a call. Its result counts if no other worker has taken the order over. */
export interface Sleeper {
  order: ModelOrder;
  kind: Kind;
  claim: number;
}

export class ModelOrder {
  state = 'pending';
  /** Nothing is left to do for it. */
  settled = false;
  /** `due`: any worker may drive it. `waits`: until time passes. `stuck`: until an operator or customer acts. */
  run: 'due' | 'waits' | 'stuck' = 'due';
  /** A worker is calling the provider, or sleeps during the call; only time ends that. */
  leased = false;
  /** Number of attempts for the next result. */
  attempt = 0;
  private claims = 0;
  private cancelWanted = false;
  private endsAs: End | undefined;
  /** An operator resolved it although the provider had refused a refund or void. */
  settledByHand = false;
  /** It was given up, then charged and placed. */
  cameBack = false;
  private readonly asked = new Set<Kind>();
  private readonly truth = new Map<Kind, Answer>();
  private readonly heard = new Map<Kind, Answer>();

  constructor(
    public reservation: ModelReservation,
    /** Reserves the stock of an ended reservation again, if it is available. */
    private readonly reserveAgain: (ended: ModelReservation) => ModelReservation | undefined,
  ) {
    reservation.hasOrder = true;
  }

  requestCancellation(by: 'cancel' | 'refund'): string {
    const mayComeBack = by === 'cancel' && this.endsAs === 'abandoned' && !this.settled;
    if (mayComeBack && this.cancelWanted) return 'ok';
    if (this.cancelWanted || (this.endsAs && !mayComeBack)) {
      const asWished = by === 'cancel' && this.state === 'rejected (cancelled)';
      return this.state.startsWith('rejected') && !asWished ? 'order_already_rejected' : 'ok';
    }
    if (this.state === 'placed')
      this.goBack(by === 'cancel' ? 'placed_then_cancelled' : 'placed_then_refunded');
    else if (by === 'refund') return 'order_not_placed';
    else if (this.leased || mayComeBack || this.asked.has('capture')) this.cancelWanted = true;
    else this.goBack('cancelled');
    if (!this.leased && !mayComeBack) this.run = 'due';
    return 'ok';
  }

  perform(act: 'retry' | 'compensate' | 'resolve'): string {
    if (this.settled || (this.state === 'placed' && !this.endsAs)) return 'saga_settled';
    if (this.leased) return 'saga_driven';
    if (act === 'compensate' && this.endsAs) return 'saga_goes_back';
    if (act === 'resolve' && this.attempt === 0) return 'saga_not_stuck';
    this.run = 'due';
    if (act === 'retry') this.attempt = Math.min(this.attempt, 1);
    if (act === 'compensate') this.goBack('cancelled');
    if (act === 'resolve') {
      this.endsAs ??= 'abandoned';
      this.attempt = 0;
      this.end();
      this.settled = [...this.asked].every((kind) => this.heard.has(kind));
      this.settledByHand = this.settled;
    }
    return 'ok';
  }

  /** Its pause ends, or the lease of a worker that is gone. */
  passTime(): void {
    this.leased = false;
    if (this.run === 'waits') this.run = 'due';
  }

  /** A webhook only makes it due sooner, and does not affect a working worker. */
  hearNews(): void {
    if (this.run === 'waits' && !this.leased) this.run = 'due';
  }

  /** A worker drives it as far as it can; the provider follows the script, then approves. */
  drive(script: Word[]): Sleeper | undefined {
    if (this.run !== 'due' || this.leased || this.isAtRest()) return undefined;
    this.claims++;
    return this.goOn([...script]);
  }

  wake({ kind, claim }: Sleeper): Sleeper | undefined {
    if (this.claims !== claim) return undefined;
    const answer = this.truth.get(kind);
    this.leased = false;
    this.run = 'waits';
    if (!answer) return undefined;
    this.hear(kind, answer, true);
    return this.goOn([]);
  }

  /** The money that the provider holds or captured and did not return. */
  get owes(): 'nothing' | 'authorized' | 'captured' {
    const is = (kind: Kind) => this.truth.get(kind) === 'approved';
    if (is('capture')) return is('refund') ? 'nothing' : 'captured';
    return is('authorize') && !is('void') ? 'authorized' : 'nothing';
  }

  isAtRest(): boolean {
    return this.settled || (this.state === 'placed' && !this.endsAs);
  }

  private goOn(script: Word[]): Sleeper | undefined {
    for (let kind = this.next(); kind; kind = this.next()) {
      const word = script.shift() ?? 'approve';
      this.run = 'waits';
      if (word === 'hold-back') {
        if (kind === 'authorize' && !this.asked.has(kind)) this.reservation.state = 'active';
        return undefined;
      }
      if (reachesProvider(word) && !this.truth.has(kind))
        this.truth.set(kind, word === 'decline' ? 'declined' : 'approved');
      this.asked.add(kind);
      this.attempt++;
      if (word === 'sleep-before' || word === 'sleep-after') {
        this.leased = true;
        return { order: this, kind, claim: this.claims };
      }
      if (word === 'lose-call' || word === 'lose-answer') return undefined;
      const answer = this.truth.get(kind)!;
      const otherSum = word === 'other-sum' && answer === 'approved';
      if (otherSum && this.sumMatters(kind)) {
        this.run = 'stuck';
        return undefined;
      }
      this.hear(kind, answer, !otherSum);
    }
    return undefined;
  }

  /** An authorization is voided with any amount, but not captured or refunded. */
  private sumMatters(kind: Kind): boolean {
    return kind !== 'void' && !(kind === 'authorize' && this.endsAs);
  }

  private hear(kind: Kind, answer: Answer, rightSum: boolean): void {
    this.heard.set(kind, answer);
    const isStepDone = kind === 'authorize' ? !this.endsAs : kind === 'capture' && answer === 'declined';
    if (isStepDone) this.attempt = 0;
    const late = this.endsAs === 'abandoned' && (kind === 'authorize' || kind === 'capture');
    if (!late || answer !== 'approved' || !rightSum || this.cancelWanted) return;
    const again = this.reserveAgain(this.reservation);
    if (!again) return;
    Object.assign(this, {
      reservation: again,
      state: 'pending',
      endsAs: undefined,
      attempt: 0,
      cameBack: true,
    });
  }

  /** Does what needs no provider; returns the next call to the provider, or nothing if there is none. */
  private next(): Kind | undefined {
    const { reservation, heard } = this;
    if (this.cancelWanted && !this.endsAs && !this.asked.has('capture')) this.goBack('cancelled');
    if (!this.endsAs && !heard.has('capture')) {
      if (reservation.state === 'active' && !reservation.past) reservation.state = 'pinned';
      if (reservation.state === 'released') this.goBack('cancelled');
      else if (reservation.state !== 'pinned') this.goBack('reservation_expired');
    }
    if (!this.endsAs) {
      if (!heard.has('authorize')) return 'authorize';
      if (heard.get('authorize') === 'declined') this.goBack('payment_declined');
      else if (!heard.has('capture')) return 'capture';
      else if (heard.get('capture') === 'declined') this.goBack('payment_declined');
      else {
        reservation.state = 'confirmed';
        this.state = 'placed';
        if (!this.cancelWanted) return undefined;
        this.goBack('placed_then_cancelled');
      }
    }
    return this.undo();
  }

  /** Compensation: money first, then stock, then the order's end. */
  private undo(): Kind | undefined {
    const is = (kind: Kind, answer: Answer) => this.heard.get(kind) === answer;
    const owed = this.asked.has('capture') && !is('capture', 'declined') ? 'capture' : 'authorize';
    const back = owed === 'capture' ? 'refund' : 'void';
    if (this.asked.has(owed) && !is(owed, 'declined')) {
      if (!this.heard.has(owed)) return owed;
      if (!this.heard.has(back)) return back;
      if (is(back, 'declined')) return void (this.run = 'stuck');
    }
    this.end();
    this.settled = true;
    return undefined;
  }

  private goBack(endsAs: End): void {
    Object.assign(this, { endsAs, attempt: 0, cancelWanted: false });
  }

  private end(): void {
    const { reservation } = this;
    const { state, past } = reservation;
    if (state === 'confirmed') reservation.state = 'returned';
    else if (state === 'active' && past) reservation.state = 'expired';
    else if (state === 'active' || state === 'pinned') reservation.state = 'released';
    this.state = ends[this.endsAs!];
  }
}
