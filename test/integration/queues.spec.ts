import { createServer } from 'node:net';
import { Worker } from 'bullmq';
import { patientBackend } from '../../src/queue/patient-backend';
import { register } from 'prom-client';
import { type Config, loadConfig } from '../../src/config/config';
import { Queues } from '../../src/queue/queues';
import { createWorld, expectInvariants, until, type World } from '../support/fixtures';
import { freePort } from '../support/ports';
import { QueueDetour } from '../support/queue-detour';
import { createTestRedis, describeOnEachQueueBackend } from '../support/redis';
import { TcpProxy } from '../support/tcp-proxy';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

describe('a consumer on PostgreSQL', () => {
  it('pauses after each failed fetch', async () => {
    const connection = { connectionString: world.config.databaseUrl.split('?')[0]!, max: 2 };
    await world.rows(`ALTER FUNCTION bullmq.move_to_active RENAME TO gone`);
    const worker = new Worker('events', async () => undefined, { connection }, patientBackend as never);
    let failures = 0;
    worker.on('error', () => (failures += 1));
    const began = performance.now();
    await until(async () => failures >= 4);
    // Half a second before each of them but the first; longer on a slow machine.
    expect(performance.now() - began).toBeGreaterThan(1_400);
    await worker.close(true);
    await world.rows(`ALTER FUNCTION bullmq.gone RENAME TO move_to_active`);
  });

  it('takes jobs again after its connections were cut and refused for seconds', async () => {
    const detour = await QueueDetour.before(world.config.databaseUrl);
    const queues = new Queues({ ...world.config, databaseUrl: detour.url, redis: undefined });
    const done: string[] = [];
    queues.work('events', 1, async ({ name }) => void done.push(name));
    await queues.openConsumers();
    const add = (id: string) =>
      queues.add([{ queue: 'events', id, name: id, data: { messageId: null, aggregateId: null } }]);
    await add('first');
    await until(async () => done.length === 1);

    for (const treatment of ['say 57P03', 'never answer'] as const) {
      detour.treatment = treatment;
      detour.cut();
      // The event loop keeps turning: each of these waits for a timer.
      let turns = 0;
      const turning = setInterval(() => (turns += 1), 10);
      await expect(add(`lost to ${treatment}`)).rejects.toThrow();
      await until(async () => turns > 100);
      clearInterval(turning);
      detour.treatment = 'pass';
      const id = `after ${treatment}`;
      await until(() =>
        add(id).then(
          () => true,
          () => false,
        ),
      );
      await until(async () => done.includes(id));
    }
    await queues.close();
    await detour.close();
  });
});

const job = (id: string) =>
  ({ queue: 'events', id, name: id, data: { messageId: null, aggregateId: null } }) as const;

describeOnEachQueueBackend('a consumer', (backend) => {
  let stop: () => Promise<void> = async () => undefined;
  let proxy: TcpProxy;
  let queues: Queues;
  beforeEach(async () => {
    let config = { ...world.config, redis: undefined } as Config;
    if (backend === 'redis') {
      const server = await createTestRedis();
      stop = server.stop;
      proxy = await TcpProxy.before(server.url);
      config = {
        ...config,
        redis: loadConfig({ DATABASE_URL: config.databaseUrl, REDIS_URL: proxy.url }).redis,
      };
    } else {
      proxy = await TcpProxy.before(world.config.databaseUrl);
      config = { ...config, databaseUrl: proxy.url };
    }
    queues = new Queues(config);
  });
  afterEach(async () => {
    await queues.close();
    await proxy.close();
    await stop();
  });

  const rebuilt = async () => {
    const { values } = await register.getSingleMetric('holdfast_queue_worker_rebuilt_total')!.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  };

  it('is built again when its connections are silent while jobs wait, and takes them', async () => {
    const done: string[] = [];
    queues.work('events', 1, async ({ name }) => void done.push(name));
    await queues.openConsumers();
    // On PostgreSQL a consumer waits for a notification until the next delayed job is due.
    await queues.add([{ ...job('in-an-hour'), delayMs: 3_600_000 }]);
    await queues.add([job('heard')]);
    await until(async () => done.length === 1);
    const worker = () => queues['consumers'][0]!.worker as unknown as { waiting: unknown; closing: unknown };
    await until(async () => worker().waiting !== null);
    const silent = worker();
    const before = await rebuilt();

    proxy.freeze();
    await until(() =>
      queues.add([job('unheard')]).then(
        () => true,
        () => false,
      ),
    );
    const lines: string[] = [];
    await until(async () => {
      // Once: looks as close as these could close the new one just as it takes the job.
      if (lines.length === 0) await queues.rebuildIdleConsumers((line) => lines.push(line));
      return done.includes('unheard');
    });
    expect(worker()).not.toBe(silent);
    expect(silent.closing).toBeDefined();
    expect(await rebuilt()).toBeGreaterThan(before);
    expect(lines[0]).toMatch(/consumer of events takes none of \d+ waiting jobs/);
    await until(async () => (await queues.trouble()) === undefined);
  });

  it('is left alone while it works, and while no job waits', async () => {
    const started: string[] = [];
    let goOn: () => void = () => undefined;
    const busy = new Promise<void>((resolve) => (goOn = resolve));
    queues.work('events', 1, async ({ name }) => {
      started.push(name);
      await busy;
    });
    await queues.openConsumers();
    const { worker } = queues['consumers'][0]!;
    const look = async () => {
      for (let nth = 0; nth < 5; nth++) await queues.rebuildIdleConsumers(() => undefined);
    };
    await look();
    await queues.add([job('long'), job('waits')]);
    await until(async () => started.length === 1);
    await look();
    goOn();
    await until(async () => started.length === 2);
    expect(queues['consumers'][0]!.worker).toBe(worker);
  });
});

describe('a producer on PostgreSQL', () => {
  it('says what to do when its tables are missing, and sends once they exist', async () => {
    const queues = new Queues({ ...world.config, redis: undefined });
    const add = () =>
      queues.add([
        { queue: 'events', id: 'kept', name: 'kept', data: { messageId: null, aggregateId: null } },
      ]);
    await world.rows(`ALTER SCHEMA bullmq RENAME TO bullmq_away`);
    await expect(add()).rejects.toThrow(/npm run db:migrate/);
    expect(await queues.trouble()).toMatch(/npm run db:migrate/);
    await world.rows(`ALTER SCHEMA bullmq_away RENAME TO bullmq`);
    await until(() =>
      add().then(
        () => true,
        () => false,
      ),
    );
    expect(await queues.trouble()).toBe(undefined);
    await queues.close();
  });

  it('sends as soon as its first connection succeeds, after any number of failed tries', async () => {
    const detour = await QueueDetour.before(world.config.databaseUrl);
    detour.treatment = 'delay';
    detour.delayMs = 2_500;
    const queues = new Queues({ ...world.config, databaseUrl: detour.url, redis: undefined });
    const add = () =>
      queues.add([
        { queue: 'events', id: 'slow', name: 'slow', data: { messageId: null, aggregateId: null } },
      ]);
    await expect(add()).rejects.toThrow(/did not answer/);
    await until(() =>
      add().then(
        () => true,
        () => false,
      ),
    );
    await queues.close();
    await detour.close();
  });
});

describe('a producer on Redis', () => {
  it('leaves no connection open when Redis did not answer', async () => {
    let sockets = 0;
    const hung = createServer((socket) => {
      sockets += 1;
      socket.on('error', () => undefined).on('close', () => (sockets -= 1));
      socket.resume();
    });
    const port = await freePort();
    await new Promise<void>((resolve) => hung.listen(port, '127.0.0.1', resolve));
    const queues = new Queues({
      ...world.config,
      redis: loadConfig({ DATABASE_URL: world.config.databaseUrl, REDIS_URL: `redis://127.0.0.1:${port}` })
        .redis,
    });
    const job = {
      queue: 'events',
      id: 'lost',
      name: 'lost',
      data: { messageId: null, aggregateId: null },
    } as const;

    for (let nth = 0; nth < 3; nth++) await expect(queues.add([job])).rejects.toThrow();
    expect([...queues['redisClients']].map(({ status }) => status)).toEqual([]);
    await until(async () => sockets === 0);

    await queues.close();
    hung.close();
  });
});
