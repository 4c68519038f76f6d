import { documented } from '../../http/responses';
import { stepNames } from '../../orders/checkout-saga/checkout.saga';
import { orderType, sagaStatuses } from '../../orders/orders.schemas';

/** One saga for people, by example. */

const money = { amount: 3998, currency: 'EUR' };
const none = { amount: 0, currency: 'EUR' };
const order = orderType.example;
const ofOrder = {
  nullable: orderType.notes.nullable!.map((path) => `order.${path}`),
  enums: Object.fromEntries(
    Object.entries(orderType.notes.enums!).map(([path, words]) => [`order.${path}`, words]),
  ),
};
const recorded = {
  authorized: money,
  captured: money,
  voided: none,
  refunded: none,
  paid: money,
  reference: 'pi_3Q…',
};
const nullableIn = (place: string, record: object) => Object.keys(record).map((name) => `${place}.${name}`);
const operationKinds = ['authorize', 'capture', 'void', 'refund'];

export const sagaType = documented(
  'Saga',
  {
    object: 'saga',
    orderId: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz',
    asOf: '2026-11-20T10:00:01.000Z',
    status: 'completed',
    step: 'place-order',
    story: [
      '2 units of TEE-BLACK-M went through at the first attempt in 60 ms.',
      'The customer paid € 39.98.',
    ],
    order,
    transitions: [
      {
        version: 2,
        at: '2026-11-20T10:00:00.020Z',
        afterMs: 20,
        sincePreviousMs: 20,
        step: 'authorize-payment',
        attempt: 1,
        from: 'running',
        to: 'running',
        cause: 'asked',
        detail: 'authorize',
        code: 'payment_requested',
        data: { operation: 'authorize', asked: money, attempt: 1 },
        fencingToken: 1,
        worker: 'worker-7f9c:12',
        leaseOwner: 'worker-7f9c:12',
      },
    ],
    attempts: [
      {
        step: 'authorize-payment',
        compensates: false,
        attempt: 1,
        operation: 'authorize',
        outcome: 'done',
        startedAtMs: 20,
        endedAtMs: 35,
        detail: 'no answer within 5000 ms',
        code: 'no_answer',
        data: { operation: 'authorize', asked: money, attempt: 1 },
        key: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz:authorize:1',
        fencingToken: 1,
        worker: 'worker-7f9c:12',
      },
    ],
    operations: [
      {
        id: 'pay_01jd3v7q8nf0xv7c0kq1e5m9tz',
        kind: 'authorize',
        key: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz:authorize:1',
        status: 'approved',
        attempts: 1,
        amount: money,
        providerReference: 'pi_3Q…',
        declineCode: 'insufficient_funds',
        detail: 'no answer within 5000 ms',
        createdAt: '2026-11-20T10:00:00.010Z',
        sentAt: '2026-11-20T10:00:00.020Z',
        settledAt: '2026-11-20T10:00:00.035Z',
      },
    ],
    nextAttemptInSeconds: 41,
    waitsFor: 'next_run',
    drivenBy: 'worker-7f9c:12',
    reservation: {
      id: 'rsv_01jd3v7q8nf0xv7c0kq1e5m9tz',
      status: 'confirmed',
      startedAtMs: 0,
      pinnedAtMs: 20,
      endedAtMs: 60,
      endReason: 'order placed',
      units: 2,
      fencingToken: 17,
    },
    webhooks: [
      {
        id: 'evt_1Q…',
        type: 'payment_intent.succeeded',
        verdict: 'nothing waited for it',
        receivedAt: '2026-11-20T10:00:00.070Z',
        afterMs: 70,
        processedAt: '2026-11-20T10:00:00.400Z',
      },
    ],
    money: recorded,
    clientKey: 'cart-8f21-1',
    acts: { retry: false, compensate: false, resolve: false },
  },
  {
    enums: {
      ...ofOrder.enums,
      status: sagaStatuses,
      step: stepNames,
      waitsFor: ['worker', 'next_run', 'operator'],
      'attempts[].operation': operationKinds,
      'attempts[].outcome': [
        'running',
        'done',
        'unknown',
        'declined',
        'error',
        'not-asked',
        'undone',
        'stuck',
      ],
    },
    open: ['transitions[].data', 'attempts[].data'],
    nullable: [
      ...ofOrder.nullable,
      ...nullableIn('money', recorded),
      'transitions[].from',
      'transitions[].detail',
      'transitions[].code',
      'transitions[].data',
      'transitions[].leaseOwner',
      'attempts[].operation',
      'attempts[].endedAtMs',
      'attempts[].detail',
      'attempts[].code',
      'attempts[].data',
      'attempts[].key',
      'operations[].providerReference',
      'operations[].declineCode',
      'operations[].detail',
      'operations[].sentAt',
      'operations[].settledAt',
      'nextAttemptInSeconds',
      'waitsFor',
      'drivenBy',
      'reservation.pinnedAtMs',
      'reservation.endedAtMs',
      'reservation.endReason',
      'webhooks[].verdict',
      'webhooks[].processedAt',
      'clientKey',
    ],
  },
);

const option = {
  possible: true,
  why: 'Asks again with the same key. It cannot charge twice.',
  refund: money,
  units: 2,
  endsAs: 'placed',
};
const provider = {
  problem: 'The provider did not answer within 3 s.',
  authorized: money,
  captured: money,
  voided: none,
  refunded: none,
  reference: 'pi_3Q…',
  askedAt: '2026-11-20T10:00:00.000Z',
  askedSecondsAgo: 3,
};
const comparison = {
  authorized: 'same',
  captured: 'not_heard',
  voided: 'same',
  refunded: 'same',
  reference: 'same',
};
const acts = ['retry', 'compensate', 'resolve'];
const orderStatuses = orderType.notes.enums!['status']!;

export const sagaOptionsType = documented(
  'SagaOptions',
  {
    object: 'saga_options',
    orderId: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz',
    recorded,
    provider: { answered: true, ...provider },
    comparison,
    retry: option,
    compensate: option,
    resolve: option,
    suggested: 'retry',
  },
  {
    enums: {
      suggested: acts,
      ...Object.fromEntries(
        Object.keys(comparison).map((fact) => [`comparison.${fact}`, ['same', 'differs', 'not_heard']]),
      ),
      ...Object.fromEntries(acts.map((act) => [`${act}.endsAs`, orderStatuses])),
    },
    nullable: [
      ...nullableIn('recorded', recorded),
      ...nullableIn('provider', provider),
      ...acts.flatMap((act) => [`${act}.refund`, `${act}.endsAs`]),
      'suggested',
    ],
  },
);
