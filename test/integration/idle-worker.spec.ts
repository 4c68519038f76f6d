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

describe('an idle worker that holds the sweep lease', () => {
  it('sends at most three statements a second, over a minute', async () => {
    // Its own first audit, which is due soon after the start, finds this one.
    const onceAMinute = await sentBy(() => worker.get(Audit).auditWhenDue());
    const nightly = await sentBy(() => worker.get(NightlyReconciliation).runWhenDue());
    const startedAt = await nextHeartbeat();
    let endedAt = startedAt;
    const between = await sentBy(async () => (endedAt = await nextHeartbeat()));
    expect(onceAMinute).toBeGreaterThan(20);
    expect(between / ((endedAt - startedAt) / 1_000) + (onceAMinute + nightly) / 60).toBeLessThan(3);
  });
});
