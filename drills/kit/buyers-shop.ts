import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Answer, HttpClient } from '../../test/support/http-client';
import { Shop, inParallel, tally } from '../../test/support/shop';
import { patienceMs, until } from '../../test/support/until';
import { ClientLog, type Purchase } from './client-log';

export interface BuyOptions {
  sku: string;
  quantity?: number;
  /** One for all, or several round-robin. */
  paymentMethod?: string | string[];
  atOnce?: number;
  /** `Prefer: wait`: how long to wait for the order's end. */
  waitSeconds?: number;
  /** The TTL of its reservation. */
  ttlSeconds?: number;
  /** Holds its stock for another card after a decline. */
  onDecline?: { holdSeconds: number; attemptsMax: number };
  capture?: string;
}

/** Large, because a request needs many attempts while processes keep dying. */
export const givesUpAfterMs = 3 * patienceMs;

/** A shop whose buyers log their requests and responses, and repeat unanswered requests. */
export class BuyersShop extends Shop {
  /** A buyer without a response for this long repeats the request with the same key. */
  answerWithinMs = 5_000;

  readonly log = new ClientLog();

  constructor(protected readonly report: (what: string, count: number) => void) {
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

  /** Places that many orders, each under its own key, and repeats each request until it is answered. */
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
      onDecline: options.onDecline,
      capture: options.capture,
    });
    this.report('orders', 1);
    await this.ask(purchase, index, options.waitSeconds);
    return purchase;
  }

  /** Places orders and waits for their end; counts of answers by status or code. */
  async buyToTheEnd(count: number, options: BuyOptions): Promise<Record<string, number>> {
    const purchases = await this.buy(count, { waitSeconds: 20, ...options });
    return tally(purchases, ({ answer }) => answer?.body.code ?? answer?.body.status);
  }

  /**
   * Sends a purchase until it gets a response, each time to the next API; later again, with the same key, for its end.
   */
  async ask(purchase: Purchase, first = 0, waitSeconds?: number): Promise<Answer> {
    const { key, customerId, sku, quantity } = purchase;
    const { paymentMethod, ttlSeconds, onDecline, capture } = purchase;
    const lines = [{ sku, quantity }];
    const body = { customerId, paymentMethod, ttlSeconds, onDecline, capture, lines };
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

  /** Sends a request until it gets a response, each time to the next API. The request must be repeatable. */
  insist(
    what: string,
    send: (by: HttpClient) => Promise<Answer | undefined>,
    { first = 0, waitSeconds = 0, as = this.client } = {},
  ): Promise<Answer> {
    let attempt = first;
    const ask = async () => {
      const by = this.caller(attempt++, as).patientFor(this.answerWithinMs + waitSeconds * 1_000);
      const answer = await send(by).catch(() => undefined);
      if (answer !== undefined && !isPutOff(answer)) return answer;
      if (answer !== undefined) this.log.putOff.push(answer);
      return undefined;
    };
    return until(`${what} is answered`, ask, givesUpAfterMs);
  }

  /** A client of the APIs, round-robin. */
  caller(attempt: number, as = this.client): HttpClient {
    const { apis } = this.service;
    return as.at(apis[attempt % apis.length]!);
  }

  /** The current orders of these purchases, in the same order. */
  async ordersOf(purchases: Purchase[]): Promise<any[]> {
    const orders = new Map((await this.all('/v1/admin/orders')).map((order) => [order.customerId, order]));
    return purchases.map(({ customerId }) => orders.get(customerId));
  }
}

/** Retry later: nothing was done, or the result is unknown. */
const isPutOff = ({ status }: Answer): boolean => status >= 500 || status === 429;
