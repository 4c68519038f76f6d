import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Buyers } from '../../loadtest/buyers';
import { Histogram } from '../../loadtest/histogram';
import { type Habits, type Plan, Purchases, arrivals, shareOf } from '../../loadtest/plan';

type Answering = (response: ServerResponse, request: IncomingMessage, nth: number) => void;

const accept: Answering = (response) =>
  response.writeHead(202, { location: '/v1/orders/ord_1', 'content-length': 2 }).end('{}');
const problem =
  (status: number, body: object, headers = {}): Answering =>
  (response) => {
    const text = JSON.stringify(body);
    response.writeHead(status, { 'content-length': text.length, ...headers }).end(text);
  };

const calm: Habits = {
  perCustomer: undefined,
  secondCardRate: 0,
  secureRate: 0,
  thinkSeconds: 0,
  walkAwayRate: 0,
  capture: 'automatic',
};

describe('buyers', () => {
  let server: Server;
  let keys: string[];
  let answering: Answering;

  beforeEach(async () => {
    keys = [];
    server = createServer((request, response) => {
      keys.push(String(request.headers['idempotency-key']));
      request.resume().once('end', () => answering(response, request, keys.length));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const planned = (more: Partial<Plan> = {}): Plan => ({
    urls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`],
    clientKey: 'key',
    run: 'RUN',
    skus: ['A'],
    lines: 1,
    declineRate: 0,
    abandonRate: 0,
    seed: 1,
    load: { kind: 'open', buyers: 5, rate: 1_000 },
    ...more,
  });

  async function bought(answers: Answering, more?: Partial<Plan>) {
    answering = answers;
    const buyers = new Buyers({ plan: planned(more), share: 0, shares: 1, startAt: Date.now() });
    await buyers.run();
    return buyers.tally;
  }

  it('send one request each and count its result', async () => {
    const refusal = { code: 'insufficient_stock', shortfalls: [{ sku: 'A', requested: 1, available: 0 }] };
    const tally = await bought((response, request, nth) =>
      (nth <= 2 ? accept : problem(409, refusal))(response, request, nth),
    );
    expect(tally.counts).toMatchObject({ accepted: 2, refused: 3, shed: 0, unexpected: 0 });
    expect(tally.refusedBySku).toEqual({ A: 3 });
    expect(tally.orderIds).toEqual(['ord_1', 'ord_1']);
    expect(new Set(keys).size).toBe(5);
  });

  it('retry with the same key after 503 and 429, and count each as shed', async () => {
    const busy = problem(503, { code: 'unavailable', detail: 'Busy.' }, { 'retry-after': 0 });
    const tally = await bought(
      (response, request, nth) => (nth <= 3 ? busy : accept)(response, request, nth),
      {
        load: { kind: 'open', buyers: 1, rate: 1_000 },
      },
    );
    expect(tally.counts).toMatchObject({ accepted: 1, shed: 3, gaveUp: 0 });
    expect(tally.shedFor).toEqual({ '503: Busy.': 3 });
    expect(keys).toHaveLength(4);
    expect(new Set(keys).size).toBe(1);
  });

  it('retry with the same key when the connection ends without a response', async () => {
    const tally = await bought(
      (response, request, nth) => (nth === 1 ? response.socket!.destroy() : accept(response, request, nth)),
      { load: { kind: 'open', buyers: 1, rate: 1_000 } },
    );
    expect(tally.counts).toMatchObject({ accepted: 1, lost: 1 });
    expect(new Set(keys).size).toBe(1);
  });

  it('come back with the same key when the sale starts, however often they were early', async () => {
    const early = problem(409, { code: 'not_on_sale', startsInSeconds: 1 }, { 'retry-after': 0 });
    const tally = await bought(
      (response, request, nth) => (nth <= 40 ? early : accept)(response, request, nth),
      { load: { kind: 'open', buyers: 1, rate: 1_000 } },
    );
    expect(tally.counts).toMatchObject({ early: 40, accepted: 1, gaveUp: 0, unexpected: 0 });
    expect(new Set(keys).size).toBe(1);
  });

  it('do not come back after the end of the sale, which they did not expect', async () => {
    const tally = await bought(problem(409, { code: 'not_on_sale', startsInSeconds: null }));
    expect(tally.counts).toMatchObject({ early: 0, unexpected: 5 });
  });

  it('of one customer try one unit more than is allowed, and get a refusal', async () => {
    const over = problem(409, { code: 'units_per_customer_exceeded' });
    const tally = await bought(
      (response, request, nth) => {
        (nth % 3 === 0 ? over : accept)(response, request, nth);
      },
      { habits: { ...calm, perCustomer: 2 }, load: { kind: 'open', buyers: 6, rate: 1_000 } },
    );
    expect(tally.counts).toMatchObject({ accepted: 4, overLimit: 2, unexpected: 0 });
  });

  it('whose card was declined pay for the same order with another', async () => {
    const asked: string[] = [];
    const order = { id: 'ord_1', status: 'pending', payment: { status: 'declined' } };
    const tally = await bought(
      (response, request, nth) => {
        asked.push(`${request.method} ${request.url} ${String(request.headers.prefer ?? '')}`.trim());
        if (nth === 1)
          problem(402, { code: 'payment_declined', mayTryAnotherCard: true, order })(response, request, nth);
        else accept(response, request, nth);
      },
      {
        declineRate: 1,
        habits: { ...calm, secondCardRate: 1 },
        load: { kind: 'open', buyers: 1, rate: 1_000 },
      },
    );
    expect(asked).toEqual(['POST /v1/orders wait=30', 'POST /v1/orders/ord_1/payments']);
    expect(tally.counts).toMatchObject({ accepted: 1, unexpected: 0 });
    expect(tally.secondCards).toEqual(['ord_1']);
  });

  it.each([
    [
      0,
      [
        'POST /v1/orders',
        'GET /v1/orders/ord_1/next-action',
        'POST /sandbox/payment_intents/pi_1/authenticate',
      ],
      'authenticated',
    ],
    [1, ['POST /v1/orders'], 'walked away'],
  ])(
    'whose card needs 3-D Secure authenticate at the provider, or walk away (%i)',
    async (walkAwayRate, calls, what) => {
      const asked: string[] = [];
      const order = { id: 'ord_1', status: 'pending', payment: { status: 'requires_action' } };
      const tally = await bought(
        (response, request, nth) => {
          asked.push(`${request.method} ${request.url}`);
          if (nth === 1) problem(202, order, { location: '/v1/orders/ord_1' })(response, request, nth);
          else problem(200, { clientSecret: 'pi_1_secret_abc' })(response, request, nth);
        },
        {
          sandboxUrl: planned().urls[0]!,
          habits: { ...calm, secureRate: 1, walkAwayRate },
          load: { kind: 'open', buyers: 1, rate: 1_000 },
        },
      );
      expect(asked).toEqual(calls);
      expect(tally.secured).toEqual({ [what]: 1 });
    },
  );

  it('keep unexpected responses word for word', async () => {
    const tally = await bought(problem(500, { code: 'internal_error' }));
    expect(tally.counts).toMatchObject({ accepted: 0, unexpected: 5 });
    expect(tally.oddAnswers).toContain('500 {"code":"internal_error"}');
  });

  it('wait for the end of an order when a purchase is the whole of it, and take no other answer', async () => {
    const headers: unknown[] = [];
    const tally = await bought(
      (response, request, nth) => {
        headers.push(request.headers.prefer);
        if (nth === 1) accept(response, request, nth);
        else response.writeHead(201, { location: '/v1/orders/ord_1', 'content-length': 2 }).end('{}');
      },
      { untilEnded: true },
    );
    expect(tally.counts).toMatchObject({ accepted: 4, unexpected: 1 });
    expect(tally.oddAnswers).toEqual(['an order had not ended within 30 s']);
    expect(new Set(headers)).toEqual(new Set(['wait=30']));
  });

  it('notice a refusal that contradicts its own numbers', async () => {
    const refusal = { code: 'insufficient_stock', shortfalls: [{ sku: 'A', requested: 1, available: 4 }] };
    expect((await bought(problem(409, refusal))).contradictions[0]).toBe('1 of A refused with 4 available');
  });

  it('measure from the moment they wanted to buy, including the wait for a connection', async () => {
    // One connection for all, so each buyer waits for those before. Measured from the sending, each would take 20 ms.
    let free = Promise.resolve();
    const slow: Answering = (response, request, nth) => {
      free = free.then(() => new Promise((resolve) => setTimeout(resolve, 20)));
      void free.then(() => accept(response, request, nth));
    };
    const tally = await bought(slow, { load: { kind: 'open', buyers: 20, rate: 10_000 } });
    expect(tally.answers.percentile(1)).toBeGreaterThan(300);
  });

  it('are always as many at once as the closed loop has', async () => {
    let [atOnce, most] = [0, 0];
    const tally = await bought(
      (response, request, nth) => {
        most = Math.max(most, ++atOnce);
        setTimeout(() => {
          atOnce -= 1;
          accept(response, request, nth);
        }, 5);
      },
      { load: { kind: 'closed', buyers: 7, warmUpMs: 50, ms: 200 } },
    );
    expect(most).toBe(7);
    expect(tally.counts.accepted).toBeLessThan(keys.length);
    expect(tally.counts.accepted).toBeGreaterThan(7);
  });
});

describe('a plan', () => {
  const plan: Plan = {
    urls: [],
    clientKey: 'key',
    run: 'RUN',
    skus: ['A', 'B', 'C'],
    lines: 2,
    declineRate: 0.3,
    abandonRate: 0.2,
    seed: 7,
    load: { kind: 'open', buyers: 10, rate: 100 },
  };
  const made = (seed: number, share = 0) => {
    const purchases = new Purchases({ ...plan, seed }, share);
    return Array.from({ length: 2_000 }, () => purchases.next());
  };

  it('makes the same purchases for the same seed, and others for another', () => {
    expect(made(7)).toEqual(made(7));
    expect(made(7)).not.toEqual(made(8));
    expect([...arrivals({ buyers: 50, rate: 10 }, 7)]).toEqual([...arrivals({ buyers: 50, rate: 10 }, 7)]);
  });

  it('has habits in the requested shares, and customers who each try one more than they may have', () => {
    const habits = { ...calm, perCustomer: 3, secondCardRate: 0.5, secureRate: 0.25, walkAwayRate: 0.5 };
    const purchases = new Purchases(
      { ...plan, abandonRate: 0, habits: { ...habits, capture: 'immediate' } },
      0,
    );
    const made = Array.from({ length: 2_000 }, () => purchases.next());
    const doing = (act: string) => made.filter(({ then }) => then?.act === act);
    expect(doing('second-card').length / 2_000).toBeCloseTo(0.15, 1);
    expect(
      doing('second-card').every(
        ({ request }) => request.includes('chargeDeclined') && request.includes('onDecline'),
      ),
    ).toBe(true);
    expect((doing('authenticate').length + doing('walk-away').length) / 2_000).toBeCloseTo(0.7 * 0.25, 1);
    expect(doing('walk-away').every(({ request }) => request.includes('requires_action'))).toBe(true);
    expect(made.every(({ request }) => request.includes('"capture":"immediate"'))).toBe(true);
    const customers = made.map(({ request }) => /"customerId":"(\S+?)"/.exec(request)![1]);
    expect(new Set(customers).size).toBe(500);
    expect(customers.slice(0, 4).every((customer) => customer === customers[0])).toBe(true);
  });

  it('has the requested arrivals at about the rate, as a Poisson process', () => {
    const times = [...arrivals({ buyers: 20_000, rate: 1_000 }, 7)];
    expect(times).toHaveLength(20_000);
    expect(times.at(-1)! / 20_000).toBeCloseTo(1, 1);
    const gaps = times.map((time, nth) => time - (times[nth - 1] ?? 0));
    // Of a Poisson process this share of the gaps is longer than the mean.
    expect(gaps.filter((gap) => gap > 1).length / gaps.length).toBeCloseTo(Math.exp(-1), 1);
  });

  it('has the requested shares of declined cards and of buyers who leave', () => {
    const purchases = made(7);
    const away = purchases.filter(({ kind }) => kind === 'reservation');
    const declined = purchases.filter(({ request }) => request.includes('pm_card_chargeDeclined'));
    expect(away.length / purchases.length).toBeCloseTo(0.2, 1);
    expect(declined.length / (purchases.length - away.length)).toBeCloseTo(0.3, 1);
  });

  it('gives each line its own product and each order its own key', () => {
    const purchases = [...made(7), ...made(7, 1)];
    expect(purchases.every(({ skus }) => new Set(skus).size === 2)).toBe(true);
    const keys = purchases.map(({ request }) => /Idempotency-Key: (\S+)/.exec(request)![1]);
    expect(new Set(keys).size).toBe(purchases.length);
  });

  it('keeps all buyers when several processes share it', () => {
    const parts = [0, 1, 2].map((share) =>
      shareOf({ kind: 'open' as const, buyers: 10, rate: 100 }, share, 3),
    );
    expect(parts.map(({ buyers }) => buyers)).toEqual([4, 3, 3]);
    expect(parts.reduce((sum, { rate }) => sum + rate, 0)).toBeCloseTo(100);
  });
});

describe('Histogram', () => {
  it('has percentiles that are never too low and at most 4 % too high', () => {
    const histogram = new Histogram();
    const times = Array.from({ length: 5_000 }, (_, nth) => 0.05 * 1.003 ** nth);
    for (const time of times) histogram.record(time);
    for (const share of [0.01, 0.5, 0.95, 0.99, 1]) {
      const truth = times[Math.ceil(5_000 * share) - 1]!;
      const value = histogram.percentile(share)!;
      expect(value).toBeGreaterThanOrEqual(Math.min(truth, 2 ** 31 / 1_000) - 0.001);
      expect(value).toBeLessThanOrEqual(truth * 1.04 + 0.001);
    }
  });

  it('can be merged from parts', () => {
    const [one, other] = [new Histogram(), new Histogram()];
    for (let ms = 1; ms <= 100; ms++) (ms % 3 ? one : other).record(ms);
    const both = Histogram.of(one.counts);
    both.add(other.counts);
    expect(both.count).toBe(100);
    expect(both.percentile(0.5)).toBeCloseTo(50, -1);
  });

  it('has no percentiles without values', () => {
    expect(new Histogram().percentile(0.99)).toBeUndefined();
  });
});
