import type {
  AuthorizeRequest,
  FollowUpRequest,
  GatewayResult,
  PaymentGateway,
} from '../../src/payment/gateways/gateway';
import type { OperationKind } from '../../src/payment/payment-operations.repository';
import { createWorld, expectInvariants, operator, shop, type World } from '../support/fixtures';
import { inEveryOrder, type Player } from '../support/interleave';
import { line } from '../support/intakes';
import { endOf, LedgerGateway, passTime, sagaOf } from '../support/sagas';
import { silence } from '../support/scripted-gateway';

/** Each scene runs in every order of its sessions' statements; see `test/support/interleave.ts`. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  // No worker drives what these scenes leave behind, and on a busy machine they take longer than a saga may wait.
  await world.rows(`UPDATE sagas SET next_run_at = $1 WHERE next_run_at IS NOT NULL`, [new Date()]);
  await expectInvariants(world);
});
afterAll(() => world.close());

/** The operations that the provider executed, in order. */
const done = (gateway: LedgerGateway) => gateway.done.map(({ kind }) => kind).join(', ');

/** Calls `onCall` with the kind of operation before each call to the provider. */
function observed(gateway: PaymentGateway, onCall: (kind: string) => void): PaymentGateway {
  const asked =
    <R>(kind: OperationKind, ask: (request: R) => Promise<GatewayResult>) =>
    (request: R) => {
      onCall(kind);
      return ask(request);
    };
  return {
    authorize: asked('authorize', (request: AuthorizeRequest) => gateway.authorize(request)),
    charge: asked('charge', (request: AuthorizeRequest) => gateway.charge(request)),
    capture: asked('capture', (request: FollowUpRequest) => gateway.capture(request)),
    void: asked('void', (request: FollowUpRequest) => gateway.void(request)),
    refund: asked('refund', (request: FollowUpRequest) => gateway.refund(request)),
    look: (request) => gateway.look(request),
  };
}

/** The provider does what it is asked, but its response to one kind of operation never arrives. */
const deafTo = (gateway: LedgerGateway, kind: 'capture'): PaymentGateway => ({
  ...observed(gateway, () => undefined),
  [kind]: async (request: FollowUpRequest) => {
    await gateway[kind](request);
    return silence;
  },
});

/** Drives a saga freely until it asks for the capture, and from there statement by statement. */
const drivenFromItsCapture = (orderId: string, gateway: PaymentGateway) => (own: World, player: Player) => {
  player.runFreely();
  const steps = observed(gateway, (kind) => kind === 'capture' && player.stepFromHere());
  return own.runner({ gateway: steps }).drive(orderId);
};

/** Lets all remaining work run to its end. */
async function untilAtRest(orderId: string, gateway: LedgerGateway): Promise<void> {
  for (let round = 0; round < 5; round++) {
    if (['completed', 'compensated'].includes((await sagaOf(world, orderId)).status)) return;
    await passTime(world, orderId);
    await world.runner({ gateway }).drive(orderId);
  }
}

describe('an order that is cancelled while its capture’s result arrives', () => {
  it.each([
    ['charged, placed and refunded', {}, ['ok: cancelled after authorize, capture, refund']],
    [
      'rejected with its authorization voided when the capture is declined',
      { capture: true },
      [
        'ok: rejected (payment_declined) after authorize, void',
        'order_already_rejected: rejected (payment_declined) after authorize, void',
      ],
    ],
  ])('is %s, in every order', async (_, declines, allowed) => {
    const ends = await inEveryOrder(world, async () => {
      const orderId = await world.order();
      const gateway = new LedgerGateway(declines);
      return {
        stopsAt: /sagas|FROM orders|UPDATE orders/,
        sessions: {
          worker: drivenFromItsCapture(orderId, gateway),
          customer: (own) => own.orders.requestCancellation(orderId, 'cancel', orderId, shop),
        },
        end: async ({ customer }) => {
          await untilAtRest(orderId, gateway);
          const { order, reserved } = await endOf(world, orderId);
          expect(reserved).toBe(0);
          return `${customer}: ${order} after ${done(gateway)}`;
        },
      };
    });
    for (const end of Object.keys(ends)) expect(allowed).toContain(end);
  });
});

describe('an order that is cancelled while its first worker claims it', () => {
  it('keeps no money, in every order', async () => {
    const ends = await inEveryOrder(world, async () => {
      const orderId = await world.order();
      const gateway = new LedgerGateway();
      return {
        stopsAt: /sagas|idempotency_keys|reservations/,
        sessions: {
          worker: (own, player) =>
            own.runner({ gateway: observed(gateway, () => player.runFreely()) }).drive(orderId),
          customer: (own) => own.orders.requestCancellation(orderId, 'cancel', orderId, shop),
        },
        end: async ({ customer }) => {
          await untilAtRest(orderId, gateway);
          const { order, reserved } = await endOf(world, orderId);
          expect([customer, reserved]).toEqual(['ok', 0]);
          return `${order} after ${done(gateway) || 'nothing'}`;
        },
      };
    });
    for (const end of Object.keys(ends)) {
      expect([
        'rejected (cancelled) after nothing',
        'rejected (cancelled) after authorize, void',
        'cancelled after authorize, capture, refund',
      ]).toContain(end);
    }
  });
});

describe('a worker that slept through its lease', () => {
  it.each([
    ['has its response', false],
    ['hears nothing', true],
  ])('and its successor charge and place the order once, in every order (%s)', async (_, isDeaf) => {
    const ends = await inEveryOrder(world, async () => {
      const orderId = await world.order();
      const gateway = new LedgerGateway();
      const heard = isDeaf ? deafTo(gateway, 'capture') : gateway;
      return {
        stopsAt: /sagas|UPDATE payment_operations/,
        sessions: {
          sleeper: drivenFromItsCapture(orderId, heard),
          time: (own) => passTime(own, orderId),
          other: (own) => own.runner({ gateway }).drive(orderId),
        },
        end: async () => {
          await untilAtRest(orderId, gateway);
          const history = await world.rows<{ cause: string; token: number }>(
            `SELECT cause, fencing_token::int AS token FROM saga_transitions WHERE order_id = $1 ORDER BY version`,
            [orderId],
          );
          // The first one sleeps; what it did not hear is never recorded under another worker's lease.
          expect(history.filter(({ cause, token }) => cause === 'unknown' && token > 1)).toEqual([]);
          const { order, reservation } = await endOf(world, orderId);
          const by = history.at(-1)!.token === 1 ? 'the sleeper' : 'another';
          return `${order}, ${reservation} after ${done(gateway)}, by ${by}`;
        },
      };
    });
    const placedBy = (who: string) => `placed, confirmed after authorize, capture, by ${who}`;
    expect(Object.keys(ends).sort()).toEqual(
      (isDeaf ? ['another'] : ['another', 'the sleeper']).map(placedBy),
    );
  });

  it('never drives a saga together with another worker that found it due at the same moment, in every order', async () => {
    await inEveryOrder(world, async () => {
      const orderId = await world.order();
      const gateway = new LedgerGateway();
      const asked: string[] = [];
      const driven = (own: World, player: Player) => {
        const observing = observed(gateway, (kind) => {
          asked.push(kind);
          player.runFreely();
        });
        return own.runner({ gateway: observing }).drive(orderId);
      };
      return {
        stopsAt: /sagas|payment_operations/,
        sessions: { one: driven, other: driven },
        end: async () => {
          await untilAtRest(orderId, gateway);
          expect(asked).toEqual(['authorize', 'capture']);
          return (await endOf(world, orderId)).order;
        },
      };
    });
  });
});

describe('an order that an operator resolves while its charge arrives', () => {
  it.each([
    ['resolve', 'placed, confirmed after authorize, capture'],
    ['compensate', 'rejected (cancelled), released after authorize, capture, refund'],
  ] as const)('is charged and placed or neither, in every order (%s)', async (act, ended) => {
    const ends = await inEveryOrder(world, async () => {
      const orderId = await world.order();
      const gateway = new LedgerGateway();
      return {
        stopsAt: /sagas/,
        sessions: {
          worker: drivenFromItsCapture(orderId, gateway),
          time: (own) => passTime(own, orderId),
          operator: (own) =>
            own.sagaActions.perform(act, orderId, { reason: 'the customer called' }, operator),
        },
        end: async ({ operator: answer }) => {
          await untilAtRest(orderId, gateway);
          const { order, reservation } = await endOf(world, orderId);
          return `${answer}: ${order}, ${reservation} after ${done(gateway)}`;
        },
      };
    });
    const placed = 'placed, confirmed after authorize, capture';
    expect(Object.keys(ends).sort()).toEqual([
      `ok: ${ended}`,
      `saga_driven: ${placed}`,
      `saga_settled: ${placed}`,
    ]);
  });
});

describe('a reservation that expires while its charge begins', () => {
  it('is charged and kept or neither, in every order', async () => {
    const ends = await inEveryOrder(world, async () => {
      const sku = await world.product({ onHand: 1 });
      const orderId = await world.order([line(sku)]);
      const { id } = await world.row<{ id: string }>(
        `SELECT reservation_id AS id FROM orders WHERE id = $1`,
        [orderId],
      );
      const gateway = new LedgerGateway();
      return {
        stopsAt: /reservations/,
        sessions: {
          worker: (own, player) =>
            own.runner({ gateway: observed(gateway, () => player.runFreely()) }).drive(orderId),
          time: (own) => own.makeDue(id),
          sweep: (own) => own.reservations.expireDue(),
        },
        end: async () => {
          await world.reservations.expireDue();
          await untilAtRest(orderId, gateway);
          const { tooLate } = await world.row<{ tooLate: boolean }>(
            `SELECT status = 'confirmed' AND ended_at > expires_at AS "tooLate" FROM reservations WHERE id = $1`,
            [id],
          );
          expect(tooLate).toBe(false);
          const { order, reservation } = await endOf(world, orderId);
          return `${order}, ${reservation} after ${done(gateway) || 'nothing'}`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual([
      'placed, confirmed after authorize, capture',
      'rejected (reservation_expired), expired after nothing',
    ]);
  });
});
