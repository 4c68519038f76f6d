import IORedis from 'ioredis';
import { loadConfig } from '../../src/config/config';
import { Queues } from '../../src/queue/queues';
import { Guardian } from '../support/guardian';
import { describeWithRedis } from '../support/redis';
import { type RedisServer, redisServer } from '../support/redis-server';
import { until } from '../support/until';

/** Health must say when the queues cannot be written, although the server answers PING. */

const guardian = new Guardian();
afterAll(() => guardian.dismiss());

const opened: Queues[] = [];
afterEach(async () => {
  for (const queues of opened.splice(0)) await queues.close();
});

function queuesAt(REDIS_URL: string): Queues {
  const queues = new Queues(loadConfig({ DATABASE_URL: 'postgres://127.0.0.1/none', REDIS_URL }));
  opened.push(queues);
  return queues;
}

async function started(settings: Record<string, string>): Promise<RedisServer> {
  const server = await redisServer(guardian, settings);
  await server.child.start();
  return server;
}

/** While it connects, it may say that instead. */
const troubleOf = (queues: Queues, wanted: RegExp) =>
  until(`trouble like ${wanted}`, async () => wanted.test((await queues.trouble()) ?? ''));

const hostOf = ({ url }: RedisServer) => new URL(url).host;

describeWithRedis('Queues.trouble', () => {
  it('names the Cluster that a plain URL leads into, and is nothing with the URL of the Cluster', async () => {
    const node = await started({ 'cluster-enabled': 'yes', 'cluster-require-full-coverage': 'no' });
    const client = new IORedis(node.url);
    // The four queues are in four slots, and this node does not serve all of them yet.
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '8000');
    await troubleOf(queuesAt(node.url), /one node of a Redis Cluster \(.*redis\+cluster:\/\/host:port/);

    await client.call('CLUSTER', 'ADDSLOTSRANGE', '8001', '16383');
    client.disconnect();
    const queues = queuesAt(`redis+cluster://${hostOf(node)}`);
    await until('no trouble', async () => {
      const t = await queues.trouble();
      if (t) throw new Error(t);
      return true;
    });
  });

  it('names the replica that a plain URL leads to', async () => {
    const primary = await started({});
    const replica = await started({ replicaof: hostOf(primary).replace(':', ' ') });
    await troubleOf(queuesAt(replica.url), /leads to a replica \(READONLY/);
  });

  it('names the nodes of a Cluster that do not answer', async () => {
    await troubleOf(
      queuesAt('redis+cluster://127.0.0.1:1,127.0.0.1:2'),
      /No node of the Redis Cluster in REDIS_URL answers \(127\.0\.0\.1:1, 127\.0\.0\.1:2\)/,
    );
  });
});
