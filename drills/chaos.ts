import { LossyProxy } from '../test/support/lossy-proxy';
import { TcpProxy } from '../test/support/tcp-proxy';
import { type Arena, faults } from './kit/chaos-faults';
import type { Drill } from './kit/drill';
import { everyKeyIsNew } from './kit/mutants';
import type { Stage } from './kit/stage';
import { tour } from './kit/tour';

const minutesDefault = 1;

export const drill: Drill = {
  name: 'chaos',
  promise: 'Whatever breaks, in whatever order, under load: nothing is sold twice, charged twice, or lost.',
  rows: [32, 35, 37, 38, 41, 42, 43, 44, 50, 71],
  needs: 'redis',
  sometimes: ['faults', 'orders', 'crashes of PostgreSQL'],
  limitSeconds: 600,
  mutants: [everyKeyIsNew],

  run: async (stage) => {
    const timeline: string[] = [];
    try {
      const arena = await build(stage);
      const endsAt = Date.now() + 60_000 * (stage.options.minutes ?? minutesDefault);
      const load = Promise.all([
        tourUntil(arena, endsAt),
        tourUntil(arena, endsAt),
        hangUpUntil(arena, endsAt),
      ]);
      load.catch(() => undefined);
      await blows(arena, endsAt, timeline);
      await load;
      await arena.shop.revive(...arena.shop.service.names);
      await arena.shop.audit();
    } catch (error) {
      if (error instanceof Error) error.message += `\n\n${timeline.join('\n')}`;
      throw error;
    }
  },
};

async function build(stage: Stage): Promise<Arena> {
  const [postgres, redis] = await Promise.all([stage.postgres(), stage.redis()]);
  await redis.child.start();
  const [toDatabase, toRedis] = await Promise.all([
    LossyProxy.before(postgres.url),
    TcpProxy.before(redis.url),
  ]);
  stage.onClose(() => Promise.all([toDatabase.close(), toRedis.close()]));
  const shop = await stage.open({
    queue: 'redis',
    apis: 2,
    workers: 3,
    databaseUrl: toDatabase.url,
    redisUrl: toRedis.url,
    servers: [postgres.child, redis.child],
  });
  return { stage, shop, toDatabase, toRedis };
}

async function tourUntil({ shop }: Arena, endsAt: number): Promise<void> {
  while (Date.now() < endsAt) await tour(shop);
}

/** Buyers who hang up in the middle of their request, and come back later to see what became of it. */
async function hangUpUntil({ stage, shop }: Arena, endsAt: number): Promise<void> {
  const sku = await shop.product(10_000);
  while (Date.now() < endsAt) {
    const purchase = shop.log.begin({ sku, quantity: 1, paymentMethod: 'pm_card_visa' });
    const { key, customerId } = purchase;
    const hasty = shop.caller(stage.random.integer(0, 1)).patientFor(stage.random.integer(1, 40));
    await shop
      .order({ customerId, lines: [{ sku, quantity: 1 }] }, { by: hasty, key })
      .catch(() => undefined);
    await stage.pause(0, 300);
    await shop.ask(purchase);
    stage.count('orders', 1);
  }
}

/** A fault every few seconds, from the seed, one after the other or two at once: each kind once, and then by chance. */
async function blows(arena: Arena, endsAt: number, timeline: string[]): Promise<void> {
  const { stage } = arena;
  const beganAt = Date.now();
  const tell = (what: string) =>
    timeline.push(`${((Date.now() - beganAt) / 1_000).toFixed(1).padStart(6)} s  ${what}`);
  const healing = new Set<Promise<unknown>>();
  const unplayed = stage.random.shuffled([...new Set(faults)]);
  while (Date.now() < endsAt) {
    await stage.pause(300, 2_500);
    if (healing.size > 1) await Promise.race(healing);
    const fault = unplayed.pop() ?? stage.random.pick(faults);
    stage.count('faults', 1);
    tell(`${fault.name} begins`);
    const healed = fault(arena).then(tell, (error: Error) =>
      tell(`${fault.name} could not be played: ${error.message}`),
    );
    healing.add(healed);
    void healed.finally(() => healing.delete(healed));
  }
  await Promise.all(healing);
  tell('all is mended');
}
