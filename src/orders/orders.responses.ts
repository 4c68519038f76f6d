import { z } from 'zod';
import {
  instant,
  int,
  metadataType,
  money,
  moneyType,
  pageType,
  publicIdOf,
  responseType,
  secondsUntil,
  text,
} from '../http/responses';
import { publicId } from '../ids';
import { paymentStatuses } from '../payment/payment-status';
import { stepNames } from './checkout-saga/checkout.saga';
import { captureModes } from './order.entity';
import type { Order } from './shown-orders.repository';
import { fulfilmentOf, refundsView, shipmentsView } from './fulfilment-view';
import { paymentView } from './payment-view';

export const orderStatusType = z
  .enum(['pending', 'placed', 'rejected', 'cancelled', 'refunded'])
  .meta({ id: 'OrderStatus', example: 'placed' });
export const sagaStatusType = z
  .enum(['running', 'completed', 'compensating', 'compensated', 'stuck'])
  .meta({ id: 'SagaStatus', example: 'completed' });
export const stepType = z.enum(stepNames).meta({ id: 'StepName', example: stepNames.at(-1) });
const paymentStatusType = z.enum(paymentStatuses).meta({ id: 'PaymentStatus', example: 'captured' });
const rejectionReasonType = z
  .enum(['insufficient_stock', 'payment_declined', 'reservation_expired', 'cancelled', 'abandoned'])
  .meta({ id: 'RejectionReason', example: 'payment_declined' });

const captureType = z
  .enum(captureModes)
  .meta({ id: 'CaptureMode', example: 'automatic' })
  .describe('When the money is taken.');

const shipmentType = responseType('Shipment', {
  id: publicIdOf('shp'),
  status: z
    .enum(['pending', 'shipped', 'failed'])
    .meta({ id: 'ShipmentStatus', example: 'shipped' })
    .describe('`pending`: its payment is being captured. `failed`: the capture was declined, nothing left.'),
  lines: z.array(
    z.strictObject({
      sku: text('TEE-BLACK-M'),
      quantity: int(1),
      units: z.array(int(7)).optional().describe('Their numbers, where each unit has one.'),
    }),
  ),
  reference: text('DHL 00340434').nullable().describe("The shop's own."),
  createdAt: instant(),
});

const refundType = responseType('Refund', {
  id: publicIdOf('rfd'),
  amount: moneyType,
  lines: z
    .array(
      z.strictObject({
        sku: text('TEE-BLACK-M'),
        quantity: int(1),
        restock: z.enum(['sellable', 'none']).meta({ id: 'Restock', example: 'none' }),
      }),
    )
    .nullable()
    .describe('What came back; null for an amount alone.'),
  status: z
    .enum(['pending', 'succeeded', 'failed'])
    .meta({ id: 'RefundStatus', example: 'succeeded' })
    .describe('`pending` until the provider says that it has arrived. A failed one no longer counts.'),
  reason: text('arrived broken'),
  createdAt: instant(),
});

export const orderType = responseType('Order', {
  id: publicIdOf('ord'),
  object: z.literal('order'),
  version: int(7).describe(
    'Grows with every change of the order. Of two answers the one with the higher version is newer.',
  ),
  status: orderStatusType,
  rejectionReason: rejectionReasonType.nullable(),
  customerId: text('cus_42'),
  reservationId: publicIdOf('rsv'),
  lines: z.array(
    z.strictObject({
      sku: text('TEE-BLACK-M'),
      quantity: int(2),
      unitPrice: moneyType,
      shipped: int(0).describe('Units that have left.'),
      givenBack: int(0).describe('Units that were given back before they were shipped.'),
      returned: int(0).describe('Shipped units that came back.'),
    }),
  ),
  total: moneyType,
  capture: captureType,
  payment: z.strictObject({
    status: paymentStatusType,
    reference: text('pi_3Q…').nullable().describe("The provider's, of the present attempt."),
    declineCode: text('insufficient_funds').nullable(),
    attempts: int(1).describe('Cards that were tried, the present one included.'),
    attemptsLeft: int(2).describe('How many more the buyer may try if this one is declined.'),
    captureBefore: instant()
      .nullable()
      .describe('Until when an `on_shipment` order can be captured, as the provider says.'),
    captureInSeconds: int(604_800).nullable(),
    actionExpiresAt: instant().nullable().describe('Until when the buyer can authenticate (`next-action`).'),
    actionExpiresInSeconds: int(599).nullable(),
    retryUntil: instant()
      .nullable()
      .describe('Until when the stock is held for another card (`POST …/payments`).'),
    retryInSeconds: int(120).nullable(),
    capturedAmount: moneyType,
    refundedAmount: moneyType.describe('What has reached the customer.'),
    facts: z
      .array(
        z.strictObject({
          type: text('refunded_outside'),
          amount: moneyType,
          at: instant(),
          reference: text('re_3Q…').describe('The provider’s id of the refund, the dispute or the payment.'),
        }),
      )
      .describe('What began at the provider, oldest first.'),
    dispute: z
      .strictObject({
        status: text('needs_response').describe('In the provider’s words.'),
        amount: moneyType,
        dueBy: instant('2026-12-01T10:00:00.000Z').nullable().describe('Until when evidence can be sent.'),
      })
      .nullable()
      .describe(
        'The newest that is open or lost, else the newest. An open or lost dispute blocks refunds; an inquiry does not.',
      ),
  }),
  fulfilment: z
    .enum(['none', 'partial', 'shipped'])
    .meta({ id: 'Fulfilment', example: 'partial' })
    .describe('`shipped`: nothing is left to ship.'),
  shipments: z.array(shipmentType).describe('Oldest first.'),
  refunds: z.array(refundType).describe('Refunds in part, oldest first.'),
  saga: z.strictObject({ status: sagaStatusType, step: stepType }),
  createdAt: instant(),
  placedAt: instant('2026-11-20T10:00:00.060Z').nullable(),
  endedAt: instant('2026-11-20T10:00:00.060Z').nullable(),
  expiresAt: instant('2026-11-20T10:10:00.000Z').describe(
    'When its reservation ends unless it is charged for.',
  ),
  expiresInSeconds: int(599),
  metadata: metadataType,
});
export type OrderResponse = z.infer<typeof orderType>;
export const orderListType = pageType(orderType);

export function orderView(order: Order): OrderResponse {
  return {
    id: publicId('ord', order.id),
    object: 'order',
    version: order.version,
    status: order.status,
    rejectionReason: order.rejectionReason,
    customerId: order.customerId,
    reservationId: publicId('rsv', order.reservationId),
    lines: order.lines.map((line) => ({
      sku: line.sku,
      quantity: line.quantity,
      unitPrice: money(line.unitAmount, order.currency),
      shipped: line.shipped,
      givenBack: line.givenBack,
      returned: line.returned,
    })),
    total: money(order.totalAmount, order.currency),
    capture: order.capture,
    payment: paymentView(order),
    fulfilment: fulfilmentOf(order),
    shipments: shipmentsView(order),
    refunds: refundsView(order),
    saga: { status: order.saga.status, step: order.saga.step },
    createdAt: order.createdAt.toISOString(),
    placedAt: order.placedAt?.toISOString() ?? null,
    endedAt: order.endedAt?.toISOString() ?? null,
    expiresAt: order.expiresAt.toISOString(),
    expiresInSeconds: secondsUntil(order.expiresAt, order.now),
    metadata: order.metadata,
  };
}
