import { type Config, loadConfig } from '../../src/config/config';
import { refusePooledQueue } from '../../src/queue/pooled-queue';
import { runCommand } from '../support/command';
import { type TestDatabase, createTestDatabase } from '../support/database';
import { DroppingPooler } from '../support/dropping-pooler';

let database: TestDatabase;
let pooler: DroppingPooler | undefined;
beforeAll(async () => (database = await createTestDatabase()));
afterEach(async () => {
  await pooler?.close();
  pooler = undefined;
});
afterAll(() => database.drop());

const pooledUrl = async (manner: 'drops' | 'refuses') =>
  (pooler = await DroppingPooler.of(database.url, manner)).url;

const refusalOf = (env: NodeJS.ProcessEnv) =>
  refusePooledQueue(loadConfig(env) satisfies Config).then(
    () => 'accepted',
    (error: Error) => error.message,
  );

describe('a pooler before the queues in PostgreSQL', () => {
  it.each(['drops', 'refuses'] as const)(
    'is recognized and refused with the remedy when it %s start-up settings',
    async (manner) => {
      const DATABASE_URL = await pooledUrl(manner);
      expect(await refusalOf({ DATABASE_URL })).toMatch(
        /^DATABASE_URL leads to a pooler.*Set QUEUE_DATABASE_URL/,
      );
      expect(await refusalOf({ DATABASE_URL: database.url, QUEUE_DATABASE_URL: DATABASE_URL })).toMatch(
        /^QUEUE_DATABASE_URL leads to a pooler.*Set it to the address of PostgreSQL itself/,
      );
    },
  );

  it('is accepted when the queues have another connection, or none', async () => {
    const DATABASE_URL = await pooledUrl('drops');
    expect(await refusalOf({ DATABASE_URL, QUEUE_DATABASE_URL: database.url })).toBe('accepted');
    expect(await refusalOf({ DATABASE_URL, REDIS_URL: 'redis://127.0.0.1:6379' })).toBe('accepted');
    expect(await refusalOf({ DATABASE_URL, QUEUES: 'off' })).toBe('accepted');
  });

  it.each(['main', 'worker'])('ends a starting %s with one line', async (script) => {
    const DATABASE_URL = await pooledUrl('drops');
    const { code, stdout, stderr } = await runCommand(`dist/${script}.js`, [], { DATABASE_URL, PORT: '0' });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^DATABASE_URL leads to a pooler/)]);
  });
});

describe('a queue in PostgreSQL that cannot be reached', () => {
  it('is not taken for a pooler, and does not keep a process from starting', async () => {
    const closed = await DroppingPooler.of(database.url, 'drops');
    const QUEUE_DATABASE_URL = closed.url;
    await closed.close();
    expect(await refusalOf({ DATABASE_URL: database.url, QUEUE_DATABASE_URL })).toBe('accepted');
  });
});
