import { openShop } from '../support/shop';
import { patienceMs, until } from '../support/until';
import { openBrowser, untilSays, type Visit } from './support';

describe('dashboard connection', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  const untilPhase = (visit: Visit, phase: string): Promise<unknown> =>
    visit.page.locator(`[data-phase=${phase}]`).waitFor({ timeout: patienceMs });
  const auditNow = ({ page }: Visit) => page.getByRole('button', { name: /^Audit now/ });

  const overview = async (role: 'admin' | 'viewer' = 'admin'): Promise<Visit> => {
    const visit = await browser.visit({ role });
    await visit.go('/');
    await visit.untilLive();
    return visit;
  };

  it('shows live, late, lost, back and live, in this order, when the stream falls silent and returns', async () => {
    const visit = await overview();
    await untilSays(visit, /Live\s+\d/, 'header');
    await auditNow(visit).click();
    await untilSays(visit, /\d+ of \d+ promises hold/, 'header');

    process.kill(shop.service.pidOf('api-1')!, 'SIGSTOP');
    try {
      await untilPhase(visit, 'late');
      expect(await auditNow(visit).getAttribute('aria-disabled')).toBeNull();

      await untilPhase(visit, 'lost');
      await untilSays(
        visit,
        /No connection for \d+ s\. Everything below is from \d\d:\d\d:\d\d and no longer updates\./,
      );
      await untilSays(
        visit,
        /Actions are disabled until it is back\. (Next attempt in \d+ s|Connecting now)\./,
      );
      expect(await auditNow(visit).getAttribute('aria-disabled')).toBe('true');
      expect(await visit.text('header')).toMatch(/\d+ of \d+ held at \d\d:\d\d:\d\d/);
    } finally {
      process.kill(shop.service.pidOf('api-1')!, 'SIGCONT');
    }

    await untilPhase(visit, 'back');
    await untilSays(visit, /Reconnected after \d+ s\. Everything is up to date\./);
    await untilPhase(visit, 'live');
    expect(await auditNow(visit).getAttribute('aria-disabled')).toBeNull();
    expect(await visit.text('header')).toMatch(/\d+ of \d+ promises hold/);
  });

  it('reconnects after the API was killed and shows what happened in between', async () => {
    const sku = await shop.product(5);
    const visit = await overview();
    await shop.service.kill('api-1');
    await untilPhase(visit, 'lost');
    await shop.service.restart('api-1');
    await shop.placed(sku, 2);
    await untilPhase(visit, 'back');
    await until('the overview shows what was sold meanwhile', async () =>
      (await visit.text('main')).replaceAll(/\s+/g, ' ').includes('sold, not yet shipped 2'),
    );
    expect(visit.complaints.filter((line) => !/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY/.test(line))).toEqual(
      [],
    );
  });

  it('reconnects at once when "Try now" is pressed', async () => {
    const visit = await overview();
    await shop.service.kill('api-1');
    await untilPhase(visit, 'lost');
    await shop.service.restart('api-1');
    await visit.page.getByRole('button', { name: 'Try now' }).click();
    await untilPhase(visit, 'back');
  });

  it('announces a newer dashboard build and reloads only when asked', async () => {
    const visit = await browser.visit({ role: 'viewer' });
    await visit.page.route('**/v1/admin/session', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({
        response: answer,
        json: { ...((await answer.json()) as object), build: 'an older build' },
      });
    });
    await visit.go('/');
    await untilSays(visit, 'A newer dashboard is ready.');
    await visit.page.getByRole('button', { name: 'Reload' }).waitFor();
  });
});
