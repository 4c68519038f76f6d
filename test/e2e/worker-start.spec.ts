import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../support/child';
import { QueueDetour } from '../support/queue-detour';
import { openShop } from '../support/shop';
import { until } from '../support/until';

/** A worker whose queues on PostgreSQL cannot be used when it starts. */
describe('a worker that starts', () => {
  const shop = openShop({ queue: 'postgres', apis: 1, workers: 0 });
  let detour: QueueDetour;
  beforeAll(async () => (detour = await QueueDetour.before(shop.service.databaseUrl)));
  afterAll(() => detour?.close());

  const migrate = () =>
    promisify(execFile)(process.execPath, [path.join(root, 'dist/database/migrate.js')], {
      env: { ...process.env, DATABASE_URL: shop.service.databaseUrl },
    });

  /** A role with all rights except on BullMQ's tables. */
  async function poorRole(granted: string[] = []): Promise<string> {
    const role = `poor_${Math.random().toString(36).slice(2, 10)}`;
    await shop.query(`CREATE ROLE ${role} LOGIN`);
    const [{ schema }] = (await shop.query<{ schema: string }>('SELECT current_schema() AS schema')) as [
      { schema: string },
    ];
    await shop.query(`GRANT ALL ON SCHEMA "${schema}" TO ${role}`);
    await shop.query(`GRANT ALL ON ALL TABLES IN SCHEMA "${schema}" TO ${role}`);
    for (const grant of granted) await shop.query(`${grant} TO ${role}`);
    const url = new URL(shop.service.databaseUrl);
    url.username = role;
    return url.href;
  }

  /** Runs the GRANTs that the worker's log asks for. */
  async function grantWhatItAsks(output: string): Promise<void> {
    const [, asked] = /(GRANT [^"\n]*;)/.exec(output) ?? [];
    for (const grant of asked!.split(';').filter((one) => one.trim())) await shop.query(grant);
  }

  const causes = [
    {
      cause: 'on a database without the tables of its queues',
      arrange: async () => {
        await shop.query('DROP SCHEMA bullmq CASCADE');
        return shop.service.databaseUrl;
      },
      says: /npm run db:migrate/,
      mend: async () => void (await migrate()),
    },
    {
      cause: 'as a role without rights on the schema bullmq',
      arrange: () => poorRole(),
      says: /GRANT USAGE, CREATE ON SCHEMA bullmq/,
      mend: grantWhatItAsks,
    },
    {
      cause: 'as a role that may read the version of the queue schema and nothing else',
      arrange: () => poorRole(['GRANT USAGE ON SCHEMA bullmq', 'GRANT SELECT ON bullmq.migration']),
      says: /GRANT SELECT, INSERT, UPDATE, DELETE/,
      mend: grantWhatItAsks,
    },
    {
      cause: 'while its first connection for the queues gets no answer',
      arrange: async () => {
        detour.treatment = 'never answer';
        return detour.url;
      },
      says: /queues.*timeout/i,
      mend: async () => void (detour.treatment = 'pass'),
    },
    {
      cause: 'while PostgreSQL is starting up',
      arrange: async () => {
        detour.treatment = 'say 57P03';
        return detour.url;
      },
      says: /queues.*starting up/,
      mend: async () => void (detour.treatment = 'pass'),
    },
  ];

  const events = (name: string) => shop.service.outputOf(name);
  const started = (name: string) => until(`${name} runs`, async () => shop.service.pidOf(name) !== undefined);
  let workers = 0;

  /** Starts a worker without waiting for it to be ready. */
  async function start(url: string): Promise<string> {
    const name = `worker-${(workers += 1)}`;
    const env = { DATABASE_URL: url, SWEEP_MS: '100', SHUTDOWN_GRACE_MS: '2000' };
    shop.service.launch('worker', { env }).catch(() => undefined);
    await started(name);
    return name;
  }

  const jobsDone = async (name: string) => {
    const page = await fetch(shop.service.metricsUrlOf(name)!).then((response) => response.text());
    return [...page.matchAll(/^holdfast_jobs_done_total\{.*\} (\d+)/gm)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
  };

  describe.each(causes)('$cause', ({ arrange, says, mend }) => {
    let name: string;
    let other: string;
    beforeAll(async () => {
      const url = await arrange();
      [name, other] = await Promise.all([start(url), start(url)]);
    });
    afterAll(() => Promise.all([name, other].map((one) => shop.service.kill(one))));

    it('says what to do, sweeps, and ends when it is asked to', async () => {
      await until('both say what is wrong', async () => [name, other].every((one) => says.test(events(one))));
      const sku = await shop.product(5);
      await shop.reserved(sku, 5, { ttlSeconds: 1 });
      await until('an expired reservation is back on sale', async () => (await shop.available(sku)) === 5);
      await shop.service.kill(other, 'SIGTERM');

      expect(events(other)).toMatch(/ended: exit 0/);
      expect(events(other)).not.toMatch(/worker ready/);
      expect(events(name)).not.toMatch(/worker ready/);
    });

    it('is ready, and takes jobs, once its queues can be used', async () => {
      await mend(events(name));
      await until('it is ready', async () => /worker ready/.test(events(name)));
      await shop.placed(await shop.product(1));
      await until('it takes jobs', async () => (await jobsDone(name)) > 0);
      const ready = await fetch(new URL('/health/ready', shop.service.metricsUrlOf(name)));
      expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok', troubles: [] }]);
    });
  });

  it('is ready when its first connection for the queues takes longer than three seconds', async () => {
    detour.treatment = 'delay';
    detour.delayMs = 4_000;
    const name = await start(detour.url);
    await until('it is ready', async () => /worker ready/.test(events(name)));
    await shop.placed(await shop.product(1));
    await until('it takes jobs', async () => (await jobsDone(name)) > 0);
    await shop.service.kill(name, 'SIGTERM');
  });
});
