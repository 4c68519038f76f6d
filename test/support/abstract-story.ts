import { newId } from '../../src/ids';
import type { ReservationStatus } from '../../src/inventory/reservations/reservation';
import type { RejectionReason } from '../../src/orders/order.entity';
import type { SagaFacts } from '../../src/reporting/order-timeline/saga-facts';
import type { Checkout, Kind } from './abstract-checkout';

/** An abstract checkout as rows of the tables, so that the story can be built from it. */

const kinds: readonly Kind[] = ['authorize', 'capture', 'void', 'refund'];
const ids = Object.fromEntries(kinds.map((kind) => [kind, newId()])) as Record<Kind, string>;
const orderId = newId();
const reservationId = newId();

const rejectionReasons: Record<string, RejectionReason | undefined> = {
  payment_declined: 'payment_declined',
  reservation_expired: 'reservation_expired',
  cancelled: 'cancelled',
  abandoned: 'abandoned',
};

/** The time just after its last line. */
export function factsOf(state: Checkout): SagaFacts {
  const { saga, history, leased, run } = state;
  const now = new Date(history.at(-1)!.at.getTime() + 1_000);
  const later = new Date(now.getTime() + 15_000);
  const operations = operationsOf(state);
  const hasEnded = state.order !== 'pending';
  const leaseExpiresAt = leased ? later : state.holder === null ? null : now;
  return {
    order: {
      id: orderId,
      principal: 'shop',
      customerId: 'cus_1',
      reservationId,
      totalAmount: 1_000,
      currency: 'EUR',
      metadata: {},
      capture: 'automatic',
      lines: [{ sku: 'SKU-1', quantity: 1, unitAmount: 1_000, shipped: 0, givenBack: 0, returned: 0 }],
      createdAt: new Date(0),
      status: state.order === 'abandoned' ? 'rejected' : state.order,
      rejectionReason: hasEnded ? (rejectionReasons[saga.endsAs ?? ''] ?? null) : null,
      version: 1,
      placedAt: state.order === 'placed' ? now : null,
      endedAt: hasEnded ? now : null,
      onDecline: null,
      paymentAttempt: 1,
      reservationStatus: statusOf(state.reservation),
      expiresAt: new Date(600_000),
      now,
      saga: { status: saga.status, step: saga.step },
      operations: operations.map((one) => ({
        ...one,
        actionExpiresAt: null,
        captureBefore: null,
        stripeAccount: null,
      })),
      facts: [],
      units: { shipped: 0, left: 1 },
      shipments: [],
      refunds: [],
    },
    tasks: [],
    saga: {
      ...saga,
      orderId,
      fencingToken: history.at(-1)!.fencingToken,
      version: history.length,
      codeVersion: 1,
      sweeps: 0,
      searchFirst: false,
      nextRunAt: run === 'never' ? null : run === 'due' ? now : later,
      leaseExpiresAt,
      leaseOwner: leaseExpiresAt && `worker-${state.holder}`,
      lastError: null,
      now,
    },
    transitions: [...history],
    operations,
    earlier: [],
    reservation: {
      id: reservationId,
      status: statusOf(state.reservation),
      createdAt: new Date(0),
      expiresAt: new Date(600_000),
      endedAt: null,
      returnedAt: state.reservation === 'returned' ? now : null,
      endReason: null,
      units: 1,
      fencingToken: 1,
    },
    goods: [],
    webhooks: [],
    clientKey: null,
  };
}

function statusOf(reservation: Checkout['reservation']): ReservationStatus {
  if (reservation === 'due') return 'active';
  return reservation === 'returned' ? 'confirmed' : reservation;
}

type Row = Pick<SagaFacts['operations'][number], 'status'> & Partial<SagaFacts['operations'][number]>;

function rowOf(state: Exclude<Checkout['operations'][Kind], 'none'>): Row {
  switch (state) {
    case 'pending':
      return { status: 'pending', waitsFor: 'provider' };
    case 'buyer':
    case 'action':
      return { status: 'pending', waitsFor: 'buyer' };
    case 'open':
      return { status: 'pending', waitsFor: 'provider', declineCode: 'card_declined' };
    case 'less':
      return { status: 'approved', declineCode: 'partial_authorization' };
    case 'failed':
      return { status: 'failed', failureReason: 'declined' };
    case 'replaced':
      return { status: 'failed' };
    default:
      return { status: state };
  }
}

function operationsOf({ operations }: Checkout): SagaFacts['operations'] {
  return kinds.flatMap((kind) => {
    const state = operations[kind];
    if (state === 'none') return [];
    const { status, ...more } = rowOf(state);
    return {
      id: ids[kind],
      orderId,
      kind,
      number: 1,
      request: null,
      taskId: null,
      providerKey: null,
      stripeAccount: null,
      status,
      attempt: status === 'created' ? 0 : 1,
      amount: 1_000,
      currency: 'EUR',
      providerReference: status === 'approved' ? `ref_${kind}` : null,
      declineCode: status === 'declined' ? 'card_declined' : null,
      detail: null,
      doubt: null,
      looks: 0,
      waitsFor: null,
      failureReason: null,
      paymentAttempt: 1,
      captureBefore: null,
      actionExpiresAt: null,
      mayTryAnotherCard: false,
      ...more,
      createdAt: new Date(0),
      sentAt: status === 'created' ? null : new Date(0),
      settledAt: status === 'approved' || status === 'declined' ? new Date(0) : null,
    };
  });
}
