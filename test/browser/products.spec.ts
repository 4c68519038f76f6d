import { inParallel, openShop } from '../support/shop';
import { until } from '../support/until';
import { openBrowser, untilSays, type Visit } from './support';

describe('Product page', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  const open = async (sku: string, role: 'admin' | 'viewer' = 'admin'): Promise<Visit> => {
    const visit = await browser.visit({ role });
    await visit.go(`/products/${sku}`);
    await visit.untilLive();
    await visit.page.getByRole('heading', { name: `Product ${sku}` }).waitFor();
    return visit;
  };
  const productNow = async (sku: string) => (await shop.admin.get(`/v1/admin/products/${sku}`)).body;

  it('shows the stock by state as text, not by colour alone', async () => {
    const sku = await shop.product(12);
    await shop.placed(sku, 3);
    await shop.reserved(sku, 2);
    const visit = await open(sku, 'viewer');
    await until('the numbers are those of the API', async () => {
      const text = (await visit.text('main')).replaceAll(/\s+/g, ' ');
      return (
        text.includes('Confirmed 3') &&
        text.includes('Active, timer running 2') &&
        text.includes('Available 7')
      );
    });
    await visit.page.getByRole('link', { name: `2 active, of ${sku}` }).click();
    await until('its reservations are shown', async () => visit.page.url().includes(`sku=${sku}`));
    expect(visit.complaints).toEqual([]);
  });

  it('switches the strategy under load without a failed reservation', async () => {
    const sku = await shop.product(200, { strategy: 'row-lock' });
    const visit = await open(sku);
    let isOver = false;
    const buying = inParallel(4, 4, async () => {
      const answers: number[] = [];
      while (!isOver && answers.length < 40)
        answers.push((await shop.reserve({ lines: [{ sku, quantity: 1 }] })).status);
      return answers;
    });
    await visit.page.getByRole('button', { name: 'Switch strategy' }).click();
    const { dialog } = visit;
    await dialog.getByRole('radio', { name: /^grouped/ }).check();
    await dialog.getByLabel('Reason, kept in the audit log').fill('the drop begins');
    expect(await visit.violations()).toEqual([]);
    await dialog.getByRole('button', { name: 'Switch to grouped' }).dblclick();
    await dialog.waitFor({ state: 'detached' });
    expect((await productNow(sku)).strategy).toBe('grouped');
    await until('a buyer came after it', async () => (await shop.available(sku)) < 190);
    isOver = true;
    const answers = (await buying).flat();
    expect(answers.filter((status) => status !== 201)).toEqual([]);
    expect(await shop.available(sku)).toBe(200 - answers.length);
    await untilSays(visit, /grouped\s+since \d\d:\d\d:\d\d, \S+/);
    expect(visit.complaints).toEqual([]);
  });

  it('adjusts stock once, and never below the reserved units', async () => {
    const sku = await shop.product(12);
    await shop.reserved(sku, 10);
    const visit = await open(sku);
    await visit.page.getByRole('button', { name: 'Adjust stock' }).click();
    const { dialog } = visit;
    await dialog.getByLabel('Or new total').fill('8');
    await dialog
      .getByText('This leaves 8, but 10 are promised. Release reservations first, or remove at most 2.')
      .waitFor();
    expect(
      await dialog.getByRole('button', { name: 'Write off 4 units' }).getAttribute('aria-disabled'),
    ).toBe('true');
    await dialog.getByLabel('Change', { exact: true }).fill('-2');
    await dialog.getByText('12 becomes 10. Available goes from 2 to 0.').waitFor();
    await dialog.getByLabel('Reason, kept in the audit log').fill('water damage');
    expect(await visit.violations()).toEqual([]);
    await dialog.getByRole('button', { name: 'Write off 2 units' }).dblclick();
    await dialog.waitFor({ state: 'detached' });
    expect((await productNow(sku)).stock).toMatchObject({ onHand: 10, available: 0 });
    await untilSays(visit, 'water damage');
    await untilSays(visit, 'Sold out');
  });

  describe('Product edit conflict', () => {
    /** Opens the edit, lets the other user save, then saves too late. */
    async function lose(sku: string, theirs: Record<string, unknown>): Promise<Visit> {
      const visit = await open(sku);
      await visit.page.getByRole('button', { name: 'Edit' }).click();
      const { dialog } = visit;
      await dialog.getByLabel('Name', { exact: true }).fill('Mine');
      await dialog.getByLabel('Limit per order').fill('4');
      await dialog.getByLabel('Reason, kept in the audit log').fill('renamed');
      await changeElsewhere(sku, theirs);
      await dialog.getByRole('button', { name: 'Save 2 changes' }).click();
      return visit;
    }
    async function changeElsewhere(sku: string, theirs: Record<string, unknown>): Promise<void> {
      const current = await shop.admin.get(`/v1/admin/products/${sku}`);
      const answer = await shop.admin.put(`/v1/admin/products/${sku}`, theirs, {
        headers: { 'if-match': current.headers.get('etag')! },
      });
      expect(answer.status).toBe(200);
    }
    const price = { amount: 2500, currency: 'EUR' };

    it("preselects own changes and keeps the other user's changes to other fields", async () => {
      const sku = await shop.product(12);
      const visit = await lose(sku, { name: 'Theirs', unitPrice: price });
      const { dialog } = visit;
      await dialog.getByText(/changed this/).waitFor();
      for (const name of ['Name: yours', 'Limit per order: yours', 'Price: now'])
        expect(await dialog.getByRole('radio', { name }).isChecked()).toBe(true);
      expect(await visit.violations()).toEqual([]);
      // Escape must not discard typed values.
      await visit.page.keyboard.press('Escape');
      // The other user saves first again.
      await changeElsewhere(sku, { name: 'Theirs again', unitPrice: price });
      await dialog.getByRole('button', { name: 'Save these values' }).click();
      await dialog.getByText('Theirs again').waitFor();
      expect(await dialog.getByRole('radio', { name: 'Name: yours' }).isChecked()).toBe(true);
      await dialog.getByRole('button', { name: 'Save these values' }).click();
      await dialog.waitFor({ state: 'detached' });
      await untilSays(visit, `${sku}: name and limit per order saved.`);
      expect(await productNow(sku)).toMatchObject({
        name: 'Mine',
        unitPrice: { amount: 2500 },
        quantityPerOrderMax: 4,
      });
    });

    it("saves nothing when every field keeps the other user's value", async () => {
      const sku = await shop.product(12);
      const visit = await lose(sku, { name: 'Theirs', unitPrice: price });
      const { dialog } = visit;
      await dialog.getByRole('radio', { name: 'Name: now' }).check();
      await dialog.getByRole('radio', { name: 'Limit per order: now' }).check();
      const save = dialog.getByRole('button', { name: 'Save these values' });
      expect(await save.getAttribute('aria-disabled')).toBe('true');
      const { version } = await productNow(sku);
      await dialog.getByRole('button', { name: 'Keep the current values' }).click();
      await dialog.waitFor({ state: 'detached' });
      expect(await productNow(sku)).toMatchObject({ name: 'Theirs', version });
      expect(await visit.text()).not.toContain(`${sku}: `);
    });

    it('reports the same change without asking', async () => {
      const sku = await shop.product(12);
      const { unitPrice } = await productNow(sku);
      const visit = await lose(sku, { name: 'Mine', unitPrice, quantityPerOrderMax: 4 });
      await visit.dialog.waitFor({ state: 'detached' });
      await untilSays(visit, `has already made the same change to ${sku}.`);
    });
  });

  it('cannot be edited by a viewer', async () => {
    const visit = await open(await shop.product(3), 'viewer');
    for (const name of ['Edit', 'Switch strategy', 'Adjust stock']) {
      const button = visit.page.getByRole('button', { name: new RegExp(`^${name}`) });
      expect(await button.getAttribute('aria-disabled')).toBe('true');
    }
    expect(await visit.violations()).toEqual([]);
  });
});
