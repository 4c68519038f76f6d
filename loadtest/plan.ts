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
  /** Head and body as sent; a retry sends the same bytes. */
  request: string;
}

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
    const { run, declineRate, abandonRate, reserveOnly } = this.plan;
    const key = `${run}-${this.share}-${this.made++}`;
    const skus = this.someSkus();
    const lines = skus.map((sku) => ({ sku, quantity: 1 }));
    const paymentMethod = this.random.next() < declineRate ? 'pm_card_chargeDeclined' : 'pm_card_visa';
    const leaves = this.random.next() < abandonRate;
    const buyer = { customerId: `cus_${key}`, lines };
    if (reserveOnly) return this.purchase('reservation', skus, key, buyer);
    if (leaves) return this.purchase('reservation', skus, key, { ...buyer, ttlSeconds: abandonTtlSeconds });
    return this.purchase('order', skus, key, { ...buyer, paymentMethod });
  }

  private someSkus(): string[] {
    const { skus, lines } = this.plan;
    if (lines === 1) return [this.random.pick(skus)];
    return this.random.shuffled(skus).slice(0, lines);
  }

  private purchase(kind: Purchase['kind'], skus: string[], key: string, buyer: object): Purchase {
    const body = JSON.stringify(buyer);
    const prefer = this.plan.untilEnded ? `Prefer: wait=${waitSeconds}\r\n` : '';
    const request =
      `POST /v1/${kind}s HTTP/1.1\r\nHost: holdfast\r\nAuthorization: Bearer ${this.plan.clientKey}\r\n` +
      `${prefer}Content-Type: application/json\r\nIdempotency-Key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    return { kind, skus, request };
  }
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
