import { rmSync } from 'node:fs';
import { Guardian } from './guardian';
import { type QueueBackend, redisServer } from './redis-server';
import { redisIsAvailable } from './services';

/** Declares a suite once for each queue backend. Without a Redis its half is skipped and counted in the totals. */
export function describeOnEachQueueBackend(what: string, suite: (queue: QueueBackend) => void): void {
  describe(`${what}, with its queues in PostgreSQL`, () => suite('postgres'));
  describeWithRedis(`${what}, with its queues on Redis`, () => suite('redis'));
}

export const describeWithRedis: jest.Describe = redisIsAvailable() ? describe : describe.skip;

/** A Redis for an integration test that needs nothing else. */
export async function createTestRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const guardian = new Guardian();
  const { child, url, dir } = await redisServer(guardian);
  await child.start();
  return {
    url,
    stop: async () => {
      await child.stop();
      guardian.dismiss();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
