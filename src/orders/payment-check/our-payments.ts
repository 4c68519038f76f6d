import type { Tx } from '../../database/database';
import { factsOfOrders } from '../../payment/payment-facts.repository';
import { paymentsOf } from '../../payment/payment-operations.repository';
import type { OrderStatus } from '../order.entity';
import type { SagaStatus } from '../saga-state';
import type { OurPayment } from './compare';

interface Row {
  orderId: string;
  orderStatus: OrderStatus;
  sagaStatus: SagaStatus;
  amount: number;
  currency: string;
  movedAt: Date;
}

/** What is recorded of an order's money, and when that last changed. */
export interface RecordedPayment extends OurPayment {
  changedAt: Date;
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
           greatest(o.created_at, o.placed_at, o.ended_at) AS "movedAt"
      FROM orders o JOIN sagas s ON s.order_id = o.id
     WHERE o.id = ANY ($1::uuid[])
     ORDER BY o.id
    `,
    [orderIds],
  );
  const operations = await paymentsOf(tx, orderIds);
  const facts = await factsOfOrders(tx, orderIds);
  return rows.map(({ sagaStatus, movedAt, ...row }) => {
    const own = operations.get(row.orderId) ?? [];
    const times = own.flatMap(({ sentAt, settledAt }) => [sentAt, settledAt]);
    return {
      ...row,
      installation,
      sagaHasEnded: sagaStatus === 'completed' || sagaStatus === 'compensated',
      operations: own.map((operation) => ({ ...operation, reference: operation.providerReference })),
      facts: facts
        .filter(({ orderId }) => orderId === row.orderId)
        .map((fact) => ({ ...fact, isOpen: fact.isCase && fact.settledAt === null })),
      changedAt: new Date(Math.max(movedAt.getTime(), ...times.map((time) => time?.getTime() ?? 0))),
    };
  });
}
