import { openShop } from '../support/shop';
import { until } from '../support/until';
import { openBrowser, untilSays, type Visit } from './support';

describe('Reservations page', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  const open = async (path: string, role: 'admin' | 'viewer' = 'admin'): Promise<Visit> => {
    const visit = await browser.visit({ role });
    await visit.go(path);
    await visit.untilLive();
    return visit;
  };
  const rowOf = (visit: Visit, id: string) =>
    visit.page.locator('tr', { has: visit.page.locator(`[title="${id}"]`) });
  const actsOn = (objectId: string) =>
    shop.query<{ action: string; reason: string }>(
      'SELECT action, reason FROM admin_actions WHERE object_id = $1 ORDER BY id',
      [objectId],
    );

  it('counts down, and shows each reservation as expired before it leaves the list', async () => {
    const sku = await shop.product(5);
    const { id } = await shop.reserved(sku, 2, { ttlSeconds: 7 });
    const other = await shop.reserved(sku, 1);
    const visit = await open(`/reservations?sku=${sku}`);
    const row = rowOf(visit, id);
    await row.getByText(/^0:0\d$/).waitFor();
    await row.getByText('Active, ending').waitFor();
    await row.getByText('Expired').waitFor();
    await row.waitFor({ state: 'detached' });
    await rowOf(visit, other.id).getByText('Active', { exact: true }).waitFor();
    await shop.untilAvailable(sku, 4);
    expect(visit.complaints).toEqual([]);
  });

  it('adds new rows automatically, but holds them back while the pointer is in the table', async () => {
    const sku = await shop.product(5);
    const first = await shop.reserved(sku);
    const visit = await open(`/reservations?sku=${sku}`);
    await rowOf(visit, first.id).hover();
    const second = await shop.reserved(sku);
    await visit.page.getByRole('button', { name: 'Show 1 new' }).click();
    await rowOf(visit, second.id).waitFor();
  });

  it('releases one reservation once with a reason when the button is pressed many times', async () => {
    const sku = await shop.product(5);
    const { id } = await shop.reserved(sku, 2);
    const visit = await open(`/reservations/${id}`);
    await visit.page.getByRole('button', { name: 'Release', exact: true }).click();
    const { dialog } = visit;
    expect(await visit.violations()).toEqual([]);
    const press = dialog.getByRole('button', { name: 'Release 1 reservation' });
    expect(await press.getAttribute('aria-disabled')).toBe('true');
    await dialog.getByLabel('Reason, kept in the audit log').fill('the customer called');
    await press.dblclick();
    await visit.page.getByRole('link', { name: 'Show in audit log' }).click();
    await untilSays(visit, 'the customer called', 'main');
    expect(await shop.available(sku)).toBe(5);
    expect(await actsOn(id)).toEqual([{ action: 'reservation.release', reason: 'the customer called' }]);
    await visit.go(`/reservations/${id}`);
    await untilSays(visit, /Ended: .*the customer called/);
  });

  it('releases many only after a dry run and a typed count', async () => {
    const sku = await shop.product(40);
    for (let nth = 0; nth < 11; nth++) await shop.reserved(sku, 2);
    const spared = await shop.reserved(await shop.product(3));
    const charged = await shop.order({
      paymentMethod: 'pm_sandbox_slow_25000',
      lines: [{ sku, quantity: 1 }],
    });
    await until('its charge is in flight', async () => {
      const { body } = await shop.admin.get(`/v1/reservations/${charged.body.reservationId}`);
      return body.status === 'pinned';
    });
    const visit = await open(`/reservations?sku=${sku}`);
    await visit.page.getByRole('checkbox', { name: 'Select all shown rows' }).check();
    await visit.page.getByRole('button', { name: 'Select all matching…' }).click();

    const { dialog } = visit;
    await dialog.getByText(`Release 11 reservations of ${sku}?`).waitFor();
    await dialog.getByText('1 pinned matches too and stays: its charge is in flight.').waitFor();
    expect(await visit.text('[role=dialog] dl')).toMatch(/11[^]*22[^]*11/);
    await dialog.getByLabel('Reason, kept in the audit log').fill('wrong price shown');
    const press = dialog.getByRole('button', { name: 'Release 11 reservations' });
    expect(await press.getAttribute('aria-disabled')).toBe('true');
    expect(await visit.violations()).toEqual([]);
    await dialog.getByLabel('Type 11 to confirm').fill('11');
    await press.dblclick();

    await dialog.getByText('11 reservations released').waitFor();
    await dialog.getByText('22 units are back on sale.').waitFor();
    expect(await shop.available(sku)).toBe(39);
    expect((await shop.admin.get(`/v1/reservations/${spared.id}`)).body.status).toBe('active');
    expect((await shop.all('/v1/admin/reservations/releases')).length).toBe(1);
    expect(visit.complaints).toEqual([]);
  });

  it('counts again when the number has changed since the dry run', async () => {
    const sku = await shop.product(40);
    for (let nth = 0; nth < 10; nth++) await shop.reserved(sku);
    const soon = await shop.reserved(sku);
    const visit = await open(`/reservations?sku=${sku}`);
    await visit.page.getByRole('checkbox', { name: 'Select all shown rows' }).check();
    await visit.page.getByRole('button', { name: 'Select all matching…' }).click();
    const { dialog } = visit;
    await dialog.getByLabel('Reason, kept in the audit log').fill('wrong price shown');
    await dialog.getByLabel('Type 11 to confirm').fill('11');
    await shop.admin.post(`/v1/admin/reservations/${soon.id}/release`, { reason: 'somebody else' });
    await dialog.getByRole('button', { name: 'Release 11 reservations' }).click();
    await dialog.getByText('Now 10 would end, not 11. Check the new numbers.').waitFor();
    await dialog.getByRole('button', { name: 'Release 10 reservations' }).waitFor();
    expect(await shop.available(sku)).toBe(30);
  });

  it('keeps its filters in the URL', async () => {
    const sku = await shop.product(5);
    const { id, customerId } = await shop.reserved(sku);
    await shop.reserved(sku);
    const visit = await open('/reservations');
    await visit.page.getByRole('button', { name: 'Customer', exact: true }).click();
    await visit.page.getByLabel('Customer', { exact: true }).fill(customerId);
    await visit.page.keyboard.press('Enter');
    await until('the address has it', async () => visit.page.url().includes(customerId));
    await visit.page.reload();
    await rowOf(visit, id).waitFor();
    expect(await visit.page.locator('tbody tr[data-row]').count()).toBe(1);
  });

  it('does not let a viewer release', async () => {
    const { id } = await shop.reserved(await shop.product(5));
    const visit = await open(`/reservations/${id}`, 'viewer');
    const release = visit.page.getByRole('button', { name: /^Release/ });
    expect(await release.getAttribute('aria-disabled')).toBe('true');
    expect(await release.innerText()).toContain('Needs an admin key');
    await release.click({ force: true });
    expect(await visit.dialog.count()).toBe(0);
    expect(await actsOn(id)).toEqual([]);
  });
});
