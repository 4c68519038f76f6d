import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { publicId } from '../../ids';
import { lockReservation } from '../../inventory/reservations/reservations.repository';
import { type Restock, isAllBack, takeBack, takeBackUnshipped } from '../../inventory/shipments/shipping';
import { Relay } from '../../outbox/relay';
import { type OrderMoney, moneyOf } from '../../payment/order-money';
import { factsOfOrders, isDisputed } from '../../payment/payment-facts.repository';
import { OrderPayments } from '../../payment/order-payments';
import { operationsOf, savePayments } from '../../payment/payment-operations.repository';
import { stepsOf } from '../checkout-saga/checkout.saga';
import { codeVersion, namingOf } from '../checkout-saga/code-version';
import { keepFromOlderBuilds, lockPlaced } from '../checkout-saga/placed-orders.repository';
import { saveSagas } from '../checkout-saga/saga.repository';
import { SagaUpdate, workerName } from '../checkout-saga/saga-update';
import { disputed, moreThanCaptured } from '../orders.errors';
import { type OrderFacts, announceFacts, linesOfOrder } from '../orders.repository';
import type { Saga } from '../saga-state';
import type { RefundedLine } from './payment-task.entity';
import { type PaymentTask, countRequests, insertTask, newTask } from './payment-tasks.repository';
import { type FulfilmentRequest, requestOnce } from './request-once';

export interface RefundBody {
  /** In minor units. Neither this nor lines: all that is left. */
  amount?: number;
  lines?: { sku: string; quantity: number; restock?: Restock }[];
  reason: string;
}

/**
 * Refunds parts of a placed order. The request takes the goods back and writes a payment task, under the row lock of the
 * order's saga; a worker then asks the provider.
 */
@Injectable()
export class OrderRefunds {
  constructor(
    readonly db: Database,
    readonly relay: Relay,
  ) {}

  /** A repeat under the same key refunds nothing more. */
  async request(request: FulfilmentRequest<RefundBody>): Promise<{ replayed: boolean }> {
    const { orderId, body, key, principal } = request;
    refuseBadBody(body);
    const names = { transaction: 'request-refund', operation: 'orders/refunds' } as const;
    return requestOnce(this, names, request, (tx, id) =>
      this.refundIn(tx, { id, orderId, body, key, actor: principal.name }),
    );
  }

  /** The same in the caller's transaction, which claims the key. The caller pokes the relay after the commit. */
  async refundIn(
    tx: Tx,
    request: { id: string; orderId: string; body: RefundBody; key: string; actor: string },
  ): Promise<PaymentTask> {
    const { id, orderId, body, actor } = request;
    const { saga, order } = await lockPlaced(tx, orderId, {
      // Goods that come back after all their money was refunded by amounts.
      refunded: body.lines ? 'accepted' : nothingLeft(),
    });
    if (await isDisputed(tx, orderId)) throw disputed();
    const operations = await operationsOf(tx, orderId);
    const money = moneyOf(operations, await factsOfOrders(tx, [orderId]));
    const left = money.captured - money.promised;
    const amount = body.amount ?? (left <= 0 && body.lines ? 0 : await amountOf(tx, orderId, body)) ?? left;
    refuseExcess(money, amount, body, order.currency);
    await keepFromOlderBuilds(tx, saga);
    const lines = await this.takeGoodsBack(tx, order, { id, body, actor });
    if (order.amount === 0 && saga.status === 'completed') await endWhenAllIsBack(tx, saga, order);
    const task: PaymentTask = {
      ...newTask({ id, orderId, actor, now: saga.now }),
      kind: 'refund',
      amount,
      currency: order.currency,
      request: await requestName(tx, request),
      lines,
      reason: body.reason,
      // Nothing is to be paid for goods that cost nothing.
      ...(amount === 0 && { status: 'done', nextRunAt: null, endedAt: saga.now }),
    };
    await insertTask(tx, task);
    if (amount > 0) {
      const naming = namingOf(codeVersion);
      const payments = new OrderPayments({ ...order, naming }, operations, saga.now);
      payments.createForTask(task);
      await savePayments(tx, [payments]);
    }
    const payload = { refundId: publicId('rfd', id), amount: { amount, currency: order.currency } };
    await announceFacts(tx, orderId, [{ type: 'order.refund_requested', payload }]);
    return task;
  }

  /** Null: the refund is for an amount alone, which moves no stock. */
  private async takeGoodsBack(
    tx: Tx,
    order: OrderFacts,
    { id, body, actor }: { id: string; body: RefundBody; actor: string },
  ): Promise<RefundedLine[] | null> {
    if (body.amount !== undefined) return null;
    const reservation = (await lockReservation(tx, order.reservationId))!;
    const why = { reason: publicId('rfd', id), actor };
    const returned = body.lines
      ? await takeBack(tx, reservation, { lines: body.lines, ...why })
      : await takeBackUnshipped(tx, reservation, why);
    const isSellable = (sku: string) =>
      body.lines?.some((line) => line.sku === sku && line.restock === 'sellable');
    return returned.map((line) => ({ ...line, restock: isSellable(line.sku) ? 'sellable' : 'none' }));
  }
}

/** Of a free order no refund can say that all was refunded. A worker ends it as after a refund of the whole. */
async function endWhenAllIsBack(tx: Tx, saga: Saga, order: OrderFacts): Promise<void> {
  if (!(await isAllBack(tx, order.reservationId))) return;
  const update = new SagaUpdate(saga, stepsOf(order));
  update.apply({ type: 'turn-back', by: 'refund' }, { code: 'refund_requested', why: 'all units came back' });
  update.giveBackLease();
  await saveSagas(tx, [update], workerName);
}

export function refuseBadBody({ amount, lines }: RefundBody): void {
  if (amount !== undefined && lines !== undefined)
    throw new ValidationFailed({
      pointer: '/lines',
      code: 'amount_or_lines',
      detail: 'Give an amount, or lines, or neither for all that is left.',
    });
  const mixed = lines?.findIndex((line, nth) =>
    lines
      .slice(0, nth)
      .some(({ sku, restock = 'none' }) => sku === line.sku && restock !== (line.restock ?? 'none')),
  );
  if (mixed !== undefined && mixed >= 0)
    throw new ValidationFailed({
      pointer: `/lines/${mixed}/restock`,
      code: 'mixed_restock',
      detail: 'Lines of the same SKU must agree on restock. Send two requests.',
    });
}

/** Undefined: no lines. An SKU that the order does not have costs nothing here, and is refused as not sold. */
async function amountOf(tx: Tx, orderId: string, { lines }: RefundBody): Promise<number | undefined> {
  if (!lines) return undefined;
  const prices = new Map((await linesOfOrder(tx, orderId)).map(({ sku, unitAmount }) => [sku, unitAmount]));
  return lines.reduce((sum, { sku, quantity }) => sum + quantity * (prices.get(sku) ?? 0), 0);
}

function refuseExcess(money: OrderMoney, amount: number, { lines }: RefundBody, currency: string): void {
  const { captured, refunded, promised } = money;
  // guard: refunds-stay-within-the-capture
  const left = captured - promised;
  if (amount <= left && (amount > 0 || lines)) return;
  throw moreThanCaptured(
    left > 0
      ? `${amount} ${currency} (in minor units) was asked for. Refund at most ${left}.`
      : nothingToRefund(captured),
    {
      captured: { amount: captured, currency },
      refunded: { amount: refunded, currency },
      pending: { amount: promised - refunded, currency },
      left: { amount: Math.max(0, left), currency },
    },
  );
}

const nothingToRefund = (captured: number): string =>
  captured > 0
    ? 'All that was captured is refunded, or is being refunded. Look at the refunds of the order.'
    : 'Nothing is captured. Of a free order, name the goods that came back in `lines`; cancel an order whose payment is only authorized.';

const nothingLeft = () =>
  moreThanCaptured(
    'The whole order was refunded. Look at its refunds: an operator makes one that failed again, another request does not.',
  );

/**
 * What a refund is called at the provider. The same key of the same principal gives the same name, so that a database that
 * lost the row hears the provider's earlier answer; a key that is used again after it was forgotten is counted.
 */
async function requestName(
  tx: Tx,
  { orderId, key, actor }: { orderId: string; key: string; actor: string },
): Promise<string> {
  const name = createHash('sha256').update(`${actor}\n${key}`).digest('hex').slice(0, 32);
  const before = await countRequests(tx, orderId, name);
  return before === 0 ? name : `${name}.${before + 1}`;
}
