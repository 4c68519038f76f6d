import { LossyProxy } from '../test/support/lossy-proxy';
import { TcpProxy } from '../test/support/tcp-proxy';
import { type Arena, faults } from './kit/chaos-faults';
import type { Drill } from './kit/drill';
import { everyKeyIsNew } from './kit/mutants';
import type { Environment } from './kit/environment';
import { goodsAndMoneyUntil, untilTasksEnd } from './kit/goods-and-money';
import { settleTroubles, troublesUntil } from './kit/payment-troubles';
import { tour } from './kit/tour';

const minutesDefault = 1;

export const drill: Drill = {
  name: 'chaos',
  promise: 'Under load and random failures in any order, nothing is sold twice, charged twice or lost.',
  rows: [32, 35, 37, 38, 41, 42, 43, 44, 50, 71, 73, 80],
  needs: 'redis',
  sometimes: [
    'faults',
    'orders',
    'crashes of PostgreSQL',
    'saved errors',
    'payment facts',
    'orders after which goods and money move',
  ],
  limitSeconds: 600,
  mutants: [everyKeyIsNew],

  run: async (environment) => {
    const timeline: string[] = [];
    try {
      const arena = await build(environment);
      const endsAt = Date.now() + 60_000 * (environment.options.minutes ?? minutesDefault);
      const load = Promise.all([
        tourUntil(arena, endsAt),
        tourUntil(arena, endsAt),
        hangUpUntil(arena, endsAt),
        troublesUntil(arena, endsAt),
        ...Array.from({ length: 3 }, () => goodsAndMoneyUntil(arena, endsAt)),
      ]);
      load.catch(() => undefined);
      await blows(arena, endsAt, timeline);
      await load;
      await arena.shop.revive(...arena.shop.service.names);
      await untilTasksEnd(arena.shop);
      await settleTroubles(arena.shop);
      await count(arena);
      await arena.shop.audit();
    } catch (error) {
      if (error instanceof Error) error.message += `\n\n${timeline.join('\n')}`;
      throw error;
    }
  },
};

async function build(environment: Environment): Promise<Arena> {
  const [postgres, redis] = await Promise.all([environment.postgres(), environment.redis()]);
  await redis.child.start();
  const [toDatabase, toRedis] = await Promise.all([
    LossyProxy.before(postgres.url),
    TcpProxy.before(redis.url),
  ]);
  environment.onClose(() => Promise.all([toDatabase.close(), toRedis.close()]));
  const shop = await environment.open({
    queue: 'redis',
    apis: 2,
    workers: 3,
    databaseUrl: toDatabase.url,
    redisUrl: toRedis.url,
    servers: [postgres.child, redis.child],
    env: { PAYMENT_SEARCH_DELAY_MS: '2000', PAYMENT_ACTION_SECONDS: '3' },
  });
  return { environment, shop, toDatabase, toRedis };
}

/** What the provider did that was not asked for. */
async function count({ environment, shop }: Arena): Promise<void> {
  const [counts] = await shop.query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM saga_transitions WHERE code = 'saved_error') AS "saved errors",
            (SELECT count(*)::int FROM payment_operations WHERE number > 1) AS "operations under a new key",
            (SELECT count(*)::int FROM payment_facts) AS "payment facts"`,
  );
  for (const [what, times] of Object.entries(counts!)) environment.count(what, times);
}

async function tourUntil({ shop }: Arena, endsAt: number): Promise<void> {
  while (Date.now() < endsAt) await tour(shop);
}

/** Buyers who disconnect during their request and later ask for its result. */
async function hangUpUntil({ environment, shop }: Arena, endsAt: number): Promise<void> {
  const sku = await shop.product(10_000);
  while (Date.now() < endsAt) {
    const purchase = shop.log.begin({ sku, quantity: 1, paymentMethod: 'pm_card_visa' });
    const { key, customerId } = purchase;
    const hasty = shop.caller(environment.random.integer(0, 1)).patientFor(environment.random.integer(1, 40));
    await shop
      .order({ customerId, lines: [{ sku, quantity: 1 }] }, { by: hasty, key })
      .catch(() => undefined);
    await environment.pause(0, 300);
    await shop.ask(purchase);
    environment.count('orders', 1);
  }
}

/** A random fault every few seconds, one or two at once: each kind once, then at random. */
async function blows(arena: Arena, endsAt: number, timeline: string[]): Promise<void> {
  const { environment } = arena;
  const beganAt = Date.now();
  const note = (what: string) =>
    timeline.push(`${((Date.now() - beganAt) / 1_000).toFixed(1).padStart(6)} s  ${what}`);
  const healing = new Set<Promise<unknown>>();
  const unplayed = environment.random.shuffled([...new Set(faults)]);
  while (Date.now() < endsAt) {
    await environment.pause(300, 2_500);
    if (healing.size > 1) await Promise.race(healing);
    const fault = unplayed.pop() ?? environment.random.pick(faults);
    environment.count('faults', 1);
    note(`${fault.name} begins`);
    const healed = fault(arena).then(note, (error: Error) => note(`${fault.name} failed: ${error.message}`));
    healing.add(healed);
    void healed.finally(() => healing.delete(healed));
  }
  await Promise.all(healing);
  note('all faults are repaired');
}
