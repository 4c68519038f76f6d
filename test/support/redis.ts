import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Child } from './child';
import { Guardian } from './guardian';
import { freePort } from './ports';
import { redisIsAvailable, testServices } from './services';

export type QueueBackend = 'postgres' | 'redis';

/**
 * Declares a suite once for each backend that BullMQ runs on. Without a Redis its half is skipped, which the totals
 * of the run show.
 */
export function describeOnEachQueueBackend(what: string, suite: (queue: QueueBackend) => void): void {
  describe(`${what}, with its queues in PostgreSQL`, () => suite('postgres'));
  describeWithRedis(`${what}, with its queues on Redis`, () => suite('redis'));
}

export const describeWithRedis: jest.Describe = redisIsAvailable() ? describe : describe.skip;

/** A Redis server of one's own, empty, to be stopped, frozen or flushed without disturbing anybody. */
export async function startRedis(guardian: Guardian): Promise<{ child: Child; url: string; dir: string }> {
  const { redis } = testServices();
  if (redis === null)
    throw new Error('There is no Redis on this machine; declare the suite with describeWithRedis');
  const port = await freePort();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-redis-'));
  guardian.removeDir(dir);
  const args = [
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--dir',
    dir,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const child = new Child(
    {
      name: 'redis',
      command: redis.binary,
      // BullMQ loses jobs when Redis may evict them.
      args: [...args, '--maxmemory-policy', 'noeviction'],
      env: redis.ldLibraryPath
        ? { ...process.env, LD_LIBRARY_PATH: redis.ldLibraryPath }
        : { ...process.env },
      readyWhen: /Ready to accept connections/i,
    },
    guardian,
  );
  await child.start();
  return { child, url: `redis://127.0.0.1:${port}`, dir };
}

/** The same for an integration test that needs nothing but Redis. */
export async function createTestRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const guardian = new Guardian();
  const { child, url, dir } = await startRedis(guardian);
  return {
    url,
    stop: async () => {
      await child.stop();
      guardian.dismiss();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
