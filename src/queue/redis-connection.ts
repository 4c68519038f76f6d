import IORedis, { Cluster, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisHost } from '../config/redis-url';

/** A connection to a server, to the master that Sentinels name, or to the nodes of a Cluster. */
export type RedisConnection = IORedis | Cluster;

/**
 * Connects as a producer, which fails fast, or as a worker, which waits for Redis. Only the address decides what is
 * connected to.
 */
export function connectRedis(
  address: RedisAddress,
  role: 'producer' | 'worker',
  producerTimeoutMs: number,
): RedisConnection {
  const options: RedisOptions =
    role === 'worker'
      ? {
          // guard: worker-reconnects
          maxRetriesPerRequest: null,
        }
      : {
          maxRetriesPerRequest: 1,
          enableOfflineQueue: false,
          commandTimeout: producerTimeoutMs,
          connectTimeout: producerTimeoutMs,
        };
  const { username, password, tls } = address;
  const login = { username, password, ...(tls && { tls: {} }) };
  // guard: cluster-is-one
  switch (address.kind) {
    case 'single':
      return new IORedis(address.url, options);
    case 'sentinel':
      return new IORedis({
        ...options,
        ...login,
        sentinels: address.sentinels,
        name: address.master,
        db: address.db,
        // The Sentinels have the password of the servers, as a rule.
        sentinelUsername: username,
        sentinelPassword: password,
        ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
      });
    case 'cluster':
      return new Cluster(address.nodes, {
        enableOfflineQueue: role === 'worker',
        // Without `enableOfflineQueue`: a node's connection is opened on first use, and its first command waits for it.
        redisOptions: { ...omitOfflineQueue(options), ...login },
        // Managed Clusters name their nodes by host names that only a certificate of these fits.
        ...(tls && { dnsLookup: (host, callback) => callback(null, host) }),
      });
  }
}

const omitOfflineQueue = ({ enableOfflineQueue: _, ...options }: RedisOptions) => options;

/** The servers that hold jobs. */
export const serversOf = (client: RedisConnection): IORedis[] =>
  client instanceof Cluster ? client.nodes('master') : [client];

/** What BullMQ does with a queue, on the queue's own key: any server of a Cluster and any Sentinel answers PING. */
const probeScript = `return redis.call('SET', KEYS[1], '1', 'PX', 60000)`;

/** Resolves when this queue can be written. */
export async function probeQueue(client: RedisConnection, prefix: string): Promise<void> {
  await client.eval(probeScript, 1, `${prefix}:probe`);
}

const namesOf = (hosts: RedisHost[]) => hosts.map(({ host, port }) => `${host}:${port}`).join(', ');

/** The error with what to do about it, where the address is the problem. */
export function explainRedis({ message }: Error, address: RedisAddress): string {
  if (/^MOVED|^CLUSTERDOWN|CROSSSLOT/.test(message) && address.kind === 'single')
    return `REDIS_URL leads to one node of a Redis Cluster (${message}). Name the Cluster: redis+cluster://host:port,host:port`;
  if (/unknown command/i.test(message) && address.kind === 'single')
    return `REDIS_URL leads to a server that runs no scripts, like a Sentinel (${message}). Name the master: redis+sentinel://host:port,host:port/mymaster`;
  if (/^READONLY/.test(message))
    return `REDIS_URL leads to a replica (${message}). Name the primary, the Sentinels (redis+sentinel://…/mymaster) or the Cluster.`;
  if (
    address.kind === 'cluster' &&
    /slots cache|startup nodes|ClusterAllFailed|did not answer/i.test(message)
  )
    return `No node of the Redis Cluster in REDIS_URL answers (${namesOf(address.nodes)}). Start them, or correct the addresses.`;
  if (address.kind === 'sentinel' && /sentinels are unreachable|did not answer/i.test(message))
    return `No Sentinel in REDIS_URL names a reachable master ${address.master} (${namesOf(address.sentinels)}). Check them, and the master's name.`;
  return message;
}

/** Rejects when the queue takes longer. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The queue did not answer within ${ms} ms.`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
