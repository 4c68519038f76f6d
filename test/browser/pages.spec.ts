import { openShop } from '../support/shop';
import { expectSoundPage, openBrowser, type Theme } from './support';
import { patienceMs } from '../support/until';

/** Checks that hold on every page. */
const pages = [
  '/',
  '/review',
  '/products',
  '/reservations',
  '/orders',
  '/queues',
  '/webhooks',
  '/audit',
  '/flash-sale',
  '/nowhere',
];

describe('every dashboard page', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  beforeAll(async () => {
    const sku = await shop.product(12);
    await shop.placed(sku, 3);
    await shop.reserved(sku, 2);
    await shop.admin.post(`/v1/admin/products/${sku}/adjustments`, { delta: 2, reason: 'counted again' });
  });

  describe.each(['light', 'dark'] as Theme[])('in the %s theme', (theme) => {
    it.each(pages)('%s has no axe, console or CSP complaints and never scrolls sideways', async (path) => {
      await expectSoundPage(await browser.visit({ role: 'admin', theme }), path);
    });
  });

  it.each(['light', 'dark'] as Theme[])(
    'has dialogs without axe violations in the %s theme',
    async (theme) => {
      const visit = await browser.visit({ role: 'admin', theme });
      const { page } = visit;
      const check = async (name: string | RegExp): Promise<void> => {
        const dialog = page.getByRole('dialog', { name });
        await dialog.waitFor();
        // A dialog that is still fading in has less contrast.
        await page.evaluate(
          `Promise.allSettled(document.getAnimations().map(({ finished }) => finished)).then(() => undefined)`,
        );
        expect({ name, violations: await visit.violations() }).toEqual({ name, violations: [] });
        await page.keyboard.press('Escape');
        await dialog.waitFor({ state: 'detached' });
      };
      await visit.go('/audit');
      await visit.untilLive();
      await page.getByRole('button', { name: /: settings$/ }).click();
      await check(/, admin$/);
      await page.keyboard.press('?');
      await check('Keyboard');
      await page.getByRole('button', { name: 'product.create' }).first().click();
      await check(/: product\.create$/);
      expect(visit.complaints).toEqual([]);
    },
  );

  it.each(['light', 'dark'] as Theme[])(
    'has a sign-in page without axe violations in the %s theme',
    async (theme) => {
      const visit = await browser.visit({ theme, width: 390 });
      await visit.go('/');
      await visit.page.getByLabel('Key', { exact: true }).fill('hf_dev_nobody');
      await visit.page.getByRole('button', { name: 'Sign in' }).click();
      await visit.page.getByText('This key is not valid. Check it and try again.').waitFor();
      expect(await visit.violations()).toEqual([]);
    },
  );

  it('applies the chosen theme before the first paint', async () => {
    const visit = await browser.visit({ role: 'viewer', theme: 'light' });
    await visit.go('/');
    await visit.untilLive();
    const background = () =>
      visit.page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    const light = await background();
    await visit.page.getByRole('button', { name: 'Switch to the dark theme' }).click();
    expect(await background()).not.toBe(light);
    await visit.page.reload();
    expect(await background()).not.toBe(light);
  });

  it('shows "no page at this address" with a link to Overview for an unknown path', async () => {
    const visit = await browser.visit({ role: 'viewer' });
    await visit.go('/nowhere/at/all');
    await visit.page.getByText('There is no page at this address.').waitFor();
    await visit.page.getByRole('link', { name: 'Go to Overview' }).click();
    await visit.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  });
});

describe('viewer role', () => {
  const shop = openShop({
    queue: 'postgres',
    envOf: { 'worker-1': { FAILPOINT: 'apply-event.before-commit:throw' } },
  });
  const browser = openBrowser(shop);

  it('sees every action disabled with the reason, and the API refuses it as well', async () => {
    const sku = await shop.product(3);
    const { id } = await shop.reserved(sku);
    await shop.client.post(`/v1/reservations/${id}/release`, {});
    // A consumer handles it, as when an order waits for the reservation.
    await shop.query(
      `UPDATE outbox SET applied_at = NULL, next_relay_at = clock_timestamp() WHERE type = 'reservation.released'`,
    );
    const visit = await browser.visit({ role: 'viewer' });
    await visit.go('/queues');
    const retry = visit.page.getByRole('button', { name: /^Retry/ }).first();
    await retry.waitFor({ timeout: patienceMs });
    expect(await retry.getAttribute('aria-disabled')).toBe('true');
    expect(await retry.innerText()).toContain('Needs an admin key');
    await retry.click({ force: true });
    await retry.press('Enter');
    expect(await visit.dialog.count()).toBe(0);

    const [letter] = await shop.all('/v1/admin/dead-letters');
    const refused = await visit.page.evaluate<number>(
      `fetch('/v1/admin/dead-letters/${letter.id}/retry', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-holdfast': '1' },
        body: JSON.stringify({ reason: 'just to see' }),
      }).then(({ status }) => status)`,
    );
    expect(refused).toBe(403);
    expect(await shop.query(`SELECT 1 FROM admin_actions WHERE action LIKE 'dead%'`)).toEqual([]);
  });

  it('retries a dead letter once for an admin when the button is pressed many times', async () => {
    const visit = await browser.visit({ role: 'admin' });
    await visit.go('/queues');
    await visit.untilLive();
    await visit.page
      .getByRole('button', { name: /^Retry evt_/ })
      .first()
      .click();
    const dialog = visit.page.getByRole('dialog', { name: /^Retry reservation/ });
    await dialog.getByLabel('Reason, kept in the audit log').fill('mended the consumer');
    await dialog.getByRole('button', { name: 'Retry this message' }).dblclick();
    await dialog.waitFor({ state: 'detached' });
    await visit.page.getByRole('link', { name: 'Show in audit log' }).waitFor();
    const acts = await shop.query<{ reason: string }>(
      `SELECT reason FROM admin_actions WHERE reason = 'mended the consumer'`,
    );
    expect(acts).toHaveLength(1);
  });
});
