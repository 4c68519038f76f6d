import { openShop } from '../support/shop';
import { openBrowser, untilSays, type Visit } from './support';

describe('dashboard sign-in', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  const type = async ({ page }: Visit, key: string): Promise<void> => {
    await page.getByLabel('Key', { exact: true }).fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };

  it('accepts an admin key and shows its name and role', async () => {
    const visit = await browser.visit();
    await visit.go('/');
    await type(visit, 'hf_dev_admin');
    await visit.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    await untilSays(visit, /\badmin\b/, 'nav');
    expect(visit.complaints).toEqual([]);
  });

  it('refuses an unknown key and a client key with different messages', async () => {
    const visit = await browser.visit();
    await visit.go('/orders');
    await type(visit, 'hf_dev_nobody');
    await untilSays(visit, 'This key is not valid. Check it and try again.');
    await type(visit, 'hf_dev_client');
    await untilSays(visit, 'This is a client key. The dashboard needs a viewer or admin key.');
    await type(visit, 'hf_dev_viewer');
    await visit.page.getByRole('heading', { name: 'Orders', level: 1 }).waitFor();
  });

  it('offers development keys, and shows a typed key only on request', async () => {
    const visit = await browser.visit();
    await visit.go('/');
    await visit.page.getByRole('button', { name: /viewer/ }).click();
    const field = visit.page.getByLabel('Key', { exact: true });
    expect(await field.inputValue()).toBe('hf_dev_viewer');
    expect(await field.getAttribute('type')).toBe('password');
    await visit.page.getByRole('button', { name: 'Show the key' }).click();
    expect(await field.getAttribute('type')).toBe('text');
  });

  it('signs out and hides the page', async () => {
    const visit = await browser.visit({ role: 'viewer' });
    await visit.go('/');
    await visit.untilLive();
    await visit.page.getByRole('button', { name: /viewer: settings/ }).click();
    await visit.page.getByRole('button', { name: 'Sign out' }).click();
    await untilSays(visit, 'Sign in with a viewer or admin key.');
    await visit.go('/');
    await untilSays(visit, 'Sign in with a viewer or admin key.');
  });

  it('asks to sign in again when the session ends, and keeps typed text', async () => {
    const visit = await browser.visit({ role: 'admin' });
    await visit.go('/audit');
    await visit.untilLive();
    const search = visit.page.getByRole('search').getByRole('combobox');
    await search.fill('half a thought');
    await shop.query('UPDATE sessions SET expires_at = clock_timestamp()');
    await visit.page.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
    await type(visit, 'hf_dev_admin');
    await visit.untilLive();
    expect(await search.inputValue()).toBe('half a thought');
  });
});
