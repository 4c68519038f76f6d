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
      // Somebody else ships just before: with more time the dialog would know it.
      await visit.page.route(
        '**/shipments',
        async (route) => {
          await shop.client.post(
            `/v1/orders/${id}/shipments`,
            { lines: [{ sku, quantity: 1 }] },
            { headers: { 'idempotency-key': `shop-${id}` } },
          );
          await route.continue();
        },
        { times: 1 },
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

  it.each(['light', 'dark'] as const)(
    'has a dialog that refunds an amount, names it on its button, and asks once on a double click (%s)',
    async (theme) => {
      const { id } = await shop.placed(await shop.product(9), 2);
      const visit = await open(id, { theme });
      await visit.page.getByRole('button', { name: 'Refund in part' }).click();
      const { dialog } = visit;
      await dialog.getByLabel('Amount in EUR').fill('40');
      await dialog.getByText(/At most €\s39\.98 is left to refund\./).waitFor();
      await dialog.getByLabel('Amount in EUR').fill('12.50');
      await dialog.getByLabel('Reason, kept in the audit log').fill('arrived scratched');
      await untilShown(visit);
      expect(await visit.violations()).toEqual([]);
      await dialog.getByRole('button', { name: /^Refund €\s12\.50 of €\s39\.98$/ }).dblclick();
      await dialog.waitFor({ state: 'detached' });

      const table = visit.page.getByRole('table', { name: 'Refunds in part, newest first' });
      await table.getByText('Refunded', { exact: true }).waitFor();
      expect(await table.innerText()).toMatch(/€\s12\.50[\s\S]*an amount[\s\S]*arrived scratched/);
      expect(await untilSays(visit, 'Partially refunded', 'main')).toContain('got € 12.50 back');
      expect((await shop.orderNow(id)).refunds).toHaveLength(1);
      expect(await shop.ledgerRow(id)).toMatchObject({ captured: 3998, refunded: 1250 });
      expect(await reasonsOf(id, 'order.refund')).toEqual(['arrived scratched']);
      expect(await visit.violations()).toEqual([]);
      await visit.page.setViewportSize({ width: 320, height: 640 });
      expect(await visit.overhang()).toBeLessThanOrEqual(0);
      expect(visit.complaints).toEqual([]);
    },
  );

  it('has a dialog that refunds goods and says which of them go back on sale, by the keyboard', async () => {
    const sku = await shop.product(9);
    const { id } = await shop.placed(sku, 3);
    await shop.client.post(
      `/v1/orders/${id}/shipments`,
      { lines: [{ sku, quantity: 2 }] },
      { headers: { 'idempotency-key': `shop-${id}` } },
    );
    const visit = await open(id);
    await visit.page.getByRole('button', { name: 'Refund in part' }).press('Enter');
    await visit.dialog.getByLabel('Goods that come back').press('Space');
    await visit.dialog.getByLabel(sku).fill('2');
    await visit.dialog
      .getByText('1 unit not shipped: back on sale. 1 shipped unit: not put back on sale.')
      .waitFor();
    await visit.dialog.getByLabel('Reason, kept in the audit log').fill('one was broken');
    await visit.dialog.getByRole('button', { name: /^Refund €\s39\.98 of €\s59\.97$/ }).press('Enter');
    await visit.dialog.waitFor({ state: 'detached' });
    await untilSays(visit, '2 shipped, 1 of them back, 1 back on sale unshipped', 'main');
    await shop.untilAvailable(sku, 7);
    expect(visit.complaints).toEqual([]);
  });

  it('has a dialog that captures less of an on_shipment order and says what is voided', async () => {
    const sku = await shop.product(9);
    const { body } = await shop.order(
      { capture: 'on_shipment', lines: [{ sku, quantity: 2 }] },
      { waitSeconds: 30 },
    );
    const { id } = body;
    const visit = await open(id);
    const panel = visit.page.getByRole('region', { name: 'Waiting for the shipment' });
    await panel.waitFor();
    expect(await panel.innerText()).toMatch(
      /€\s39\.98 is set aside on the card\. Ship the order, or capture it\./,
    );
    await visit.page.getByRole('button', { name: 'Capture', exact: true }).click();
    const amount = visit.dialog.getByLabel('Amount in EUR');
    expect(await amount.inputValue()).toBe('39.98');
    await amount.fill('30');
    await visit.dialog.getByText(/€\s9\.98/).waitFor();
    await visit.dialog.getByLabel('Reason, kept in the audit log').fill('one unit is missing');
    await untilShown(visit);
    expect(await visit.violations()).toEqual([]);
    await visit.dialog.getByRole('button', { name: /^Capture €\s30\.00 of €\s39\.98$/ }).dblclick();
    await visit.dialog.waitFor({ state: 'detached' });
    await panel.waitFor({ state: 'detached' });
    await untilSays(visit, /Capture 1[\s\S]*Done/, 'main');
    expect((await shop.orderNow(id)).payment.capturedAmount.amount).toBe(3000);
    expect(await reasonsOf(id, 'order.capture')).toEqual(['one unit is missing']);
    expect(await visit.violations()).toEqual([]);
    expect(visit.complaints).toEqual([]);
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
