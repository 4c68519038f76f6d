import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import IORedis from 'ioredis';
import { Child } from '../../test/support/child';
import type { Guardian } from '../../test/support/guardian';
import { freePort } from '../../test/support/ports';
import { type RedisServer, redisServer } from '../../test/support/redis-server';
import { testServices } from '../../test/support/services';
import { reach } from './reach';

/** Redis that fails over by itself. */
export interface RedisWithFailover {
  /** As `REDIS_URL`. */
  url: string;
  servers: Child[];
  /** Kills the server that has the jobs of this queue, and resolves when another has taken over. */
  killMasterOf(queue: string): Promise<void>;
}

/** Above the pauses of a busy machine; a failover takes about twice as long. */
const silentMs = '1500';

const portOf = ({ url }: RedisServer) => Number(new URL(url).port);

async function ask<T>({ url }: RedisServer, ...command: [string, ...string[]]): Promise<T> {
  const client = new IORedis(url, { maxRetriesPerRequest: 1 });
  client.on('error', () => undefined);
  try {
    return (await client.call(...command)) as T;
  } finally {
    client.disconnect();
  }
}

/** Three masters, each with a replica. */
export async function startRedisCluster(guardian: Guardian): Promise<RedisWithFailover> {
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': silentMs,
    // One queue's outage stays its own.
    'cluster-require-full-coverage': 'no',
  };
  const nodes = await Promise.all(Array.from({ length: 6 }, () => redisServer(guardian, settings)));
  await Promise.all(nodes.map(({ child }) => child.start()));
  const [first, ...others] = nodes as [RedisServer, ...RedisServer[]];
  const [busOfFirst] = await ask<string[]>(first, 'CONFIG', 'GET', 'cluster-port').then((pair) =>
    pair.slice(1),
  );
  for (const node of others)
    await ask(node, 'CLUSTER', 'MEET', '127.0.0.1', String(portOf(first)), busOfFirst!);
  const masters = nodes.slice(0, 3);
  for (const [nth, [from, to]] of [
    ['0', '5460'],
    ['5461', '10922'],
    ['10923', '16383'],
  ].entries())
    await ask(masters[nth]!, 'CLUSTER', 'ADDSLOTSRANGE', from!, to!);
  const knows = async (node: RedisServer) =>
    (await ask<string>(node, 'CLUSTER', 'NODES')).trim().split('\n').length === nodes.length;
  await reach('all nodes have met', async () => (await Promise.all(nodes.map(knows))).every(Boolean));
  for (const [nth, replica] of nodes.slice(3).entries()) {
    const id = await ask<string>(masters[nth]!, 'CLUSTER', 'MYID');
    await reach('a replica follows', async () => (await ask(replica, 'CLUSTER', 'REPLICATE', id)) === 'OK');
  }
  await reach('the Cluster is complete', async () => {
    const infos = await Promise.all(nodes.map((node) => ask<string>(node, 'CLUSTER', 'INFO')));
    const links = await Promise.all(nodes.slice(3).map((node) => ask<string>(node, 'INFO', 'replication')));
    return (
      infos.every((info) => info.includes('cluster_state:ok')) &&
      links.every((link) => link.includes('master_link_status:up'))
    );
  });

  return {
    url: `redis+cluster://${masters.map((node) => `127.0.0.1:${portOf(node)}`).join(',')}`,
    servers: nodes.map(({ child }) => child),
    killMasterOf: async (queue) => {
      const slot = Number(await ask(first, 'CLUSTER', 'KEYSLOT', `{hf:0:${queue}}:x`));
      const nth = masters.findIndex((_, index) => slot <= [5460, 10922, 16383][index]!);
      await masters[nth]!.child.kill('SIGKILL');
      await reach('the replica has taken over', async () =>
        (await ask<string>(nodes[nth + 3]!, 'INFO', 'replication')).includes('role:master'),
      );
    },
  };
}

/** A master with a replica, and one Sentinel that watches them. */
export async function startRedisSentinel(guardian: Guardian): Promise<RedisWithFailover> {
  const master = await redisServer(guardian);
  await master.child.start();
  const replica = await redisServer(guardian, { replicaof: `127.0.0.1 ${portOf(master)}` });
  await replica.child.start();
  const port = await freePort();
  const file = path.join(master.dir, 'sentinel.conf');
  writeFileSync(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${master.dir}`,
      `sentinel monitor shop 127.0.0.1 ${portOf(master)} 1`,
      `sentinel down-after-milliseconds shop ${silentMs}`,
      'sentinel failover-timeout shop 10000',
    ].join('\n'),
  );
  chmodSync(file, 0o666);
  const { binary, ldLibraryPath } = testServices().redis!;
  const sentinel = new Child(
    {
      name: 'sentinel',
      command: binary,
      args: [file, '--sentinel'],
      env: { ...process.env, ...(ldLibraryPath && { LD_LIBRARY_PATH: ldLibraryPath }) },
      readyWhen: /\+monitor master/,
    },
    guardian,
  );
  await sentinel.start();
  const at = { ...master, url: `redis://127.0.0.1:${port}` };
  await reach('the Sentinel knows the replica', async () =>
    (await ask<string>(at, 'INFO', 'sentinel')).includes('slaves=1'),
  );
  return {
    url: `redis+sentinel://127.0.0.1:${port}/shop`,
    servers: [master.child, replica.child, sentinel],
    killMasterOf: async () => {
      await master.child.kill('SIGKILL');
      await reach('the replica has taken over', async () =>
        (await ask<string>(replica, 'INFO', 'replication')).includes('role:master'),
      );
    },
  };
}
