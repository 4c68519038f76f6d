import { shortId } from '../../dashboard/src/formatting/ids';
import { openShop } from '../support/shop';
import { until } from '../support/until';
import { openBrowser, untilSays, type Visit } from './support';

describe('dashboard search', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  const open = async (path = '/', width = 1440): Promise<Visit> => {
    const visit = await browser.visit({ role: 'viewer', width });
    await visit.go(path);
    await visit.untilLive();
    return visit;
  };
  const field = ({ page }: Visit) => page.getByRole('combobox', { name: /^Find/ });

  it('clears on Escape and returns the focus', async () => {
    const sku = await shop.product(3);
    await shop.order({ lines: [{ sku, quantity: 1 }] });
    const visit = await open('/orders');
    const row = visit.page.locator('tbody tr[data-row]').first();
    await row.waitFor();
    await visit.page.keyboard.press('j');
    await visit.page.keyboard.press('/');
    await visit.page.keyboard.type(sku);
    await visit.page.getByRole('option', { name: new RegExp(sku) }).waitFor();
    await visit.page.keyboard.press('Escape');
    expect(await field(visit).inputValue()).toBe('');
    expect(await visit.page.getByRole('listbox').count()).toBe(0);
    await row.and(visit.page.locator(':focus')).waitFor();
    // The next typed text is a new search, not appended to the last one.
    await visit.page.keyboard.press('/');
    await visit.page.keyboard.type('nothing-of-this-name');
    await untilSays(visit, 'Nothing has this id, SKU, customer or payment reference');
    expect(await field(visit).inputValue()).toBe('nothing-of-this-name');
  });

  it('closes on a phone with Escape and with a tap outside', async () => {
    const visit = await open('/orders', 390);
    const opener = visit.page.getByRole('button', { name: 'Search', exact: true });
    await opener.click();
    await field(visit).fill('nothing');
    await visit.page.keyboard.press('Escape');
    await opener.waitFor();
    await opener.and(visit.page.locator(':focus')).waitFor();
    await opener.click();
    expect(await field(visit).inputValue()).toBe('');
    await visit.page.locator('main').click({ position: { x: 20, y: 300 } });
    await opener.waitFor();
  });

  it('leads from a customer without orders to their reservations, ended ones included', async () => {
    const customerId = `cus_holds_${Date.now()}`;
    const { id } = await shop.reserved(await shop.product(3), 1, { customerId });
    await shop.admin.post(`/v1/admin/reservations/${id}/release`, { reason: 'the customer called' });
    const visit = await open();
    await visit.page.keyboard.press('/');
    await visit.page.keyboard.type(customerId);
    await visit.page.getByRole('option', { name: /customer.*1 reservation/ }).waitFor();
    await visit.page.keyboard.press('Enter');
    await visit.page.waitForURL('**/reservations?*');
    await visit.page.locator(`tbody [title="${id}"]`).first().waitFor();
  });

  it('finds orders and reservations by the short id that the pages show', async () => {
    const sku = await shop.product(3);
    const order = await shop.placed(sku);
    const held = await shop.reserved(sku);
    const visit = await open();
    for (const [id, path] of [
      [order.id, 'orders'],
      [held.id, 'reservations'],
    ] as [string, string][])
      for (const typed of [shortId(id), shortId(id).replace('…', '...'), id.slice(-4), id.slice(0, -3)]) {
        await field(visit).fill(typed);
        await visit.page.getByRole('option', { name: new RegExp(id) }).waitFor();
        await field(visit).press('Enter');
        await until(`${typed} leads to ${path}`, async () => visit.page.url().endsWith(`/${path}/${id}`));
      }
  });

  it('keeps the focus on a column filter after Escape and discards the typed text', async () => {
    const visit = await open('/orders');
    const chip = visit.page.getByRole('button', { name: 'Customer', exact: true });
    await chip.click();
    await visit.page.getByLabel('Customer', { exact: true }).fill('cus_42');
    await visit.page.keyboard.press('Escape');
    await chip.waitFor();
    await chip.and(visit.page.locator(':focus')).waitFor();
    expect(visit.page.url()).not.toContain('cus_42');
  });
});
