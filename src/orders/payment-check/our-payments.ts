import type { Queryable, Tx } from '../../database/database';
import { factsOfOrders } from '../../payment/payment-facts.repository';
import { isAuthorization, operationsOf, paymentsOf } from '../../payment/payment-operations.repository';
import type { ProviderPayment, ProviderPayments } from '../../payment/provider-payments';
import type { CaptureMode, OrderStatus } from '../order.entity';
import type { SagaStatus } from '../saga-state';
import type { OurPayment } from './compare';

interface Row {
  orderId: string;
  orderStatus: OrderStatus;
  sagaStatus: SagaStatus;
  amount: number;
  currency: string;
  account: string | null;
  capture: CaptureMode;
  movedAt: Date;
}

/** What is recorded of an order's money, and when that last changed. */
export interface RecordedPayment extends OurPayment {
  changedAt: Date;
}

/** An account where an order may have payments, and those that its operations name there. */
export interface PaymentPlace {
  account: string | null;
  references: string[];
}

/** Where the provider is to be asked about an order: the account of its present payment, and of each that it had. */
export async function paymentPlacesOf(queryable: Queryable, orderId: string): Promise<PaymentPlace[]> {
  const orders = await queryable.rows<{ account: string | null }>(
    `SELECT payment ->> 'stripeAccount' AS account FROM orders WHERE id = $1::uuid`,
    [orderId],
  );
  const places = new Map<string | null, string[]>(orders.map(({ account }) => [account, []]));
  for (const operation of await operationsOf(queryable, orderId)) {
    const { stripeAccount: account, providerReference: reference } = operation;
    const references = places.get(account) ?? [];
    places.set(account, isAuthorization(operation) && reference ? [...references, reference] : references);
  }
  return [...places].map(([account, references]) => ({ account, references }));
}

/** All payments of an order, from every account where it may have some. */
export async function providerPaymentsOf(
  provider: ProviderPayments,
  orderId: string,
  places: PaymentPlace[],
): Promise<ProviderPayment[]> {
  const found = await Promise.all(
    places.map(({ account, references }) => provider.at(account).ofOrder(orderId, references)),
  );
  return found.flat();
}

/** Our records of these orders, in the order of their ids. For decisions, lock their sagas first. */
export async function ourPaymentsOf(
  tx: Tx,
  orderIds: string[],
  installation: string,
): Promise<RecordedPayment[]> {
  const rows = await tx.rows<Row>(
    `
    SELECT o.id AS "orderId", o.status AS "orderStatus", s.status AS "sagaStatus", o.total_amount AS amount, o.currency,
           o.capture, o.payment ->> 'stripeAccount' AS account,
           greatest(o.created_at, o.placed_at, o.ended_at) AS "movedAt"
      FROM orders o JOIN sagas s ON s.order_id = o.id
     WHERE o.id = ANY ($1::uuid[])
     ORDER BY o.id
    `,
    [orderIds],
  );
  const operations = await paymentsOf(tx, orderIds);
  const facts = await factsOfOrders(tx, orderIds);
  return rows.map(({ sagaStatus, movedAt, account, ...row }) => {
    const own = operations.get(row.orderId) ?? [];
    const times = own.flatMap(({ sentAt, settledAt }) => [sentAt, settledAt]);
    return {
      ...row,
      installation,
      accounts: [...new Set([account, ...own.map(({ stripeAccount }) => stripeAccount)])],
      sagaHasEnded: sagaStatus === 'completed' || sagaStatus === 'compensated',
      operations: own.map((operation) => ({ ...operation, reference: operation.providerReference })),
      facts: facts
        .filter(({ orderId }) => orderId === row.orderId)
        .map((fact) => ({ ...fact, isOpen: fact.isCase && fact.settledAt === null })),
      changedAt: new Date(Math.max(movedAt.getTime(), ...times.map((time) => time?.getTime() ?? 0))),
    };
  });
}
