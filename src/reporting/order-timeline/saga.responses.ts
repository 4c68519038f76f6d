import { z } from 'zod';
import { paymentTaskType } from './payment-task-view';
import { bool, instant, int, moneyType, publicIdOf, responseType, text } from '../../http/responses';
import { orderStatusType, orderType, sagaStatusType, stepType } from '../../orders/orders.responses';
import { operationKinds } from '../../payment/payment-operations.repository';

/** One saga for people: its timeline, and what an operator can do about it. */

const operationKindType = z.enum(operationKinds).meta({ id: 'OperationKind' });
const fencingToken = int(1);
const worker = text('worker-7f9c:12');
const providerReference = text('pi_3Q…').nullable();

export const waitsForType = z
  .enum(['worker', 'next_run', 'operator'])
  .meta({ id: 'WaitsFor' })
  .nullable()
  .describe(
    'What the saga waits for; null when it has ended. Only an operator can move one that waits for `operator`.',
  );
export type WaitsFor = z.infer<typeof waitsForType>;

/** Whose members depend on the code; more may come. */
const transitionDataType = z
  .looseObject({
    operation: operationKindType.optional(),
    operationId: publicIdOf('pay').optional(),
    attempt: int(1).optional(),
    asked: moneyType.optional(),
    said: moneyType.optional(),
    providerReference: text('pi_3Q…').optional(),
    declineCode: text('insufficient_funds').optional(),
    failureReason: text('expired_or_canceled_card').optional(),
    providerCode: text('parameter_unknown').optional().describe('Of a refused request.'),
    requestId: text('req_1Q…').optional().describe("In the provider's log."),
    httpStatus: int(503).optional(),
    actor: text('anna').optional(),
    reason: text('customer called').optional(),
  })
  .meta({ id: 'TransitionData' })
  .nullable()
  .describe('The facts. Which of them there are depends on the code.');
const code = text('no_answer').nullable().describe('Why, for programs; null where an older build wrote it.');
const detail = text('no answer within 5000 ms').nullable().describe('Why, for people.');

const transitionType = responseType('SagaTransition', {
  version: int(2),
  at: instant('2026-11-20T10:00:00.020Z'),
  afterMs: int(20).describe('Since the first transition.'),
  sincePreviousMs: int(20),
  step: stepType,
  attempt: int(1),
  from: sagaStatusType.nullable(),
  to: sagaStatusType,
  cause: text('asked').describe('What moved it: `accepted`, `asked`, `done`, `declined`, `unknown`, …'),
  detail,
  code,
  data: transitionDataType,
  fencingToken,
  worker: worker.describe('The process that wrote it.'),
  leaseOwner: worker
    .nullable()
    .describe('The holder of the lease; null when an operator or a customer moved the saga.'),
});

const attemptType = responseType('SagaAttempt', {
  step: stepType,
  compensates: bool(false).describe('True: it undoes the step (void, refund, release).'),
  attempt: int(1).describe('From 1 within its step and direction.'),
  operation: operationKindType
    .nullable()
    .describe('What was asked of the provider; null for what is done here.'),
  looksUp: bool(false).describe('True: nothing was sent; the provider was asked what became of it.'),
  outcome: z.enum(['running', 'done', 'unknown', 'declined', 'error', 'not-asked', 'undone', 'stuck']),
  startedAtMs: int(20).describe('Since the first transition.'),
  endedAtMs: int(35).nullable().describe('Null while it runs.'),
  detail,
  code,
  data: transitionDataType,
  key: text('ord_01jd3v7q8ne05v7c0kq1e5m9tz:authorize:1')
    .nullable()
    .describe("The provider's idempotency key, the same for all attempts at one operation."),
  fencingToken,
  worker,
});

const operationType = responseType('PaymentOperation', {
  id: publicIdOf('pay'),
  kind: operationKindType,
  number: int(1).nullable().describe('Counts the operations of this kind; null in orders of older builds.'),
  paymentAttempt: int(1).describe('Which of the cards that were tried it is for, from 1.'),
  key: text('ord_01jd3v7q8ne05v7c0kq1e5m9tz:authorize:1').describe(
    'Sent to the provider as its `Idempotency-Key`.',
  ),
  status: z.enum(['created', 'sent', 'approved', 'declined', 'unknown', 'pending', 'failed']),
  waitsFor: z.enum(['buyer', 'provider']).nullable().describe('Who decides a pending one.'),
  attempts: int(1).describe('How often the provider was asked, looks included.'),
  looks: int(0).describe('Searches that found nothing since it was last sent, or looks while it is pending.'),
  amount: moneyType,
  providerReference,
  declineCode: text('insufficient_funds').nullable(),
  failureReason: text('expired_or_canceled_card')
    .nullable()
    .describe('Why a refund failed. A failed operation without one did nothing; the next number followed.'),
  doubt: text('saved_error').nullable().describe('Code of the last unclear result.'),
  detail,
  createdAt: instant('2026-11-20T10:00:00.010Z'),
  sentAt: instant('2026-11-20T10:00:00.020Z').nullable(),
  settledAt: instant('2026-11-20T10:00:00.035Z').nullable(),
});

const reservationType = responseType('SagaReservation', {
  id: publicIdOf('rsv'),
  status: z.enum(['active', 'pinned', 'confirmed', 'released', 'expired']).meta({ example: 'confirmed' }),
  startedAtMs: int(0).describe(
    'Since the first transition; 0 for a reservation that is older than its order.',
  ),
  pinnedAtMs: int(20).nullable().describe('When the first charge was about to be asked for.'),
  endedAtMs: int(60).nullable(),
  endReason: text('order placed').nullable(),
  units: int(2),
  fencingToken: int(17).describe('The highest of its lines.'),
});

const webhookType = responseType('SagaWebhook', {
  id: text('evt_1Q…'),
  type: text('payment_intent.succeeded'),
  verdict: text('nothing waited for it').nullable().describe('What came of it; null until it is processed.'),
  receivedAt: instant('2026-11-20T10:00:00.070Z'),
  afterMs: int(70).describe('Since the first transition; may be a few milliseconds below 0.'),
  processedAt: instant('2026-11-20T10:00:00.400Z').nullable(),
});

const goodsType = responseType('SagaGoods', {
  sku: text('TEE-BLACK-M'),
  unitPrice: moneyType,
  quantity: int(3).describe('Sold, or reserved while the order is not placed.'),
  shipped: int(1),
  givenBack: int(1).describe('Never shipped, and on sale again.'),
  returned: int(0).describe('Shipped, and back.'),
  left: int(1).describe('What can still ship; 0 unless the order is placed.'),
});

const refundableType = responseType('SagaRefundable', {
  captured: moneyType,
  refunded: moneyType.describe('What has reached the customer.'),
  pending: moneyType.describe('Asked for, or under way at the provider.'),
  left: moneyType.describe('What can still be refunded.'),
});

const moneyFacts = {
  authorized: moneyType.nullable(),
  captured: moneyType.nullable(),
  voided: moneyType.nullable().describe('Lifted before it was captured.'),
  refunded: moneyType.nullable(),
};

const sagaMoneyType = responseType('SagaMoney', {
  ...moneyFacts,
  paid: moneyType.nullable().describe('Captured minus refunded.'),
  reference: providerReference,
}).describe('As Holdfast recorded it. Null is unknown, which is neither yes nor no.');
export type SagaMoney = z.infer<typeof sagaMoneyType>;

export const sagaType = responseType('Saga', {
  object: z.literal('saga'),
  orderId: publicIdOf('ord'),
  asOf: instant('2026-11-20T10:00:01.000Z').describe('When this was read.'),
  status: sagaStatusType,
  step: stepType,
  story: z
    .array(text('2 units of TEE-BLACK-M went through at the first attempt in 60 ms.'))
    .describe('At most three sentences.'),
  order: orderType,
  transitions: z.array(transitionType).describe('Oldest first.'),
  steps: z.array(stepType).describe('The steps of this order, in their order.'),
  attempts: z.array(attemptType).describe('Every attempt at every step, oldest first.'),
  operations: z.array(operationType),
  tasks: z.array(paymentTaskType).describe('Refunds and captures after the sale, oldest first.'),
  nextAttemptInSeconds: int(41)
    .nullable()
    .describe('0 when it is due now; null when it is running, or nothing is left to do without an operator.'),
  waitsFor: waitsForType,
  drivenBy: worker.nullable().describe('Null when no worker drives it at this moment.'),
  reservation: reservationType,
  goods: z.array(goodsType).describe('What became of its goods, by SKU.'),
  refundable: refundableType,
  webhooks: z.array(webhookType),
  money: sagaMoneyType,
  clientKey: text('cart-8f21-1')
    .nullable()
    .describe('The `Idempotency-Key` that the shop sent with the order, for as long as it is kept (72 h).'),
  acts: z
    .strictObject({
      retry: bool(false),
      compensate: bool(false),
      resolve: bool(false),
      ship: bool(true),
      refund: bool(true),
      capture: bool(false),
    })
    .describe('What an operator can do now; `…/saga/options` says more about the first three.'),
});
export type SagaResponse = z.infer<typeof sagaType>;

const comparisonType = z
  .enum(['same', 'differs', 'not_heard'])
  .meta({ id: 'Comparison' })
  .describe('`not_heard`: one side does not know it yet, which is no difference.');
export type Comparison = z.infer<typeof comparisonType>;

const optionType = responseType('SagaOption', {
  possible: bool(true),
  why: text('Asks again with the same key. It cannot charge twice.').describe(
    'What it does, or why it cannot be done.',
  ),
  refund: moneyType.nullable().describe('What the customer gets back; null: no money moves.'),
  units: int(2).describe('Units that go back on sale.'),
  endsAs: orderStatusType
    .nullable()
    .describe("How the order ends; null when that depends on the provider's answer, or it cannot be done."),
});
export type SagaOption = z.infer<typeof optionType>;

const providerType = responseType('ProviderSays', {
  answered: bool(true).describe('False: no answer this time; the figures are from `askedAt`.'),
  problem: text('The provider did not answer within 3 s.').nullable(),
  ...moneyFacts,
  reference: providerReference,
  askedAt: instant().nullable().describe('When the figures were given; null without any.'),
  askedSecondsAgo: int(3).nullable(),
});

export const sagaOptionsType = responseType('SagaOptions', {
  object: z.literal('saga_options'),
  orderId: publicIdOf('ord'),
  recorded: sagaMoneyType,
  provider: providerType,
  comparison: z.strictObject({
    authorized: comparisonType,
    captured: comparisonType,
    voided: comparisonType,
    refunded: comparisonType,
    reference: comparisonType,
  }),
  retry: optionType,
  compensate: optionType,
  resolve: optionType,
  suggested: z
    .enum(['retry', 'compensate', 'resolve'])
    .nullable()
    .describe("The one choice that the provider's answer makes plainly right."),
});
export type SagaOptionsResponse = z.infer<typeof sagaOptionsType>;
