import fc from 'fast-check';
import { Audit } from '../../src/audit/audit';
import { newId, publicId } from '../../src/ids';
import { outcomeOf, createWorld, operator, type World } from '../support/fixtures';
import type { ModelOrder } from '../support/model-order';
import type { Word } from '../support/model-provider';
import { RealShop } from '../support/model-real';
import { type Demand, ModelShop } from '../support/model-shop';
import { seeded } from '../support/seeded';

/** Random histories of a small shop on real tables. A model of counters and maps must agree after every action. */

const lives = 200;
const actsMax = 60;

let world: World;
beforeAll(async () => (world = await createWorld()));
afterAll(() => world.close());

/** How often each action had which result, for the summary at the end. */
const seen = new Map<string, number>();
const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);

interface Act<A> {
  args: fc.Arbitrary<A>;
  when?: (model: Readonly<ModelShop>) => boolean;
  /** Does the same to both; the two results must be equal. */
  act: (model: ModelShop, real: RealShop, args: A) => Promise<[expected: unknown, answer: unknown]>;
}

/** Each action as often as its weight, so that histories contain more of what matters. */
const command = <A>(weight: number, name: string, { args, when, act }: Act<A>) =>
  Array<fc.Arbitrary<fc.AsyncCommand<ModelShop, RealShop>>>(weight).fill(
    args.map((given): fc.AsyncCommand<ModelShop, RealShop> => ({
      check: (model) => when?.(model) ?? true,
      run: async (model, real) => {
        const [expected, answer] = await act(model, real, given);
        expect(answer).toEqual(expected);
        count(`${name}: ${String(answer)}`);
        await real.compare(model);
      },
      toString: () => `${name} ${JSON.stringify(given)}`,
    })),
  );

const nth = fc.nat(99);
const pick = <T>(list: readonly T[], place: number): T => list[place % list.length]!;
/** One of the last two, mostly one that has not ended: long histories of few orders find most bugs. */
function orderOf({ orders }: ModelShop, place: number): ModelOrder {
  const unfinished = orders.filter((order) => !order.isAtRest());
  return pick((unfinished.length > 0 && place % 4 > 0 ? unfinished : orders).slice(-2), place);
}
const skuOf = (model: ModelShop, place: number) => pick([...model.onHand.keys()], place);
const customer = fc.constantFrom('cus_1', 'cus_2');
const line = fc.record({ sku: fc.nat(2), quantity: fc.integer({ min: 1, max: 3 }) });
const lines = fc.array(line, { minLength: 1, maxLength: 3 });
const word = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Word>('approve') },
  { weight: 8, arbitrary: fc.constantFrom<Word>('lose-call', 'lose-answer', 'sleep-before', 'sleep-after') },
  { weight: 4, arbitrary: fc.constantFrom<Word>('decline', 'hold-back', 'other-sum') },
);
const hasReservations = (model: Readonly<ModelShop>) => model.reservations.length > 0;
const hasOrders = (model: Readonly<ModelShop>) => model.orders.length > 0;
const hasMade = (model: Readonly<ModelShop>) => model.requests.some(({ made }) => made);

const commands = [
  ...command(3, 'ask', {
    args: fc.record({ customer, lines, for: fc.constantFrom('reservation', 'order') }),
    act: async (model, real, args) => {
      const demands: Demand[] = args.lines.map(({ sku, quantity }) => ({ sku: skuOf(model, sku), quantity }));
      const request = { key: newId(), for: args.for, customer: args.customer, lines: demands };
      model.requests.push(request);
      return [model.ask(request), await real.ask(request)];
    },
  }),
  ...command(2, 'order a reservation', {
    args: fc.record({ nth, own: fc.integer({ min: 0, max: 9 }) }),
    when: hasReservations,
    act: async (model, real, args) => {
      const on = pick(model.reservations, args.nth);
      const buyer = args.own > 0 ? on.customer : 'cus_3';
      const request = { key: newId(), for: 'order' as const, customer: buyer, lines: [], on };
      model.requests.push(request);
      return [model.ask(request), await real.ask(request)];
    },
  }),
  ...command(1, 'repeat a request with the same key', {
    args: nth,
    when: (model) => model.requests.length > 0,
    act: async (model, real, place) => {
      const request = pick(model.requests, place);
      return [model.ask(request), await real.ask(request)];
    },
  }),
  ...command(1, 'send another request with the same key', {
    args: nth,
    when: hasMade,
    act: async (model, real, place) => {
      const request = pick(
        model.requests.filter(({ made }) => made),
        place,
      );
      return ['idempotency_key_reused', await real.ask(request, 'another body')];
    },
  }),
  ...command(2, 'change a reservation', {
    args: fc.record({ nth, by: fc.constantFrom('extend', 'confirm', 'release', 'force-release') }),
    when: hasReservations,
    act: async (model, real, args) => {
      const reservation = pick(model.reservations, args.nth);
      const expected = model.change(reservation, args.by === 'force-release' ? 'release' : args.by);
      return [expected, await real.change(reservation, args.by)];
    },
  }),
  ...command(3, 'change the lines of a reservation', {
    args: fc.record({ nth, lines }),
    when: hasReservations,
    act: async (model, real, args) => {
      const open = model.reservations.filter(({ state, hasOrder }) => state === 'active' && !hasOrder);
      const reservation = pick(open.length > 0 && args.nth % 4 > 0 ? open : model.reservations, args.nth);
      const demands = args.lines.map(({ sku, quantity }) => ({ sku: skuOf(model, sku), quantity }));
      const expected = model.changeLines(reservation, demands);
      const again = expected === 'ok' ? 'replayed' : expected;
      return [`${expected},${again}`, (await real.changeLines(reservation, demands)).join()];
    },
  }),
  ...command(2, 'expire a reservation', {
    args: nth,
    when: hasReservations,
    act: async (model, real, place) => {
      const reservation = pick(model.reservations, place);
      if (reservation.state === 'active') reservation.past = true;
      return ['ok', await outcomeOf(real.world.makeDue(real.idOf(reservation)))];
    },
  }),
  ...command(1, 'sweep', {
    args: fc.constant(null),
    act: async (model, real) => {
      model.expire();
      return ['ok', await outcomeOf(real.world.reservations.expireDue())];
    },
  }),
  ...command(1, 'adjust stock', {
    args: fc.record({ sku: fc.nat(2), delta: fc.integer({ min: -3, max: 3 }) }),
    act: async (model, real, { sku: place, delta }) => {
      const sku = skuOf(model, place);
      const adjusted = real.world.products.adjust(sku, { delta, reason: 'count' }, undefined, operator);
      return [model.adjust(sku, delta), await outcomeOf(adjusted)];
    },
  }),
  ...command(7, 'drive', {
    args: fc.record({ nth, waits: fc.boolean(), script: fc.array(word, { maxLength: 4 }) }),
    when: hasOrders,
    act: async (model, real, args) => {
      const order = orderOf(model, args.nth);
      if (args.waits) await passTime(real, order);
      return drive(model, real, order, args.script);
    },
  }),
  ...command(1, 'receive a webhook', {
    args: nth,
    when: hasOrders,
    act: async (model, real, place) => {
      const order = orderOf(model, place);
      order.hearNews();
      return ['ok', await outcomeOf(real.hearNews(order))];
    },
  }),
  ...command(2, 'wake a worker', {
    args: nth,
    when: (model) => model.sleepers.length > 0,
    act: async (model, real, place) => {
      const which = place % model.sleepers.length;
      const [sleeper] = model.sleepers.splice(which, 1);
      const again = sleeper!.order.wake(sleeper!);
      if (again) model.sleepers.push(again);
      return [again !== undefined, await real.wake(which)];
    },
  }),
  ...command(2, 'cancel or refund', {
    args: fc.record({ nth, by: fc.constantFrom('cancel', 'refund') }),
    when: hasOrders,
    act: async (model, real, { nth: place, by }) => {
      const order = orderOf(model, place);
      return [order.requestCancellation(by), await real.requestCancellation(order, by, newId())];
    },
  }),
  ...command(4, 'perform a saga action', {
    args: fc.record({ nth, what: fc.constantFrom('retry', 'compensate', 'resolve', 'resolve') }),
    when: hasOrders,
    act: async (model, real, { nth: place, what }) => {
      const order = orderOf(model, place);
      return [order.perform(what), await real.perform(order, what)];
    },
  }),
];

async function passTime(real: RealShop, order: ModelOrder): Promise<void> {
  order.passTime();
  await real.passTime(order);
}

async function drive(
  model: ModelShop,
  real: RealShop,
  order: ModelOrder,
  script: Word[],
): Promise<[boolean, boolean]> {
  const sleeper = order.drive(script);
  if (sleeper) model.sleepers.push(sleeper);
  return [sleeper !== undefined, await real.drive(order, script)];
}

/** Time passes, the provider answers, and an operator ends stuck orders; then every order has ended. */
async function untilAtRest(model: ModelShop, real: RealShop): Promise<void> {
  for (let round = 0; model.orders.some((order) => !order.isAtRest()); round++) {
    if (round === 10) throw new Error('Some orders never end.');
    for (const order of model.orders.filter((one) => !one.isAtRest())) {
      await passTime(real, order);
      if (order.run === 'stuck') {
        const what = round < 5 ? 'retry' : 'resolve';
        expect(await real.perform(order, what)).toBe(order.perform(what));
      }
      await drive(model, real, order, []);
      await real.compare(model);
    }
  }
}

/** By the provider's ledger, a placed order was charged, and any other was not, or was refunded. */
function expectMoney(model: ModelShop, real: RealShop): void {
  for (const order of model.orders) {
    const done = real.provider.doneFor(publicId('ord', real.idOf(order)));
    const times = (kind: string) => done.filter((one) => one === kind).length;
    const owes = order.owes;
    expect(times('capture') - times('refund')).toBe(owes === 'captured' ? 1 : 0);
    if (!order.settledByHand) expect(owes).toBe(order.state === 'placed' ? 'captured' : 'nothing');
    count(`in the end: ${order.state}${order.cameBack ? ', after it was given up' : ''}`);
  }
}

/** The audit finds nothing wrong with this history. Leftovers of a failed one do not count. */
async function expectNothingBroken(model: ModelShop, real: RealShop): Promise<void> {
  model.expire();
  await world.reservations.expireDue();
  await real.compare(model);
  const byHand = model.orders.filter(({ settledByHand }) => settledByHand).map((order) => real.idOf(order));
  const own = [
    ...model.onHand.keys(),
    ...[...model.reservations, ...model.orders].map((one) => real.idOf(one)),
  ];
  const { invariants } = await new Audit(world.db).run();
  const broken = invariants.flatMap(({ id, violations }) =>
    violations
      .filter(({ id: what }) => !byHand.includes(what as string))
      .filter((violation) => Object.values(violation).some((value) => own.includes(value as string)))
      .map((violation) => ({ ...violation, invariant: id })),
  );
  expect(broken).toEqual([]);
}

async function openShop(): Promise<{ model: ModelShop; real: RealShop }> {
  const skus = [
    await world.product({ onHand: 4 }),
    await world.product({ onHand: 3, strategy: 'row-lock' }),
    await world.product({ onHand: 6, reservationsPerCustomerMax: 1 }),
  ];
  const onHand = new Map([4, 3, 6].map((units, place) => [skus[place]!, units]));
  return { model: new ModelShop(onHand, new Map([[skus[2]!, 1]])), real: new RealShop(world) };
}

/** A run sees each of these about a dozen times; without any of them it has tested nothing. */
const endsSeenAlways = [
  'placed',
  'cancelled',
  'refunded',
  'rejected (cancelled)',
  'rejected (payment_declined)',
  'rejected (reservation_expired)',
];

describe('a shop', () => {
  it(
    'agrees with the model after every action',
    seeded(async (random) => {
      const life = fc.commands(commands, { maxCommands: actsMax, size: 'max' });
      await fc.assert(
        fc.asyncProperty(life, async (list) => {
          const opened = await openShop();
          await fc.asyncModelRun(async () => opened, list);
          await untilAtRest(opened.model, opened.real);
          expectMoney(opened.model, opened.real);
          await expectNothingBroken(opened.model, opened.real);
        }),
        { seed: random.seed, numRuns: lives },
      );
      for (const end of endsSeenAlways) expect([...seen.keys()]).toContain(`in the end: ${end}`);
      const acts = [...seen.values()].reduce((sum, times) => sum + times, 0);
      const counted = [...seen].sort().map(([what, times]) => `${times} × ${what}`);
      console.log(`HOLDFAST_TEST_SEED=${random.seed}: ${lives} lives, ${acts} acts\n${counted.join('; ')}`);
    }),
  );
});
