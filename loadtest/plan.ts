import { Random } from '../test/support/seeded';

/** Buyers arrive at a rate, whether or not earlier ones have a response. */
export interface OpenLoad {
  kind: 'open';
  buyers: number;
  /** Arrivals per second. */
  rate: number;
}

/** A constant number of buyers, each of whom buys again as soon as a response arrives. */
export interface ClosedLoad {
  kind: 'closed';
  buyers: number;
  /** Not counted: connections are made, caches filled. */
  warmUpMs: number;
  ms: number;
}

/** What buyers of a sale do besides ordering once. */
export interface Habits {
  /** The limit of units per customer; each customer tries one more. */
  perCustomer: number | undefined;
  /** Share of the buyers with a declined card who pay with another. */
  secondCardRate: number;
  /** Share of the cards that need 3-D Secure, how long their buyers think on average, and how many of them leave. */
  secureRate: number;
  thinkSeconds: number;
  walkAwayRate: number;
  capture: 'automatic' | 'immediate';
}

/** What the buyers do. */
export interface Plan {
  /** The base address of each API. */
  urls: string[];
  clientKey: string;
  /** Unique per run, so that runs never share an idempotency key. */
  run: string;
  skus: string[];
  /** Lines per order, each with its own SKU. */
  lines: number;
  /** Shares of the buyers whose card is declined, and of those who reserve and leave. */
  declineRate: number;
  abandonRate: number;
  /** All buyers only make reservations. */
  reserveOnly?: boolean;
  /** Buyers of orders wait until theirs has ended (`Prefer: wait`), so a purchase is the whole of it. */
  untilEnded?: boolean;
  habits?: Habits;
  /** Where buyers authenticate. */
  sandboxUrl?: string;
  seed: number;
  load: OpenLoad | ClosedLoad;
}

/** Time to live of the reservations of buyers who leave. */
export const abandonTtlSeconds = 5;

/** The longest wait that the API grants. */
export const waitSeconds = 30;

export interface Purchase {
  kind: 'order' | 'reservation';
  skus: string[];
  key: string;
  /** Head and body as sent; a retry sends the same bytes. */
  request: string;
  /** What the buyer does for the payment after the order was accepted. */
  then?: { act: 'second-card' } | { act: 'authenticate' | 'walk-away'; thinkMs: number };
}

/** Long enough for the buyer's other card. */
const onDecline = { holdSeconds: 60, attemptsMax: 2 };

export const cards = {
  good: 'pm_card_visa',
  declined: 'pm_card_chargeDeclined',
  secure: 'pm_sandbox_requires_action',
};

/** A sequence of purchases, the same for the same seed. */
export class Purchases {
  private readonly random: Random;
  private made = 0;

  constructor(
    private readonly plan: Plan,
    /** The number of this process of buyers. */
    private readonly share: number,
  ) {
    this.random = new Random(plan.seed + share);
  }

  next(): Purchase {
    const { run, declineRate, abandonRate, reserveOnly, habits } = this.plan;
    const nth = this.made++;
    const key = `${run}-${this.share}-${nth}`;
    const perCustomer = habits?.perCustomer;
    const customer = perCustomer === undefined ? nth : Math.floor(nth / (perCustomer + 1));
    const skus = this.someSkus();
    const lines = skus.map((sku) => ({ sku, quantity: 1 }));
    const isDeclined = this.random.next() < declineRate;
    const leaves = this.random.next() < abandonRate;
    const buyer = { customerId: `cus_${run}-${this.share}-${customer}`, lines };
    if (reserveOnly) return this.purchase('reservation', skus, key, buyer);
    if (leaves) return this.purchase('reservation', skus, key, { ...buyer, ttlSeconds: abandonTtlSeconds });
    const then = habits && this.afterwards(habits, isDeclined);
    const isSecure = then !== undefined && then.act !== 'second-card';
    const order = {
      ...buyer,
      paymentMethod: isDeclined ? cards.declined : isSecure ? cards.secure : cards.good,
      ...(then?.act === 'second-card' && { onDecline }),
      ...(habits?.capture === 'immediate' && { capture: habits.capture }),
    };
    return { ...this.purchase('order', skus, key, order, then !== undefined), then };
  }

  private afterwards(habits: Habits, isDeclined: boolean): Purchase['then'] {
    const { secondCardRate, secureRate, walkAwayRate, thinkSeconds } = habits;
    if (isDeclined) return this.random.next() < secondCardRate ? { act: 'second-card' } : undefined;
    if (this.random.next() >= secureRate) return undefined;
    const act = this.random.next() < walkAwayRate ? 'walk-away' : 'authenticate';
    return { act, thinkMs: this.random.next() * 2_000 * thinkSeconds };
  }

  private someSkus(): string[] {
    const { skus, lines } = this.plan;
    if (lines === 1) return [this.random.pick(skus)];
    return this.random.shuffled(skus).slice(0, lines);
  }

  private purchase(
    kind: Purchase['kind'],
    skus: string[],
    key: string,
    buyer: object,
    waits = false,
  ): Purchase {
    const { clientKey, untilEnded } = this.plan;
    return {
      kind,
      skus,
      key,
      request: requestOf('POST', `/v1/${kind}s`, {
        clientKey,
        key,
        waits: waits || untilEnded,
        body: buyer,
      }),
    };
  }
}

/** Head and body, as they are sent. */
export function requestOf(
  method: 'GET' | 'POST',
  path: string,
  { clientKey, key, waits, body }: { clientKey: string; key?: string; waits?: boolean; body?: object },
): string {
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: holdfast',
    `Authorization: Bearer ${clientKey}`,
    ...(waits ? [`Prefer: wait=${waitSeconds}`] : []),
  ];
  if (body === undefined) return `${head.join('\r\n')}\r\n\r\n`;
  const text = JSON.stringify(body);
  head.push('Content-Type: application/json', ...(key === undefined ? [] : [`Idempotency-Key: ${key}`]));
  return `${head.join('\r\n')}\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

/** Arrival times in milliseconds from the start: a Poisson process, as independent buyers make it. */
export function* arrivals(
  { buyers, rate }: Pick<OpenLoad, 'buyers' | 'rate'>,
  seed: number,
): Generator<number> {
  const random = new Random(seed);
  for (let at = 0, nth = 0; nth < buyers; nth++) {
    at += (-Math.log(1 - random.next()) / rate) * 1_000;
    yield at;
  }
}

/** One process's part of the load. */
export function shareOf<L extends OpenLoad | ClosedLoad>(load: L, share: number, shares: number): L {
  const buyers = Math.floor(load.buyers / shares) + (share < load.buyers % shares ? 1 : 0);
  if (load.kind === 'closed') return { ...load, buyers };
  return { ...load, buyers, rate: (load.rate * buyers) / load.buyers };
}
