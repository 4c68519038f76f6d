import { openShop } from '../support/shop';
import { openBrowser, untilSays, type Visit } from './support';

describe('Order page after the sale', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  const open = async (id: string, options: Parameters<typeof browser.visit>[0] = {}): Promise<Visit> => {
    const visit = await browser.visit({ role: 'admin', ...options });
    await visit.go(`/orders/${id}`);
    await visit.untilLive();
    return visit;
  };
  /** A dialog that is still fading in has less contrast. */
  const untilShown = (visit: Visit): Promise<void> =>
    visit.page.evaluate(
      `Promise.allSettled(document.getAnimations().map(({ finished }) => finished)).then(() => undefined)`,
    );
  const reasonsOf = async (id: string, action: string): Promise<string[]> => {
    const rows = await shop.query<{ reason: string }>(
      `SELECT reason FROM admin_actions WHERE object_id = $1 AND action = $2 ORDER BY id`,
      [id, action],
    );
    return rows.map(({ reason }) => reason);
  };

  describe('the dialog to ship', () => {
    it.each(['light', 'dark'] as const)(
      'is filled with what is left, ships less once on a double click, and shows it (%s)',
      async (theme) => {
        const sku = await shop.product(9);
        const { id } = await shop.placed(sku, 3);
        const visit = await open(id, { theme });
        await visit.page.getByRole('button', { name: 'Ship', exact: true }).click();
        const { dialog } = visit;
        const units = dialog.getByLabel(sku);
        expect(await units.inputValue()).toBe('3');
        await units.fill('4');
        await dialog.getByText('At most 3.').waitFor();
        await units.fill('2');
        await dialog.getByLabel('Reference').fill('DHL 00340434');
        await dialog.getByLabel('Reason, kept in the audit log').fill('left with the courier');
        await untilShown(visit);
        expect(await visit.violations()).toEqual([]);
        await dialog.getByRole('button', { name: 'Ship 2 units' }).dblclick();
        await dialog.waitFor({ state: 'detached' });

        const table = visit.page.getByRole('table', { name: 'Shipments, newest first' });
        await table.waitFor();
        expect(await table.innerText()).toMatch(
          new RegExp(`2 × ${sku}[\\s\\S]*DHL 00340434[\\s\\S]*Shipped`),
        );
        await untilSays(visit, '2 shipped, 1 left to ship', 'main');
        const order = await shop.orderNow(id);
        expect([order.fulfilment, order.shipments.length]).toEqual(['partial', 1]);
        expect(await reasonsOf(id, 'order.ship')).toEqual(['left with the courier']);
        expect(await visit.violations()).toEqual([]);
        await visit.page.setViewportSize({ width: 320, height: 640 });
        expect(await visit.overhang()).toBeLessThanOrEqual(0);
        expect(visit.complaints).toEqual([]);
      },
    );

    it('is used with the keyboard alone, and keeps a refusal with what to do next', async () => {
      const sku = await shop.product(9);
      const { id } = await shop.placed(sku, 2);
      const visit = await open(id);
      const { keyboard } = visit.page;
      await visit.page.getByRole('button', { name: 'Ship', exact: true }).focus();
      await keyboard.press('Enter');
      await visit.dialog.waitFor();
      // Somebody else ships while the dialog is open.
      await shop.client.post(
        `/v1/orders/${id}/shipments`,
        { lines: [{ sku, quantity: 1 }] },
        { headers: { 'idempotency-key': `shop-${id}` } },
      );
      await visit.dialog.getByLabel(sku).focus();
      await keyboard.press('Tab');
      await keyboard.press('Tab');
      await keyboard.type('left with the courier');
      await keyboard.press('Tab');
      await keyboard.press('Tab');
      await keyboard.press('Enter');
      const alert = visit.dialog.getByRole('alert');
      await alert.waitFor();
      expect(await alert.innerText()).toMatch(/This was not done\. .*left 1.*ship at most what is left/s);
      expect(await reasonsOf(id, 'order.ship')).toEqual([]);
      await visit.dialog.getByLabel(sku).fill('1');
      await visit.dialog.getByRole('button', { name: 'Ship 1 unit' }).press('Enter');
      await visit.dialog.waitFor({ state: 'detached' });
      await untilSays(visit, '2 shipped', 'main');
      expect((await shop.orderNow(id)).fulfilment).toBe('shipped');
      await visit.page.getByRole('button', { name: 'Ship', exact: true }).waitFor({ state: 'detached' });
    });
  });

  it('offers a viewer no action that works', async () => {
    const { id } = await shop.placed(await shop.product(5), 2);
    const visit = await open(id, { role: 'viewer' });
    const ship = visit.page.getByRole('button', { name: /^Ship/ });
    await ship.waitFor();
    expect(await ship.getAttribute('aria-disabled')).toBe('true');
    expect(await ship.innerText()).toContain('Needs an admin key');
    await ship.press('Enter');
    expect(await visit.dialog.count()).toBe(0);
  });
});
