import { openShop } from '../support/shop';
import { openBrowser, untilSays } from './support';

describe('Flash sale page', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  it('runs a rehearsal from the form, lane by lane, to its verdict', async () => {
    const visit = await browser.visit({ role: 'admin' });
    await visit.go('/flash-sale');
    await visit.untilLive();
    const { page } = visit;
    await page.getByRole('textbox', { name: 'Buyers' }).fill('60');
    await page.getByRole('textbox', { name: 'Units' }).fill('10');
    await page.getByRole('textbox', { name: 'Arrivals per second' }).fill('60');
    await page.getByRole('textbox', { name: 'Seed' }).fill('4021');
    await page.getByRole('button', { name: 'conditional-update' }).click();
    await page.getByRole('button', { name: /^Start, about/ }).click();
    const { dialog } = visit;
    await dialog.getByText('Other products are not touched').waitFor();
    await dialog.getByLabel('Reason, kept in the audit log').fill('before the drop');
    await dialog.getByRole('button', { name: /^Start/ }).dblclick();
    await dialog.waitFor({ state: 'detached' });
    await untilSays(visit, 'Rehearsal of 60 buyers');
    const id = new URL(page.url()).pathname.split('/').at(-1)!;
    await untilSays(visit, /seed 4021[^]*All promises held/, 'main section');
    const { body } = await shop.admin.get(`/v1/admin/load-tests/${id}`);
    expect(body.lanes.map(({ strategy, oversold }: any) => [strategy, oversold])).toEqual([
      ['grouped', 0],
      ['row-lock', 0],
    ]);
    const acts = await shop.query(`SELECT 1 FROM admin_actions WHERE reason = 'before the drop'`);
    expect(acts).toHaveLength(1);
    expect(await visit.violations()).toEqual([]);
    expect(visit.complaints).toEqual([]);
  });

  it('does not let a viewer start a rehearsal', async () => {
    const visit = await browser.visit({ role: 'viewer' });
    await visit.go('/flash-sale');
    const start = visit.page.getByRole('button', { name: /^Start, about/ });
    expect(await start.getAttribute('aria-disabled')).toBe('true');
  });
});
