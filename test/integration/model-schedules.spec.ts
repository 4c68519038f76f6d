import fc from 'fast-check';
import type { Database } from '../../src/database/database';
import { newId, publicId } from '../../src/ids';
import { Relay } from '../../src/outbox/relay';
import type { PaymentGateway } from '../../src/payment/gateways/gateway';
import type { NewJob, Queues } from '../../src/queue/queues';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { endOf, LedgerGateway, passTime, sagaOf } from '../support/sagas';
import { seeded } from '../support/seeded';

/** Concurrent work of one process, in random order: a scheduler chooses which pending response arrives next. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

/** The provider executes at once; its response arrives when the scheduler chooses it. */
const answeringLate = (scheduler: fc.Scheduler, ledger: LedgerGateway): PaymentGateway => ({
  authorize: scheduler.scheduleFunction(ledger.authorize),
  charge: scheduler.scheduleFunction(ledger.charge),
  capture: scheduler.scheduleFunction(ledger.capture),
  void: scheduler.scheduleFunction(ledger.void),
  refund: scheduler.scheduleFunction(ledger.refund),
  look: ledger.look,
});

interface Plan {
  isCancelled: boolean;
  isTakenOver: boolean;
}
const plan: fc.Arbitrary<Plan> = fc.record({ isCancelled: fc.boolean(), isTakenOver: fc.boolean() });

/** One order, driven by two workers at once, cancelled and with expired leases at random moments. */
async function live(
  { isCancelled, isTakenOver }: Plan,
  scheduler: fc.Scheduler,
  gateway: PaymentGateway,
): Promise<{ orderId: string; isCancelled: boolean }> {
  const orderId = await world.order();
  const cancel = async () => {
    await scheduler.schedule(Promise.resolve(), 'the customer cancels');
    await world.orders.requestCancellation(orderId, 'cancel', orderId, shop);
  };
  const takeOver = async () => {
    await scheduler.schedule(Promise.resolve(), 'its lease ends');
    await passTime(world, orderId);
    await world.runner({ gateway }).drive(orderId);
  };
  const workers = [world.runner({ gateway }), world.runner({ gateway })];
  await Promise.all([
    ...workers.map((worker) => worker.drive(orderId)),
    isCancelled && cancel(),
    isTakenOver && takeOver(),
  ]);
  return { orderId, isCancelled };
}

/** Drives the order to its end; returns that end and the provider's operations for it. */
async function endAtRest(orderId: string, ledger: LedgerGateway): Promise<string> {
  for (let round = 0; (await sagaOf(world, orderId)).nextRun !== 'never' && round < 5; round++) {
    await passTime(world, orderId);
    await world.runner({ gateway: ledger }).drive(orderId);
  }
  const { order, reserved } = await endOf(world, orderId);
  const done = ledger.done.filter((act) => act.orderId === publicId('ord', orderId));
  return `${order} after ${done.map(({ kind }) => kind).join(', ') || 'nothing'}, ${reserved} sold`;
}

const kept = ['placed after authorize, capture, 1 sold'];
const givenBack = [
  'rejected (cancelled) after nothing, 0 sold',
  'rejected (cancelled) after authorize, void, 0 sold',
  'cancelled after authorize, capture, refund, 0 sold',
];

describe('two workers whose responses arrive in any order', () => {
  it(
    'charge each order once and refund each cancelled one',
    seeded(async (random) => {
      const schedules = 60;
      const ends = new Map<string, number>();
      const plans = fc.array(plan, { minLength: 2, maxLength: 4 });
      const property = fc.asyncProperty(fc.scheduler(), plans, async (scheduler, list) => {
        const ledger = new LedgerGateway();
        const gateway = answeringLate(scheduler, ledger);
        const lives = list.map((one) => live(one, scheduler, gateway));
        for (const { orderId, isCancelled } of await scheduler.waitFor(Promise.all(lives))) {
          const end = await endAtRest(orderId, ledger);
          expect(isCancelled ? givenBack : kept).toContain(end);
          ends.set(end, (ends.get(end) ?? 0) + 1);
        }
      });
      await fc.assert(property, { seed: random.seed, numRuns: schedules });
      console.log(`HOLDFAST_TEST_SEED=${random.seed}: ${schedules} schedules, ${JSON.stringify([...ends])}`);
    }),
  );
});

describe('a relay that is woken while it works', () => {
  /** A slow outbox and queue; each committed message is claimed once. */
  function slowPlaces(scheduler: fc.Scheduler) {
    const outbox: { id: string; type: string; aggregateId: string; now: Date }[] = [];
    const sent: NewJob[] = [];
    const claim = scheduler.scheduleFunction(async () => outbox.splice(0));
    const db = { transaction: () => claim(), rows: scheduler.scheduleFunction(async () => []) };
    const add = scheduler.scheduleFunction(async (jobs: NewJob[]) => void sent.push(...jobs));
    return { outbox, sent, relay: new Relay(db as unknown as Database, { add } as unknown as Queues) };
  }

  it(
    'sends every message committed before a wake-up without waiting for its poll',
    seeded(async (random) => {
      const property = fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 8 }),
        async (scheduler, count) => {
          const { outbox, sent, relay } = slowPlaces(scheduler);
          const commits = Array.from({ length: count }, async () => {
            await scheduler.schedule(Promise.resolve(), 'a commit');
            outbox.push({ id: newId(), type: 'order.accepted', aggregateId: newId(), now: new Date() });
            relay.poke();
          });
          await scheduler.waitIdle();
          await Promise.all(commits);
          const messages = sent.flatMap(({ data }) => data.messages ?? [data]);
          expect(messages).toHaveLength(count);
          await relay.stop();
        },
      );
      await fc.assert(property, { seed: random.seed, numRuns: 500 });
    }),
  );
});
