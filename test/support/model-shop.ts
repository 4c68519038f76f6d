import { ModelOrder, type Sleeper } from './model-order';

/**
 * The shop as plain counters and maps: no SQL, no clock, no transactions. The real one must have the same results and
 * state.
 */
export interface ModelReservation {
  customer: string;
  lines: Map<string, number>;
  state: 'active' | 'pinned' | 'confirmed' | 'released' | 'expired' | 'returned';
  /** Its time is up, which ends it only while it is active. */
  past: boolean;
  hasOrder: boolean;
}

export interface Demand {
  sku: string;
  quantity: number;
}

/** With its own lines, or on an earlier reservation. */
export interface ModelRequest {
  key: string;
  for: 'reservation' | 'order';
  customer: string;
  lines: Demand[];
  on?: ModelReservation;
  made?: ModelReservation | ModelOrder;
}

const refusals: Partial<Record<ModelReservation['state'], string>> = {
  released: 'reservation_already_released',
  expired: 'reservation_expired',
  confirmed: 'reservation_already_confirmed',
  returned: 'reservation_already_confirmed',
  pinned: 'reservation_pinned',
};

export class ModelShop {
  readonly reservations: ModelReservation[] = [];
  readonly orders: ModelOrder[] = [];
  /** The request of each key, and what it made unless it was refused. */
  readonly requests: ModelRequest[] = [];
  readonly sleepers: Sleeper[] = [];

  constructor(
    readonly onHand: Map<string, number>,
    /** The maximum of live reservations of a SKU per customer. */
    private readonly limits: Map<string, number>,
  ) {}

  reserved(sku: string): number {
    const holding = this.reservations.filter(({ state }) =>
      ['active', 'pinned', 'confirmed'].includes(state),
    );
    return holding.reduce((sum, { lines }) => sum + (lines.get(sku) ?? 0), 0);
  }

  adjust(sku: string, delta: number): string {
    if (this.available(sku) + delta < 0) return 'below_reserved';
    this.onHand.set(sku, this.onHand.get(sku)! + delta);
    return 'ok';
  }

  /** The same key again: returns what it made. A refusal makes nothing, so its key can be used again. */
  ask(request: ModelRequest): string {
    if (request.made) return 'replayed';
    const { customer, lines, on } = request;
    const answer = on ? this.orderOn(customer, on) : this.reserve(customer, lines);
    if (answer !== 'ok') return answer;
    const reservation = on ?? this.reservations.at(-1)!;
    if (request.for === 'order' && !on) this.orderOn(customer, reservation);
    request.made = request.for === 'order' ? this.orders.at(-1)! : reservation;
    return 'ok';
  }

  /** All lines or none. When short, due reservations of these SKUs end first. */
  private reserve(customer: string, demands: Demand[]): string {
    const lines = new Map<string, number>();
    for (const { sku, quantity } of demands) lines.set(sku, (lines.get(sku) ?? 0) + quantity);
    const short = [...lines].filter((line) => this.isShort(line));
    if (short.length > 0) {
      this.expire((reservation) => short.some(([sku]) => reservation.lines.has(sku)));
      if (short.some((line) => this.isShort(line))) return 'insufficient_stock';
    }
    if ([...lines.keys()].some((sku) => this.live(customer, sku) >= (this.limits.get(sku) ?? Infinity)))
      return 'reservation_limit_reached';
    this.reservations.push({ customer, lines, state: 'active', past: false, hasOrder: false });
    return 'ok';
  }

  private orderOn(customer: string, reservation: ModelReservation): string {
    if (reservation.customer !== customer) return 'reservation_of_another_customer';
    if (reservation.hasOrder) return 'reservation_has_order';
    const refused = this.change(reservation, 'extend');
    if (refused !== 'ok') return refused;
    this.orders.push(new ModelOrder(reservation, (ended) => this.reserveAgain(ended)));
    return 'ok';
  }

  change(reservation: ModelReservation, by: 'extend' | 'confirm' | 'release'): string {
    const state = this.isDue(reservation) ? 'expired' : reservation.state;
    if (by === 'release' && (state === 'expired' || state === 'released')) return 'ok';
    if (by === 'confirm' && (state === 'confirmed' || state === 'returned')) return 'ok';
    const refused = refusals[state];
    if (refused) return refused;
    if (by === 'confirm' && reservation.hasOrder) return 'reservation_has_order';
    if (by !== 'extend') reservation.state = by === 'confirm' ? 'confirmed' : 'released';
    return 'ok';
  }

  /** All or nothing, by difference: its own units count as available. When short, due reservations end first. */
  changeLines(reservation: ModelReservation, demands: Demand[]): string {
    const refused = this.change(reservation, 'extend');
    if (refused !== 'ok') return refused;
    if (reservation.hasOrder) return 'reservation_has_order';
    const lines = new Map<string, number>();
    for (const { sku, quantity } of demands) lines.set(sku, (lines.get(sku) ?? 0) + quantity);
    const missing = [...lines].map(([sku, wanted]): [string, number] => [
      sku,
      wanted - (reservation.lines.get(sku) ?? 0),
    ]);
    const short = missing.filter((line) => line[1] > 0 && this.isShort(line));
    if (short.length > 0) {
      this.expire((one) => short.some(([sku]) => one.lines.has(sku)));
      if (short.some((line) => this.isShort(line))) return 'insufficient_stock';
    }
    const news = [...lines.keys()].filter((sku) => !reservation.lines.has(sku));
    if (news.some((sku) => this.live(reservation.customer, sku) >= (this.limits.get(sku) ?? Infinity)))
      return 'reservation_limit_reached';
    reservation.lines = lines;
    return 'ok';
  }

  expire(which: (reservation: ModelReservation) => boolean = () => true): void {
    for (const one of this.reservations) if (this.isDue(one) && which(one)) one.state = 'expired';
  }

  isDue({ state, past }: ModelReservation): boolean {
    return state === 'active' && past;
  }

  private available(sku: string): number {
    return this.onHand.get(sku)! - this.reserved(sku);
  }

  private isShort([sku, quantity]: [string, number]): boolean {
    return this.available(sku) < quantity;
  }

  private live(customer: string, sku: string): number {
    const live = (one: ModelReservation) =>
      one.state === 'pinned' || (one.state === 'active' && !this.isDue(one));
    return this.reservations.filter((one) => one.customer === customer && one.lines.has(sku) && live(one))
      .length;
  }

  private reserveAgain(ended: ModelReservation): ModelReservation | undefined {
    if ([...ended.lines].some((line) => this.isShort(line))) return undefined;
    const again: ModelReservation = { ...ended, state: 'active', past: false };
    this.reservations.push(again);
    return again;
  }
}
