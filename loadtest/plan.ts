import { Random } from '../test/support/seeded';

/** Buyers come when they come, whether or not those before them were answered. */
export interface OpenLoad {
  kind: 'open';
  buyers: number;
  /** Arrivals per second. */
  rate: number;
}

/** Always so many buyers at once, each of whom buys again as soon as he is answered. */
export interface ClosedLoad {
  kind: 'closed';
  buyers: number;
  /** Not counted: connections are made, caches filled. */
  warmUpMs: number;
  ms: number;
}

/** What the buyers are to do. */
export interface Plan {
  /** The doors: one base address for each API. */
  urls: string[];
  clientKey: string;
  /** Different for each run, so that no key of one is ever a key of another. */
  run: string;
  skus: string[];
  /** Lines of one order, each of another SKU. */
  lines: number;
  /** Shares of the buyers: whose card is declined; who reserve, and then go away. */
  declineRate: number;
  abandonRate: number;
  /** Only reservations are made, by everybody. */
  reserveOnly?: boolean;
  seed: number;
  load: OpenLoad | ClosedLoad;
}

/** For how long those who go away keep what they reserved. */
export const abandonTtlSeconds = 5;

export interface Purchase {
  kind: 'order' | 'reservation';
  skus: string[];
  /** Head and body, as they go over the wire; again the same, whenever it is tried again. */
  request: string;
}

/** Makes one purchase after the other, the same ones for the same seed. */
export class Purchases {
  private readonly random: Random;
  private made = 0;

  constructor(
    private readonly plan: Plan,
    /** Of all processes of buyers, which this is. */
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
    const goesAway = this.random.next() < abandonRate;
    const buyer = { customerId: `cus_${key}`, lines };
    if (reserveOnly) return this.purchase('reservation', skus, key, buyer);
    if (goesAway) return this.purchase('reservation', skus, key, { ...buyer, ttlSeconds: abandonTtlSeconds });
    return this.purchase('order', skus, key, { ...buyer, paymentMethod });
  }

  private someSkus(): string[] {
    const { skus, lines } = this.plan;
    if (lines === 1) return [this.random.pick(skus)];
    return this.random.shuffled(skus).slice(0, lines);
  }

  private purchase(kind: Purchase['kind'], skus: string[], key: string, buyer: object): Purchase {
    const body = JSON.stringify(buyer);
    const request =
      `POST /v1/${kind}s HTTP/1.1\r\nHost: holdfast\r\nAuthorization: Bearer ${this.plan.clientKey}\r\n` +
      `Content-Type: application/json\r\nIdempotency-Key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    return { kind, skus, request };
  }
}

/** When buyers arrive, in milliseconds from the start: a Poisson process, as strangers make it who know nothing of each other. */
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

/** The part of the load that one of several processes carries. */
export function shareOf<L extends OpenLoad | ClosedLoad>(load: L, share: number, shares: number): L {
  const buyers = Math.floor(load.buyers / shares) + (share < load.buyers % shares ? 1 : 0);
  if (load.kind === 'closed') return { ...load, buyers };
  return { ...load, buyers, rate: (load.rate * buyers) / load.buyers };
}
