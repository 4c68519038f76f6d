import type { SagaAction } from '../../src/orders/saga-actions/saga-actions';
import { wakeSagas } from '../../src/orders/checkout-saga/saga.repository';
import { Checkout } from '../support/checkouts';
import { outcomeOf, createWorld, expectInvariants, operator, shop, type World } from '../support/fixtures';
import { inEveryOrder } from '../support/interleave';
import { passTime } from '../support/sagas';
import { seeded } from '../support/seeded';

/** An operator acts while somebody else changes the same saga. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const acts: readonly SagaAction[] = ['retry', 'compensate', 'resolve'];

/** Charged without a response; the provider works from now on, and the saga is due. */
async function due(): Promise<Checkout> {
  const checkout = await (await Checkout.start(world)).driveWhile({ capture: 'answer lost' });
  checkout.gateway.fails = {};
  await passTime(world, checkout.orderId);
  return checkout;
}

const actOn = (own: World, act: SagaAction, { orderId }: Checkout) =>
  own.sagaActions.perform(act, orderId, { reason: 'customer called' }, operator);

/** Charged once and placed, or charged once and refunded; its stock is sold or on sale. */
async function settled(checkout: Checkout): Promise<string> {
  await checkout.driveToItsEnd();
  const { order, kept, setAside } = await checkout.end();
  const isPlaced = order === 'placed';
  expect({ order, kept, setAside }).toEqual({ order, kept: isPlaced ? 1_000 : 0, setAside: 0 });
  expect(await checkout.available()).toBe(isPlaced ? 2 : 3);
  expect(checkout.gateway.done.map(({ kind }) => kind)).toEqual(
    isPlaced ? ['authorize', 'capture'] : ['authorize', 'capture', 'refund'],
  );
  return order;
}

describe('a saga action', () => {
  const driven = 'saga_driven: placed';
  const over = 'saga_settled: placed';
  it.each([
    ['retry', [driven, over, 'ok: placed']],
    ['compensate', [driven, over, 'ok: rejected (cancelled)']],
    // Given up, then charged: placed.
    ['resolve', [driven, over, 'ok: placed']],
  ] as const)(
    'takes effect or is refused while a worker claims the saga, in every order (%s)',
    async (act, allowed) => {
      const ends = await inEveryOrder(world, async () => {
        const checkout = await due();
        return {
          stopsAt: /sagas/,
          sessions: {
            operator: (own) => actOn(own, act, checkout),
            worker: (own) => own.runner({ gateway: checkout.gateway }).drive(checkout.orderId),
          },
          end: async ({ operator }) => `${operator}: ${await settled(checkout)}`,
        };
      });
      expect(Object.keys(ends).sort()).toEqual([...allowed].sort());
    },
  );

  it.each([
    ['retry', ['ok and ok: cancelled']],
    ['compensate', ['ok and ok: rejected (cancelled)']],
    ['resolve', ['ok and ok: rejected (abandoned)']],
  ] as const)('and a cancellation at the same time both count, in every order (%s)', async (act, allowed) => {
    const ends = await inEveryOrder(world, async () => {
      const checkout = await due();
      return {
        stopsAt: /sagas|orders/,
        sessions: {
          operator: (own) => actOn(own, act, checkout),
          customer: (own) =>
            own.orders.requestCancellation(checkout.orderId, 'cancel', `wish-${checkout.orderId}`, shop),
        },
        end: async ({ operator, customer }) => `${operator} and ${customer}: ${await settled(checkout)}`,
      };
    });
    expect(Object.keys(ends).sort()).toEqual([...allowed].sort());
  });

  it.each([
    ['retry', 'placed'],
    ['compensate', 'rejected (cancelled)'],
    ['resolve', 'placed'],
  ] as const)(
    'leaves the saga due when a webhook wakes it at the same time, in every order (%s)',
    async (act, order) => {
      const ends = await inEveryOrder(world, async () => {
        const checkout = await (await Checkout.start(world)).driveWhile({ capture: 'answer lost' });
        return {
          sessions: {
            operator: (own) => actOn(own, act, checkout),
            webhook: (own) =>
              own.db.transaction('provider-events', (tx) => wakeSagas(tx, [checkout.orderId], new Date())),
          },
          stopsAt: /sagas/,
          end: async ({ operator, webhook }) => {
            expect(await checkout.saga()).toMatchObject({ nextRun: 'due', leased: false });
            return `${operator} and ${webhook}: ${await settled(checkout)}`;
          },
        };
      });
      expect(Object.keys(ends)).toEqual([`ok and ok: ${order}`]);
    },
  );

  it.each([
    ['retry', 'compensate', ['ok and ok: rejected (cancelled)']],
    ['retry', 'resolve', ['ok and ok: placed']],
    [
      'compensate',
      'resolve',
      ['ok and saga_not_stuck: rejected (cancelled)', 'saga_goes_back and ok: placed'],
    ],
    [
      'compensate',
      'compensate',
      ['ok and saga_goes_back: rejected (cancelled)', 'saga_goes_back and ok: rejected (cancelled)'],
    ],
    ['resolve', 'resolve', ['ok and saga_not_stuck: placed', 'saga_not_stuck and ok: placed']],
  ] as const)(
    'sees the result of a colleague’s action at the same time, in every order (%s, %s)',
    async (act, otherAct, allowed) => {
      const ends = await inEveryOrder(world, async () => {
        const checkout = await due();
        return {
          stopsAt: /sagas/,
          sessions: {
            one: (own) => actOn(own, act, checkout),
            other: (own) => actOn(own, otherAct, checkout),
          },
          end: async ({ one, other }) => `${one} and ${other}: ${await settled(checkout)}`,
        };
      });
      expect(Object.keys(ends).sort()).toEqual(allowed);
    },
  );
});

describe('operators, customers, workers and webhooks on one order', () => {
  it(
    'charge it once or not at all, in random order',
    seeded(async (random) => {
      for (let round = 0; round < 25; round++) {
        const checkout = await (
          await Checkout.start(world, { declines: { capture: random.next() < 0.2 } })
        ).driveWhile({ [random.pick(['authorize', 'capture'] as const)]: 'answer lost' });
        checkout.gateway.fails = random.pick([{}, { capture: 'answer lost' }, { refund: 'question lost' }]);
        const hands = [
          () => actOn(world, random.pick(acts), checkout),
          () => actOn(world, random.pick(acts), checkout),
          () => checkout.cancel(),
          () => checkout.drive(),
          () => checkout.drive(),
          () => passTime(world, checkout.orderId),
          () =>
            world.db.transaction('provider-events', (tx) => wakeSagas(tx, [checkout.orderId], new Date())),
        ];
        await Promise.all(random.shuffled([...hands, ...hands]).map((hand) => outcomeOf(hand())));
        await checkout.driveToItsEnd();

        const { order, kept, setAside } = await checkout.end();
        expect({ order, kept, setAside }).toEqual({
          order,
          kept: order === 'placed' ? 1_000 : 0,
          setAside: 0,
        });
        expect(await checkout.available()).toBe(order === 'placed' ? 2 : 3);
      }
    }),
  );
});
