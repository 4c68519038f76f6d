import type { SagaAction } from '../../src/orders/saga-actions/saga-actions';
import { Audit } from '../../src/audit/audit';
import { Checkout } from '../support/checkouts';
import { outcomeOf, createWorld, expectInvariants, operator, type World } from '../support/fixtures';
import { timelineOf } from '../support/sagas';

/** What an operator's three acts do to a saga in every state that it can be found in. */

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
  'running, authorize done and unheard': authorizeUnheard,
  'running, authorize declined and unheard': () =>
    after({ authorize: 'answer lost' }, checkout({ declines: { authorize: true } })),
  'running, capture held back': captureHeldBack,
  'running, capture never arrived': () => after({ capture: 'question lost' }, checkout()),
  'running, capture done and unheard': captureUnheard,
  'running, capture declined and unheard': () => after({ capture: 'answer lost' }, checkout(noCapture)),
  'running, capture unheard, and the customer wants out': () => turned('cancel', captureUnheard()),
  'stuck, authorize unheard': () => after({ authorize: 'answer lost' }, spent(authorizeUnheard())),
  'stuck, capture unheard': () => after({ capture: 'answer lost' }, spent(captureUnheard())),
  'stuck, another sum authorized': () => overcharged(checkout()),
  'stuck, another sum captured': () => overcharged(captureHeldBack()),
  'stuck, its workers died before they asked': async () => (await checkout()).killWorkers(),
  'stuck, its workers died, authorize unheard': async () => (await authorizeUnheard()).killWorkers(),
  'stuck, its workers died, authorized': async () => (await captureHeldBack()).killWorkers(),
  'compensating, nothing asked yet': () => turned('cancel', checkout()),
  'compensating, authorize unheard': () =>
    after({ authorize: 'answer lost' }, turned('cancel', authorizeUnheard())),
  'compensating, void unheard': () => after({ void: 'answer lost' }, checkout(noCapture)),
  'compensating, void held back': () => after({ void: 'held back' }, checkout(noCapture)),
  'compensating, refund unheard': refundUnheard,
  'stuck on its way back, refund unheard': () => after({ refund: 'answer lost' }, spent(refundUnheard())),
  'stuck on its way back, void declined': () =>
    after({}, checkout({ declines: { capture: true, void: true } })),
  'stuck on its way back, refund declined': () =>
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
/** How stock and money stand when nothing is left to do, by the order's own end. */
const ends: Record<string, object> = {
  placed: sold,
  'rejected (cancelled)': { ...back, reservation: 'released' },
  'rejected (payment_declined)': { ...back, reservation: 'released' },
  'rejected (abandoned)': { ...back, reservation: 'released' },
  cancelled: { ...back, reservation: 'returned' },
  refunded: { ...back, reservation: 'returned' },
};

/** Acts, looks at the order at once, and again when the provider has recovered: `pending → placed`, or a refusal's code. */
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

/** What retry, compensate and resolve lead to, for states that are alike in this. */
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
      'running, authorize done and unheard',
      'running, capture never arrived',
      'running, capture done and unheard',
      'stuck, authorize unheard',
      'stuck, capture unheard',
      'stuck, its workers died, authorize unheard',
    ],
    'pending → placed',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → placed',
  ],
  [
    ['running, authorize declined and unheard', 'running, capture declined and unheard'],
    'pending → rejected (payment_declined)',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → rejected (abandoned)',
  ],
  [
    ['running, capture unheard, and the customer wants out'],
    'pending → cancelled',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → rejected (abandoned)',
  ],
  [
    ['stuck, its workers died before they asked'],
    'pending → placed',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → rejected (abandoned)',
  ],
  [
    ['stuck, another sum authorized'],
    'pending → stuck',
    'pending → rejected (cancelled)',
    'rejected (abandoned) → rejected (abandoned)',
  ],
  [['stuck, another sum captured'], 'pending → stuck', 'pending → stuck', 'rejected (abandoned) → stuck'],
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
    ['compensating, refund unheard', 'stuck on its way back, refund unheard'],
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
      const told = {
        retry: await story('retry', await build()),
        compensate: await story('compensate', await build()),
        resolve: await story('resolve', await build()),
      };
      expect(told).toEqual({ retry, compensate, resolve });
      expect(await neighbour.saga()).toMatchObject({ status: 'running', attempt: 1, nextRun: 'waits' });
    },
  );
});

/** Their money is known and not given back, which no retry mends: only a person can say that it was settled elsewhere. */
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
    ['stuck on its way back, void declined', 'rejected (payment_declined)', 0],
    ['stuck on its way back, refund declined', 'refunded', 1_000],
  ])(
    'is at rest once it is resolved, and the audit goes on naming its money (%s)',
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

  it.each(['stuck on its way back, void declined', 'stuck on its way back, refund declined'])(
    'stays stuck however often it is retried (%s)',
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
