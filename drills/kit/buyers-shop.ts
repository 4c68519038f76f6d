import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Answer, HttpClient } from '../../test/support/http-client';
import { Shop, inParallel, tally } from '../../test/support/shop';
import { patienceMs, until } from '../../test/support/until';
import { ClientLog, type Purchase } from './client-log';

export interface BuyOptions {
  sku: string;
  quantity?: number;
  /** One for all, or several in turn. */
  paymentMethod?: string | string[];
  atOnce?: number;
  /** `Prefer: wait`: the order's end is waited for this long. */
  waitSeconds?: number;
  /** How long its stock is to be held. */
  ttlSeconds?: number;
}

/** A buyer whose answer takes longer asks again, under the same key. */
const answerWithinMs = 5_000;
/** A buyer does not give up: where processes die all the time, it may take many tries. */
export const givesUpAfterMs = 3 * patienceMs;

/** A shop whose buyers keep in mind what they asked for and what they were told, and repeat what was not answered. */
export class BuyersShop extends Shop {
  readonly log = new ClientLog();

  constructor(protected readonly tell: (what: string, count: number) => void) {
    super();
  }

  override async product(onHand: number, more: Record<string, unknown> = {}): Promise<string> {
    const sku = await super.product(onHand, more);
    this.log.stock.set(sku, onHand);
    return sku;
  }

  override async reserved(sku: string, quantity = 1, more: Record<string, unknown> = {}): Promise<any> {
    const key = randomUUID();
    const body = { customerId: `cus_${key}`, lines: [{ sku, quantity }], ...more };
    const answer = await this.insist('a reservation', (by) => this.reserve(body, { by, key }));
    assert.equal(answer.status, 201, answer.text);
    return answer.body;
  }

  /** Buys so many times, each under a key of its own, which is repeated until there is an answer. */
  buy(count: number, { atOnce = 10, ...options }: BuyOptions): Promise<Purchase[]> {
    return inParallel(count, atOnce, (index) => this.buyOne(index, options));
  }

  private async buyOne(index: number, options: Omit<BuyOptions, 'atOnce'>): Promise<Purchase> {
    const methods = [options.paymentMethod ?? 'pm_card_visa'].flat();
    const purchase = this.log.begin({
      sku: options.sku,
      quantity: options.quantity ?? 1,
      paymentMethod: methods[index % methods.length]!,
      ttlSeconds: options.ttlSeconds,
    });
    this.tell('orders', 1);
    await this.ask(purchase, index, options.waitSeconds);
    return purchase;
  }

  /** Buys, and waits for how it ends: the answers, by what they say. */
  async buyToTheEnd(count: number, options: BuyOptions): Promise<Record<string, number>> {
    const purchases = await this.buy(count, { waitSeconds: 20, ...options });
    return tally(purchases, ({ answer }) => answer?.body.code ?? answer?.body.status);
  }

  /** Asks for a purchase until it is answered, each time at the next API; again later, under the same key, for its end. */
  async ask(purchase: Purchase, first = 0, waitSeconds?: number): Promise<Answer> {
    const { key, customerId, paymentMethod, sku, quantity, ttlSeconds } = purchase;
    const body = { customerId, paymentMethod, ttlSeconds, lines: [{ sku, quantity }] };
    purchase.answer = await this.insist(
      `the purchase under key ${key}`,
      async (by) => {
        const askedAt = performance.now();
        const answer = await this.order(body, { by, key, waitSeconds }).catch(() => undefined);
        purchase.slowestMs = Math.max(purchase.slowestMs, performance.now() - askedAt);
        const orderId = answer?.body?.id ?? answer?.body?.order?.id;
        if (orderId) purchase.orderIds.add(orderId as string);
        if (answer === undefined || isPutOff(answer)) purchase.unheard += 1;
        return answer;
      },
      { first, waitSeconds },
    );
    return purchase.answer;
  }

  /** Sends a request until it is answered, each time to the next API; it must be one that may be repeated. */
  insist(
    what: string,
    send: (by: HttpClient) => Promise<Answer | undefined>,
    { first = 0, waitSeconds = 0, as = this.client } = {},
  ): Promise<Answer> {
    let turn = first;
    const ask = async () => {
      const by = this.caller(turn++, as).patientFor(answerWithinMs + waitSeconds * 1_000);
      const answer = await send(by).catch(() => undefined);
      if (answer !== undefined && !isPutOff(answer)) return answer;
      if (answer !== undefined) this.log.putOff.push(answer);
      return undefined;
    };
    return until(`${what} is answered`, ask, givesUpAfterMs);
  }

  /** A caller of the next API in turn. */
  caller(turn: number, as = this.client): HttpClient {
    const { apis } = this.service;
    return as.at(apis[turn % apis.length]!);
  }

  /** How the orders of these purchases stand now, in their order. */
  async ordersOf(purchases: Purchase[]): Promise<any[]> {
    const orders = new Map((await this.all('/v1/admin/orders')).map((order) => [order.customerId, order]));
    return purchases.map(({ customerId }) => orders.get(customerId));
  }
}

/** "Come again": nothing was done, or nobody knows. */
const isPutOff = ({ status }: Answer): boolean => status >= 500 || status === 429;
