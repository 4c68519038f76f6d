import assert from 'node:assert/strict';
import IORedis from 'ioredis';
import { Client } from 'pg';
import { parsePublicId } from '../../src/ids';
import { refuseUnlessThrowaway } from '../../test/support/database';
import { HttpClient } from '../../test/support/http-client';
import { until } from '../../test/support/until';
import { BuyersShop } from './buyers-shop';
import { type Rest, audit, converge } from './convergence';
import { samplesAt, sumOf } from './metrics';
import { reach } from './reach';

/** How soon a supervisor notices that it should stop. */
const nextLook = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), 100));

/** A shop to break: its processes by name, faults for them and their servers, and the audit at the end. */
export class DrilledShop extends BuyersShop {
  /** Kills our processes, because after a drill nothing depends on a clean stop, and closes the rest. */
  async end(): Promise<void> {
    const { service } = this;
    if (service) await Promise.all(Object.keys(this.pids()).map((name) => service.kill(name, 'SIGKILL')));
    await this.close();
  }

  /** The names of our live processes. */
  pids(): Record<string, number | undefined> {
    const own = this.service.names.filter((name) => /^(api|worker)-/.test(name));
    return Object.fromEntries(own.map((name) => [name, this.service.pidOf(name)]));
  }

  async kill(...names: string[]): Promise<void> {
    this.report('kills', names.length);
    await Promise.all(names.map((name) => this.service.kill(name, 'SIGKILL')));
  }

  /** Restarts it whenever it dies, like a supervisor, until the returned function is called. */
  keepAlive(name: string, env?: NodeJS.ProcessEnv): () => Promise<void> {
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const died = await Promise.race([this.service.ended(name).then(() => true), nextLook()]);
        if (!died || !watching) continue;
        this.report('deaths', 1);
        await this.service.restart(name, env).catch(() => undefined);
      }
    })();
    return async () => {
      watching = false;
      await watch;
    };
  }

  /** Suspends it, like a stalled machine. */
  async freeze(name: string): Promise<void> {
    this.report('freezes', 1);
    await this.service.kill(name, 'SIGSTOP');
  }

  /** Waits until it has stopped itself at a failpoint. */
  async stopped(name: string): Promise<void> {
    const stops = /^failpoint \S+ stops$/m;
    await reach(`${name} stops`, async () => stops.test(this.service.outputOf(name)));
    this.report('freezes', 1);
  }

  thaw(name: string): Promise<void> {
    return this.service.kill(name, 'SIGCONT');
  }

  /** Asks it to stop and waits for its exit. */
  async terminate(name: string): Promise<void> {
    this.report('SIGTERMs', 1);
    await this.service.kill(name, 'SIGTERM');
  }

  /** The sum of a metric over all live processes. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const urls = this.service.names.flatMap((process) => this.service.metricsUrlOf(process) ?? []);
    return sumOf((await Promise.all(urls.map(samplesAt))).flat(), name, labels);
  }

  sagaEvents(event: string): Promise<number> {
    return this.metric('holdfast_saga_events_total', { event });
  }

  /** Sets faults for all requests to the payment provider, or clears them. */
  async faults(faults?: Record<string, unknown>): Promise<void> {
    const provider = new HttpClient(this.service.sandboxUrl);
    const { status, text } = faults
      ? await provider.post('/sandbox/faults', faults)
      : await provider.send('DELETE', '/sandbox/faults');
    assert.equal(status, 200, text);
  }

  /** Changes the database behind the service's back. Refuses a database that no test made. */
  async tamper<R>(sql: string, parameters: unknown[] = []): Promise<R[]> {
    await refuseUnlessThrowaway((text) => this.query(text));
    return this.query<R>(sql, parameters);
  }

  /** Makes scheduled attempts due now, instead of waiting. */
  async hurry(): Promise<void> {
    await this.tamper(`
      UPDATE sagas SET next_run_at = statement_timestamp()
       WHERE status IN ('running', 'compensating') AND next_run_at > statement_timestamp()
         AND (lease_expires_at IS NULL OR lease_expires_at <= statement_timestamp())`);
    await this.tamper(`
      UPDATE payment_tasks SET next_run_at = statement_timestamp()
       WHERE status = 'due' AND next_run_at > statement_timestamp()
         AND (lease_expires_at IS NULL OR lease_expires_at <= statement_timestamp())`);
  }

  /** Has consumers handle the messages of these reservations' release, as those of a waiting order's are. */
  async announceReleases(ids: string[]): Promise<void> {
    // Again after a fault cuts the connection.
    await until('the messages are due again', async () => {
      await this.tamper(
        `UPDATE outbox SET applied_at = NULL, relayed_at = NULL, next_relay_at = clock_timestamp()
          WHERE aggregate_id = ANY ($1::uuid[]) AND type = 'reservation.released'`,
        [ids.map((id) => parsePublicId('rsv', id))],
      );
      return true;
    });
  }

  /** Sends messages that only a consumer applies; orders and expiries are found by sweepers too. Not while the queue is away. */
  async sendEvents(sku: string): Promise<void> {
    const release = async () => {
      const { id } = await this.reserved(sku);
      await this.client.post(`/v1/reservations/${id}/release`, {});
      return id as string;
    };
    const released = [await release(), await release(), await release()];
    await this.announceReleases(released);
    // An API looks for messages after its commits.
    await release();
    const sent = `SELECT FROM outbox WHERE aggregate_id = ANY ($1::uuid[]) AND relayed_at IS NULL AND applied_at IS NULL`;
    const ids = released.map((id) => parsePublicId('rsv', id));
    await reach('the messages are sent', async () => (await this.query(sent, [ids])).length === 0);
  }

  /** Locks the stock of a product, like a hanging transaction, until the returned function is called. */
  async holdStock(sku: string): Promise<() => Promise<void>> {
    const client = new Client({ connectionString: this.service.databaseUrl });
    client.on('error', () => undefined); // Cut off when the drill is over.
    await client.connect();
    await refuseUnlessThrowaway((text) => client.query(text).then(({ rows }) => rows));
    await client.query('BEGIN');
    await client.query('SELECT FROM stock_levels WHERE sku = $1 FOR UPDATE', [sku]);
    return () => client.end();
  }

  /** Sends a command to Redis. Refuses a Redis that no test started. */
  async redis(...command: string[]): Promise<unknown> {
    const client = new IORedis(this.service.redisUrl!, { maxRetriesPerRequest: 1 });
    client.on('error', () => undefined);
    try {
      const [, dir] = (await client.config('GET', 'dir')) as [string, string];
      assert.match(dir, /holdfast-redis-/, `the Redis in ${dir} was not made by a test`);
      return await client.call(command[0]!, ...command.slice(1));
    } finally {
      client.disconnect();
    }
  }

  /** Closes all connections of the service to the database and returns their number. */
  async terminateBackends(): Promise<number> {
    const cut = await this.tamper(`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND application_name LIKE 'holdfast%'`);
    this.report('connections cut', cut.length);
    return cut.length;
  }

  /** Waits until no work is left. */
  converge(rest?: Rest): Promise<void> {
    return converge(this, rest);
  }

  /** Converges, then audits. */
  async audit({ stuck, ...rest }: Rest & { stuck?: number } = {}): Promise<void> {
    await converge(this, rest);
    await audit(this, { stuck });
  }
}
