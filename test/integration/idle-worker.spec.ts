import type { INestApplicationContext } from '@nestjs/common';
import { Audit } from '../../src/audit/audit';
import { NightlyReconciliation } from '../../src/reconciliation/nightly-reconciliation';
import { createWorld, expectInvariants, type World, until } from '../support/fixtures';
import { countStatements, openWorker } from '../support/workers';

let world: World;
let statements: ReturnType<typeof countStatements>;
let worker: INestApplicationContext;
beforeAll(async () => {
  world = await createWorld();
  statements = countStatements();
  worker = await openWorker({ DATABASE_URL: world.config.databaseUrl });
});
afterEach(() => expectInvariants(world));
afterAll(async () => {
  statements.stop();
  await worker.close();
  await world.close();
});

/** Without BullMQ's, whose connections have another name, and this test's. */
const ours = () => statements.of('holdfast');

const heartbeatAt = async () =>
  (await world.row<{ at: Date }>(`SELECT max(beat_at) AS at FROM workers`)).at.getTime();

async function nextHeartbeat(): Promise<number> {
  const last = await heartbeatAt();
  await until(async () => (await heartbeatAt()) > last);
  return heartbeatAt();
}

/** What the work sends. */
async function sentBy(work: () => Promise<unknown>): Promise<number> {
  const before = ours().length;
  await work();
  return ours().length - before;
}

const allowed = 3;
const triesMax = 10;

describe('an idle worker that holds the sweep lease', () => {
  it('sends at most three statements a second, over a minute', async () => {
    // Its own first audit, which is due soon after the start, finds this one.
    const onceAMinute = await sentBy(() => worker.get(Audit).auditWhenDue());
    const nightly = await sentBy(() => worker.get(NightlyReconciliation).runWhenDue());
    expect(onceAMinute).toBeGreaterThan(20);
    // On a busy machine a look is late, which wakes every task, so the calmest time between two heartbeats counts.
    let calmest = Infinity;
    for (let from = await nextHeartbeat(), tries = 0; calmest >= allowed && tries < triesMax; tries++) {
      let to = from;
      const between = await sentBy(async () => (to = await nextHeartbeat()));
      calmest = Math.min(calmest, between / ((to - from) / 1_000) + (onceAMinute + nightly) / 60);
      from = to;
    }
    expect(calmest).toBeLessThan(allowed);
  });
});
