import type { SagaAction } from '../../src/orders/saga-actions/saga-actions';
import { Audit } from '../../src/audit/audit';
import { Checkout } from '../support/checkouts';
import { outcomeOf, createWorld, expectInvariants, operator, type World } from '../support/fixtures';
import { timelineOf } from '../support/sagas';

/** The results of the three saga actions in every state of a saga. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

type Start = NonNullable<Parameters<typeof Checkout.start>[1]>;
const checkout = (start?: Start) => Checkout.start(world, start);
const spent = async (checkout: Promise<Checkout>) => (await checkout).spendAttempts();
const turned = async (by: 'cancel' | 'refund', checkout: Promise<Checkout>) => (await checkout)[by]();
const after = async (fails: Checkout['gateway']['fails'], checkout: Promise<Checkout>) =>
  (await checkout).driveWhile(fails);
const setBy = async (set: string, checkout: Promise<Checkout>) => {
  const found = await checkout;
  await world.rows(`UPDATE sagas SET ${set} WHERE order_id = $1`, [found.orderId]);
  return found;
};
const overcharged = async (checkout: Promise<Checkout>) => {
  const found = await checkout;
  found.gateway.overcharge = 1;
  return found.driveWhile({});
};

const noCapture = { declines: { capture: true } };
const placed = () => after({}, checkout());
const authorizeUnheard = () => after({ authorize: 'answer lost' }, checkout());
const captureUnheard = () => after({ capture: 'answer lost' }, checkout());
const refundUnheard = () => after({ refund: 'answer lost' }, turned('refund', placed()));
const captureHeldBack = () => after({ capture: 'held back' }, checkout());

const states: Record<string, () => Promise<Checkout>> = {
  'running, nothing asked yet': () => checkout(),
  'running, authorize held back': () => after({ authorize: 'held back' }, checkout()),
  'running, authorize never arrived': () => after({ authorize: 'question lost' }, checkout()),
  'running, authorize done without a response': authorizeUnheard,
  'running, authorize declined without a response': () =>
    after({ authorize: 'answer lost' }, checkout({ declines: { authorize: true } })),
  'running, capture held back': captureHeldBack,
  'running, capture never arrived': () => after({ capture: 'question lost' }, checkout()),
  'running, capture done without a response': captureUnheard,
  'running, capture declined without a response': () =>
    after({ capture: 'answer lost' }, checkout(noCapture)),
  'running, capture without a response, cancellation requested': () => turned('cancel', captureUnheard()),
  'stuck, authorize unheard': () => after({ authorize: 'answer lost' }, spent(authorizeUnheard())),
  'stuck, capture unheard': () => after({ capture: 'answer lost' }, spent(captureUnheard())),
  'stuck, another amount authorized': () => overcharged(checkout()),
  'stuck, another amount captured': () => overcharged(captureHeldBack()),
  'stuck, its workers died before they called': async () => (await checkout()).killWorkers(),
  'stuck, its workers died, authorize without a response': async () =>
    (await authorizeUnheard()).killWorkers(),
  'stuck, its workers died, authorized': async () => (await captureHeldBack()).killWorkers(),
  'compensating, nothing asked yet': () => turned('cancel', checkout()),
  'compensating, authorize unheard': () =>
    after({ authorize: 'answer lost' }, turned('cancel', authorizeUnheard())),
  'compensating, void unheard': () => after({ void: 'answer lost' }, checkout(noCapture)),
  'compensating, void held back': () => after({ void: 'held back' }, checkout(noCapture)),
  'compensating, refund unheard': refundUnheard,
  'stuck compensating, refund without a response': () =>
    after({ refund: 'answer lost' }, spent(refundUnheard())),
  'stuck compensating, void declined': () => after({}, checkout({ declines: { capture: true, void: true } })),
  'stuck compensating, refund declined': () =>
    after({}, turned('refund', after({}, checkout({ declines: { refund: true } })))),
  'given up, authorize unheard': async () => {
    const found = await authorizeUnheard();
    await act('resolve', found);
    return found.driveWhile({ authorize: 'answer lost' });
  },
  completed: placed,
  compensated: () => after({}, turned('cancel', checkout())),
  'driven by a worker': () =>
    setBy(`lease_expires_at = clock_timestamp() + interval '1 minute'`, authorizeUnheard()),
  'of a newer version': () => setBy('code_version = code_version + 1', authorizeUnheard()),
};

const act = (name: SagaAction, { orderId }: Checkout) =>
  outcomeOf(world.sagaActions.perform(name, orderId, { reason: 'customer called' }, operator));

const sold = { reservation: 'confirmed', kept: 1_000, setAside: 0 };
const back = { kept: 0, setAside: 0 };
/** The final stock and money, by the order's end. */
const ends: Record<string, object> = {
  placed: sold,
  'rejected (cancelled)': { ...back, reservation: 'released' },
  'rejected (payment_declined)': { ...back, reservation: 'released' },
  'rejected (abandoned)': { ...back, reservation: 'released' },
  cancelled: { ...back, reservation: 'returned' },
  refunded: { ...back, reservation: 'returned' },
};

/** Acts, then reads the order at once and after the provider has recovered: `pending → placed`, or a refusal's code. */
async function story(name: SagaAction, found: Checkout): Promise<string> {
  const before = await everythingOf(found);
  const answer = await act(name, found);
  if (answer !== 'ok') {
    expect(await everythingOf(found)).toEqual(before);
    return answer;
  }
  const { order: now } = await found.end();
  if (name === 'resolve') expect(await found.available()).toBe(3);
  else expect(await found.saga()).toMatchObject({ nextRun: 'due', leased: false });

  await found.driveToItsEnd();
  const [{ status }, { order, ...rest }] = [await found.saga(), await found.end()];
  if (status === 'stuck') return `${now} → stuck`;
  expect({ order, ...rest }).toEqual({ order, ...ends[order] });
  expect(await found.available()).toBe(order === 'placed' ? 2 : 3);
  return `${now} → ${order}`;
}

const everythingOf = async (found: Checkout) => [
  await found.saga(),
  await found.end(),
  await timelineOf(world, found.orderId),
];

/** The results of retry, compensate and resolve, by groups of states. */
const stories: [states: string[], retry: string, compensate: string, resolve: string][] = [
  [
    ['running, nothing asked yet', 'running, authorize held back', 'running, capture held back'],
    'pending → placed',
    'pending → rejected (cancelled)',
    'saga_not_stuck',
  ],
  [
    [
      'running, authorize never arrived',
      'running, authorize done without a response',
      'running, capture never arrived',
      'running, capture done without a response',
      'stuck, authorize unheard',
      'stuck, capture unheard',
      'stuck, its workers died, authorize without a response',
    ],
    'pending → placed',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → placed',
  ],
  [
    ['running, authorize declined without a response', 'running, capture declined without a response'],
    'pending → rejected (payment_declined)',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → rejected (abandoned)',
  ],
  [
    ['running, capture without a response, cancellation requested'],
    'pending → cancelled',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → rejected (abandoned)',
  ],
  [
    ['stuck, its workers died before they called'],
    'pending → placed',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → rejected (abandoned)',
  ],
  [
    ['stuck, another amount authorized'],
    'pending → stuck',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → rejected (abandoned)',
  ],
  [['stuck, another amount captured'], 'pending → stuck', 'pending → stuck', 'rejected (abandoned) → stuck'],
  [['compensating, nothing asked yet'], 'pending → rejected (cancelled)', 'saga_goes_back', 'saga_not_stuck'],
  [
    ['compensating, authorize unheard'],
    'pending → rejected (cancelled)',
    'saga_goes_back',
    'rejected (cancelled) → rejected (cancelled)',
  ],
  [
    ['compensating, void held back'],
    'pending → rejected (payment_declined)',
    'saga_goes_back',
    'saga_not_stuck',
  ],
  [
    ['compensating, void unheard'],
    'pending → rejected (payment_declined)',
    'saga_goes_back',
    'rejected (payment_declined) → rejected (payment_declined)',
  ],
  [
    ['compensating, refund unheard', 'stuck compensating, refund without a response'],
    'placed → refunded',
    'saga_goes_back',
    'refunded → refunded',
  ],
  [
    ['given up, authorize unheard'],
    'rejected (abandoned) → placed',
    'saga_goes_back',
    'rejected (abandoned) → placed',
  ],
  [['completed', 'compensated'], 'saga_settled', 'saga_settled', 'saga_settled'],
  [['driven by a worker'], 'saga_driven', 'saga_driven', 'saga_driven'],
  [['of a newer version'], 'unavailable', 'unavailable', 'unavailable'],
];

describe('an order whose saga is', () => {
  it.each(stories.flatMap(([alike, ...acts]) => alike.map((state) => [state, ...acts] as const)))(
    '%s: retry %s, compensate %s, resolve %s',
    async (state, retry, compensate, resolve) => {
      const build = states[state]!;
      const neighbour = await authorizeUnheard();
      const results = {
        retry: await story('retry', await build()),
        compensate: await story('compensate', await build()),
        resolve: await story('resolve', await build()),
      };
      expect(results).toEqual({ retry, compensate, resolve });
      expect(await neighbour.saga()).toMatchObject({ status: 'running', attempt: 1, nextRun: 'waits' });
    },
  );
});

/**
 * Their money is known and was not returned, which no retry fixes: only an operator can say that it was settled
 * elsewhere.
 */
describe('an order whose money was settled elsewhere', () => {
  let usual: World;
  beforeEach(async () => {
    usual = world;
    world = await createWorld();
  });
  afterEach(async () => {
    await world.close();
    world = usual;
  });

  it.each([
    ['stuck, its workers died, authorized', 'rejected (abandoned)', 0],
    ['stuck compensating, void declined', 'rejected (payment_declined)', 0],
    ['stuck compensating, refund declined', 'refunded', 1_000],
  ])(
    'has ended once it is resolved, and the audit keeps reporting its money (%s)',
    async (state, order, kept) => {
      const found = await states[state]!();
      expect(await act('resolve', found)).toBe('ok');
      expect(await found.end()).toMatchObject({ order });
      expect(await found.available()).toBe(3);

      await found.driveToItsEnd();

      expect(await found.saga()).toMatchObject({ status: 'compensated' });
      expect(await found.end()).toMatchObject({ order, kept });
      const { invariants } = await new Audit(world.db).run();
      const broken = invariants.filter(({ violations }) => violations.length > 0);
      expect(broken.map(({ id }) => id)).toEqual(kept > 0 ? ['I4', 'I8'] : ['I8']);
      expect(broken.flatMap(({ violations }) => violations.map(({ id }) => id))).toEqual(
        broken.map(() => found.orderId),
      );
    },
  );

  it.each(['stuck compensating, void declined', 'stuck compensating, refund declined'])(
    'stays stuck after any number of retries (%s)',
    async (state) => {
      const found = await states[state]!();
      const before = await found.end();
      expect(await act('compensate', found)).toBe('saga_goes_back');
      for (let nth = 0; nth < 2; nth++) {
        expect(await act('retry', found)).toBe('ok');
        await found.driveToItsEnd();
        expect(await found.saga()).toMatchObject({ status: 'stuck', nextRun: 'never' });
      }
      expect(await found.end()).toEqual(before);
      await expectInvariants(world);
    },
  );
});
