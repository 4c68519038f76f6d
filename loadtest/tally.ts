import { type Counts, Histogram } from './histogram';

/**
 * The result of a request:
 *
 * accepted    the order was accepted (201, 202); its card may be declined later
 * reserved    a reservation was made, by a buyer who will leave
 * refused     there was not enough stock
 * overLimit   the customer had as many units as allowed
 * early       the sale had not begun, counted at each try
 * shed        503 or 429, counted at each try
 * lost        the connection ended without a response, counted at each try
 * gaveUp      the buyer stopped after many tries that were shed or lost
 * unexpected  anything else: a defect of the service or of the load test
 */
export const outcomes = [
  ...(['accepted', 'reserved', 'refused', 'overLimit', 'early', 'shed', 'lost'] as const),
  ...(['gaveUp', 'unexpected'] as const),
];
export type Outcome = (typeof outcomes)[number];

/** The resolution of a sale's course. */
export const sliceMs = 250;

/** Enough to see what went wrong. */
const oddAnswersMax = 5;

export interface TallyData {
  counts: Record<Outcome, number>;
  answers: Counts;
  lateness: Counts;
  /** Outcomes in each slice of time, from the start. */
  course: Partial<Record<Outcome, number>>[];
  orderIds: string[];
  refusedBySku: Record<string, number>;
  reservedBySku: Record<string, number>;
  /** Orders whose buyers paid with a second card. */
  secondCards: string[];
  /** What buyers did about 3-D Secure: authenticated, walked away, came too late. */
  secured: Record<string, number>;
  /** The reasons of 503 and 429, in the service's words. */
  shedFor: Record<string, number>;
  /** Refusals whose own numbers say that there was enough stock. */
  contradictions: string[];
  oddAnswers: string[];
}

/** The results of one process of buyers, or of all. */
export class Tally {
  readonly counts = Object.fromEntries(outcomes.map((name) => [name, 0])) as Record<Outcome, number>;
  /** From the moment a buyer wanted to send until the response. */
  readonly answers = new Histogram();
  /** How late requests were sent, because the load generator itself was too slow. */
  readonly lateness = new Histogram();
  readonly course: Partial<Record<Outcome, number>>[] = [];
  readonly orderIds: string[] = [];
  readonly refusedBySku: Record<string, number> = {};
  readonly reservedBySku: Record<string, number> = {};
  readonly secondCards: string[] = [];
  readonly secured: Record<string, number> = {};
  readonly shedFor: Record<string, number> = {};
  readonly contradictions: string[] = [];
  readonly oddAnswers: string[] = [];

  count(outcome: Outcome, atMs: number): void {
    this.counts[outcome] += 1;
    addTo((this.course[Math.max(0, Math.floor(atMs / sliceMs))] ??= {}), outcome);
  }

  note(odd: string): void {
    if (this.oddAnswers.length < oddAnswersMax) this.oddAnswers.push(odd);
  }

  add(other: TallyData): void {
    for (const name of outcomes) this.counts[name] += other.counts[name];
    this.answers.add(other.answers);
    this.lateness.add(other.lateness);
    for (const [slice, counts] of other.course.entries()) {
      const own = (this.course[slice] ??= {});
      for (const [name, times] of Object.entries(counts)) addTo(own, name, times);
    }
    // Not one push: a call accepts at most some hundred thousand arguments.
    for (const id of other.orderIds) this.orderIds.push(id);
    for (const id of other.secondCards) this.secondCards.push(id);
    for (const by of ['refusedBySku', 'reservedBySku', 'secured', 'shedFor'] as const)
      for (const [name, times] of Object.entries(other[by])) addTo(this[by], name, times);
    this.contradictions.push(...other.contradictions);
    other.oddAnswers.forEach((odd) => this.note(odd));
  }

  get data(): TallyData {
    const { counts, orderIds, refusedBySku, reservedBySku, secondCards, secured } = this;
    const { shedFor, contradictions, oddAnswers } = this;
    return {
      counts,
      answers: this.answers.counts,
      lateness: this.lateness.counts,
      course: Array.from(this.course, (slice) => slice ?? {}),
      orderIds,
      refusedBySku,
      reservedBySku,
      secondCards,
      secured,
      shedFor,
      contradictions,
      oddAnswers,
    };
  }
}

export function addTo(counts: Record<string, number>, name: string, times = 1): void {
  counts[name] = (counts[name] ?? 0) + times;
}
