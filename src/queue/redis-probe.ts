import type { RedisAddress } from '../config/redis-url';
import {
  type RedisConnection,
  connectRedis,
  explainRedis,
  probeQueue,
  serversOf,
  within,
} from './redis-connection';

/** A readiness probe is asked every few seconds and must answer sooner than its caller gives up. */
const probeTimeoutMs = 500;

/** Asks Redis whether the queues can be written, on a connection that nothing else uses. */
export class RedisProbe {
  private readonly client: RedisConnection;

  constructor(
    private readonly address: RedisAddress,
    private readonly prefixes: string[],
  ) {
    // As a worker it queues its commands while it connects, so it also shows when Redis is back.
    this.client = connectRedis(address, 'worker', probeTimeoutMs);
    this.client.on('error', () => undefined);
  }

  /** What is wrong, or undefined. Waits for at most a second. */
  async trouble(): Promise<string | undefined> {
    try {
      const probes = this.prefixes.map((prefix) => probeQueue(this.client, prefix));
      await within(probeTimeoutMs, Promise.all(probes));
    } catch (error) {
      // Connected and yet without an answer: the connection may be silent, and would stay so.
      if (this.client.status === 'ready') this.client.disconnect(true);
      return explainRedis(error as Error, this.address);
    }
    return this.evictionTrouble();
  }

  close(): void {
    this.client.disconnect();
  }

  /** A Redis that may evict keys loses jobs silently. One that hides its policy is taken to be managed properly. */
  private async evictionTrouble(): Promise<string | undefined> {
    const memories = serversOf(this.client).map((server) => server.info('memory'));
    const answers = await within(probeTimeoutMs, Promise.all(memories)).catch(() => []);
    const policies = answers.map((memory) => /maxmemory_policy:(\S+)/.exec(memory)?.[1] ?? 'noeviction');
    // guard: eviction-policy-is-checked
    const policy = policies.find((one) => one !== 'noeviction');
    if (policy === undefined) return undefined;
    return `Redis has maxmemory-policy ${policy} and may delete jobs. Run: redis-cli CONFIG SET maxmemory-policy noeviction`;
  }
}
