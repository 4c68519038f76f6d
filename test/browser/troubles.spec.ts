import { HttpClient } from '../support/http-client';
import { openShop } from '../support/shop';
import { until } from '../support/until';
import { openBrowser, untilSays, type Visit } from './support';

describe('service notices', () => {
  const shop = openShop({ queue: 'postgres', env: { PAYMENT_TIMEOUT_MS: '300' } });
  const browser = openBrowser(shop);
  const faults = (settings: { down: boolean }) =>
    new HttpClient(shop.service.sandboxUrl).post('/sandbox/faults', settings);

  const open = async (path: string, width = 1280): Promise<Visit> => {
    const visit = await browser.visit({ role: 'viewer', width });
    await visit.go(path);
    await visit.untilLive();
    await visit.page.locator('h1').filter({ hasText: /\S/ }).waitFor();
    return visit;
  };
  const notices = ({ page }: Visit) => page.getByRole('region', { name: 'Notices' });
  const troubles = async () => (await shop.viewer.get('/v1/admin/overview')).body.troubles;

  it('are absent while the service works', async () => {
    await until('nothing is wrong', async () => (await troubles()).length === 0);
    const visit = await open('/orders');
    expect(await notices(visit).innerText()).toBe('');
  });

  it('name a failing background task and its error', async () => {
    const failing = [
      {
        name: 'expire-reservations',
        failures: 7,
        failingSince: '2026-11-20T10:00:00.000Z',
        error: 'permission denied for table reservations',
      },
    ];
    const worker = `test:${process.pid}`;
    await shop.query(
      `INSERT INTO workers (id, started_at, beat_at, facts, failing_tasks)
       VALUES ($1, clock_timestamp(), clock_timestamp() + interval '1 hour', '{"queues":[],"version":"0"}', $2)`,
      [worker, JSON.stringify(failing)],
    );
    const visit = await open('/audit');
    await untilSays(visit, /expire-reservations.*permission denied for table reservations/, 'section');
    expect(await visit.violations()).toEqual([]);
    await shop.query(`DELETE FROM workers WHERE id = $1`, [worker]);
    await until('the strip is gone', async () => (await notices(visit).innerText()) === '');
  });

  it('report a silent payment provider until it responds', async () => {
    const sku = await shop.product(20);
    const visit = await open('/products', 320);
    await faults({ down: true });
    for (let nth = 0; nth < 4; nth++) await shop.order({ lines: [{ sku, quantity: 1 }] });
    await notices(visit).getByText('The payment provider is not responding.').waitFor({ timeout: 40_000 });
    expect(await visit.violations()).toEqual([]);
    expect(await visit.overhang()).toBeLessThanOrEqual(0);
    await faults({ down: false });
    await shop.query(`UPDATE sagas SET next_run_at = clock_timestamp() WHERE next_run_at IS NOT NULL`);
    await until('the strip is gone', async () => (await notices(visit).innerText()) === '');
  });

  it('report that no worker is running, with a grey seal that shows its age', async () => {
    await shop.admin.get('/v1/admin/invariants');
    const visit = await open('/reservations');
    await untilSays(visit, /\d+ of \d+ promises hold/, 'header');
    await shop.service.kill('worker-1');
    await shop.query(`UPDATE workers SET beat_at = beat_at - interval '5 minutes'`);
    await notices(visit).getByText('No worker is running.').waitFor();
    await untilSays(visit, /\d+ of \d+ held [\d.]+ \S+ ago/, 'header');
    expect(await visit.violations()).toEqual([]);
    await shop.service.restart('worker-1');
    await until('the strip is gone', async () => (await notices(visit).innerText()) === '');
    await untilSays(visit, /\d+ of \d+ promises hold/, 'header');
  });
});
