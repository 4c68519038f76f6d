import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Child } from './child';
import type { Guardian } from './guardian';
import { freePort } from './ports';
import { testServices } from './services';

export type QueueBackend = 'postgres' | 'redis';

export interface RedisServer {
  child: Child;
  url: string;
  dir: string;
}

/** A separate Redis server, empty and not yet running, to be stopped, frozen or flushed. */
export async function redisServer(
  guardian: Guardian,
  more: Record<string, string> = {},
): Promise<RedisServer> {
  const { redis } = testServices();
  if (redis === null) throw new Error('There is no Redis on this machine');
  const port = await freePort();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-redis-'));
  guardian.removeDir(dir);
  const settings: Record<string, string> = {
    bind: '127.0.0.1',
    port: String(port),
    dir,
    save: '',
    appendonly: 'no',
    // BullMQ loses jobs when Redis may evict them.
    'maxmemory-policy': 'noeviction',
    ...(more['cluster-enabled'] && {
      'cluster-port': String(await freePort()),
      // Before it has met another node it does not know its address.
      'cluster-announce-ip': '127.0.0.1',
    }),
    ...more,
  };
  const child = new Child(
    {
      name: 'redis',
      command: redis.binary,
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')]),
      env: redis.ldLibraryPath
        ? { ...process.env, LD_LIBRARY_PATH: redis.ldLibraryPath }
        : { ...process.env },
      readyWhen: /Ready to accept connections/i,
    },
    guardian,
  );
  return { child, url: `redis://127.0.0.1:${port}`, dir };
}
