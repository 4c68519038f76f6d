import { openShop } from '../support/shop';
import { until } from '../support/until';

describe('the watchdog', () => {
  const shop = openShop({ queue: 'postgres', apis: 1, workers: 1 });
  const output = (name: string) => shop.service.outputOf(name);
  const restart = (name: string, env: Record<string, string | undefined>) =>
    shop.service.restart(name, {
      FAILPOINT: undefined,
      EVENT_LOOP_STALL_MS: undefined,
      SHUTDOWN_GRACE_MS: undefined,
      ...env,
    });

  it('ends a worker whose event loop stalls, and says so', async () => {
    await restart('worker-1', { FAILPOINT: 'consumer.started:hang@1', EVENT_LOOP_STALL_MS: '1000' });
    const sku = await shop.product(1);
    const order = await shop.order({ lines: [{ sku, quantity: 1 }] });
    await shop.service.ended('worker-1');
    expect(output('worker-1')).toMatch(/event loop has stalled for 1000 ms[^]*\(worker-1 ended: SIGKILL\)$/);

    await restart('worker-1', {});
    expect((await shop.untilEnded(order.body.id)).status).toBe('placed');
  });

  it('ends an API process whose event loop stalls, also when it was asked to stop', async () => {
    await restart('api-1', { FAILPOINT: 'intake.before-commit:hang@1', EVENT_LOOP_STALL_MS: '2000' });
    const sku = await shop.product(1);
    const hanging = shop.order({ lines: [{ sku, quantity: 1 }] }).catch(() => 'cut off');
    await until('it hangs', () =>
      shop.stranger
        .patientFor(300)
        .get('/health/live')
        .then(() => false)
        .catch(() => true),
    );
    await shop.service.kill('api-1', 'SIGTERM');
    expect(output('api-1')).toMatch(/event loop has stalled for 2000 ms[^]*\(api-1 ended: SIGKILL\)$/);
    expect(await hanging).toBe('cut off');
    await restart('api-1', {});
  });

  it('ends a process that stalls while stopping, long before the normal stall limit', async () => {
    const FAILPOINT = 'intake.key-claimed:sleep=1000,intake.before-commit:hang';
    await restart('api-1', { FAILPOINT, EVENT_LOOP_STALL_MS: '600000', SHUTDOWN_GRACE_MS: '0' });
    const sku = await shop.product(1);
    const hanging = shop.order({ lines: [{ sku, quantity: 1 }] }).catch(() => 'cut off');
    await until('it sleeps', async () => {
      const idle = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`;
      return (await shop.query(idle)).length > 0;
    });
    await shop.service.kill('api-1', 'SIGTERM');
    expect(output('api-1')).toMatch(/was asked to stop 6000 ms ago[^]*\(api-1 ended: SIGKILL\)$/);
    expect(await hanging).toBe('cut off');
    await restart('api-1', {});
  });

  it('does not end a process that was suspended for longer than the stall limit', async () => {
    await restart('worker-1', { EVENT_LOOP_STALL_MS: '1000' });
    const pid = shop.service.pidOf('worker-1');
    await shop.service.kill('worker-1', 'SIGSTOP');
    const heardOf = () =>
      shop.query(
        `SELECT FROM workers WHERE id LIKE $1 AND beat_at > clock_timestamp() - interval '2 seconds'`,
        [`%:${pid}`],
      );
    // Silent for 2 s, so it was suspended for twice the stall limit; heartbeats come every 2.5 s at most.
    await until('it is silent', async () => (await heardOf()).length === 0);
    await shop.service.kill('worker-1', 'SIGCONT');
    await until('it is back', async () => (await heardOf()).length === 1);
    await until('its heart beats again', async () => (await heardOf()).length === 0);
    await until('and again', async () => (await heardOf()).length === 1);
    expect(shop.service.pidOf('worker-1')).toBe(pid);
    await restart('worker-1', {});
  });
});
