import type { INestApplicationContext } from '@nestjs/common';
import { Audit } from '../../src/audit/audit';
import { NightlyReconciliation } from '../../src/reconciliation/nightly-reconciliation';
import { Background } from '../../src/background/background.module';
import { standstillMs } from '../../src/background/standstill';
import { ReservationsService } from '../../src/inventory/reservations/reservations.service';
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

describe('a worker whose expiry hangs', () => {
  it('says so once a reservation has been due for a minute, and no more when it goes on', async () => {
    const reservations = worker.get(ReservationsService);
    const background = worker.get(Background);
    const clock = jest.spyOn(performance, 'now');
    const troublesInAMinute = () => {
      clock.mockReturnValueOnce(performance.now() + standstillMs + 1_000);
      return background.troubles().filter((line) => line.startsWith('expire'));
    };
    let goOn: () => void = () => undefined;
    const hanging = jest.spyOn(reservations, 'expireDue').mockImplementation(async () => {
      await new Promise<void>((resolve) => (goOn = resolve));
      return 0;
    });
    const id = await world.reserve([{ sku: await world.product(), quantity: 1 }]);
    expect(background.troubles()).toEqual([]);
    await world.rows(`UPDATE reservations SET expires_at = clock_timestamp() WHERE id = $1`, [id]);
    await until(async () => troublesInAMinute().length > 0);
    expect(troublesInAMinute()).toEqual([expect.stringMatching(/^expire: due for 6\d s/)]);

    hanging.mockRestore();
    clock.mockRestore();
    goOn();
    await until(async () => (await world.reservation(id)).status === 'expired');
    await until(async () => background.troubles().length === 0);
  });
});
