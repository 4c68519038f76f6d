import { readFileSync } from 'node:fs';
import { inParallel, openShop } from '../support/shop';
import { until } from '../support/until';
import { openBrowser, untilSays, type Visit } from './support';

const rowsOf = ({ page }: Visit) => page.locator('tbody tr[data-row]');
const untilRows = (visit: Visit, count: number): Promise<unknown> =>
  until(`${count} rows are shown`, async () => (await rowsOf(visit).count()) === count);

describe('long lists', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);
  let sku: string;
  const customerId = 'cus_ünïcode';

  beforeAll(async () => {
    sku = await shop.product(1_000);
    await inParallel(120, 4, () => shop.reserved(sku, 1, { customerId }));
    await inParallel(60, 4, () => shop.order({ customerId, lines: [{ sku, quantity: 1 }] }));
  });

  const open = async (path: string): Promise<Visit> => {
    const visit = await browser.visit({ role: 'admin' });
    await visit.go(path);
    await visit.untilLive();
    return visit;
  };
  const showMore = ({ page }: Visit) => page.getByRole('button', { name: 'Show more' });

  it('appends the next rows when "Show more" is clicked, without a "new rows" button', async () => {
    const visit = await open(`/orders?customerId=${encodeURIComponent(customerId)}`);
    await untilRows(visit, 50);
    await showMore(visit).click();
    await untilRows(visit, 60);
    await untilSays(visit, '60 shown.', 'main');
    expect(await visit.page.getByRole('button', { name: /^Show \d+ new/ }).count()).toBe(0);
    await showMore(visit).waitFor({ state: 'detached' });
  });

  it('appends the next rows when "Show more" is pressed with the keyboard', async () => {
    const visit = await open(`/orders?customerId=${encodeURIComponent(customerId)}`);
    await untilRows(visit, 50);
    await showMore(visit).focus();
    await visit.page.keyboard.press('Enter');
    await untilRows(visit, 60);
  });

  it('appends rows while rows are selected, and selects and exports only rows on screen', async () => {
    const visit = await open(`/reservations?sku=${sku}&status=active`);
    await untilRows(visit, 100);
    const all = visit.page.getByRole('checkbox', { name: 'Select all shown rows' });
    await all.check();
    await untilSays(visit, /100 selected, 100 units/);
    // Rows held back are neither selected nor exported. These expire first, but not during the test.
    await inParallel(5, 5, () => shop.reserved(sku, 1, { ttlSeconds: 200 }));
    await visit.page.getByRole('button', { name: /^Show \d+ new/ }).waitFor();
    await untilSays(visit, '100 of 125 shown.', 'main');
    await all.uncheck();
    await all.check();
    await untilSays(visit, /100 selected, 100 units/);
    const [download] = await Promise.all([
      visit.page.waitForEvent('download'),
      visit.page.getByRole('button', { name: 'CSV of the rows shown' }).click(),
    ]);
    const bytes = readFileSync(await download.path());
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    expect(bytes.toString().trim().split('\r\n')).toHaveLength(101);
    expect(bytes.toString()).toContain(customerId);

    await showMore(visit).click();
    await until('the next page is below', async () => (await rowsOf(visit).count()) >= 120);
    await untilSays(visit, /100 selected, 100 units/);
    await visit.page.getByRole('button', { name: /^Show \d+ new/ }).click();
    await untilRows(visit, 125);
    expect(visit.complaints).toEqual([]);
  });

  it('selects and exports the six rows on screen while five new ones are held back', async () => {
    const held = await shop.product(50);
    await inParallel(6, 3, () => shop.reserved(held));
    const visit = await open(`/reservations?sku=${held}`);
    await untilRows(visit, 6);
    await rowsOf(visit).first().hover();
    await inParallel(5, 5, () => shop.reserved(held));
    await visit.page.getByRole('button', { name: 'Show 5 new' }).waitFor();
    await untilSays(visit, '6 of 11 shown.', 'main');
    await visit.page.getByRole('checkbox', { name: 'Select all shown rows' }).check();
    await untilSays(visit, /6 selected, 6 units/);
    const [download] = await Promise.all([
      visit.page.waitForEvent('download'),
      visit.page.getByRole('button', { name: 'CSV of the rows shown' }).click(),
    ]);
    expect(
      readFileSync(await download.path(), 'utf8')
        .trim()
        .split('\r\n'),
    ).toHaveLength(7);
  });

  it('updates the status of a released row that newer rows pushed below the first hundred', async () => {
    const busy = await shop.product(200);
    await inParallel(101, 4, () => shop.reserved(busy));
    const visit = await open(`/reservations?sku=${busy}&status=active,released`);
    await untilRows(visit, 100);
    const last = rowsOf(visit).last();
    const id = (await last.getAttribute('data-href'))!.split('/').pop()!;
    await shop.reserved(busy);
    await untilRows(visit, 101);
    await shop.admin.post(`/v1/admin/reservations/${id}/release`, { reason: 'the customer called' });
    const active = visit.page.locator(`[data-href$="${id}"]`).getByText('Active', { exact: true });
    await active.waitFor({ state: 'detached' });
  });

  it('pages through review cases beyond the first fifty, in both sort orders', async () => {
    await shop.query(
      `INSERT INTO dead_letters (id, type, aggregate_id, reason, attempts, died_at)
       SELECT gen_random_uuid(), 'order.accepted', o.id, 'its handler threw', 3, clock_timestamp() - n * interval '1 minute'
         FROM (SELECT id, row_number() OVER () AS n FROM orders LIMIT 60) o`,
    );
    const visit = await open('/review');
    const rows = visit.page.locator('main li[data-row]');
    await until('fifty cases are shown', async () => (await rows.count()) === 50);
    await untilSays(visit, '60 cases', 'main');
    await showMore(visit).click();
    await until('all cases are shown', async () => (await rows.count()) === 60);
    // Each stream message replaces the first page and must keep the others.
    await shop.query(
      `UPDATE dead_letters SET reason = 'its handler threw again' WHERE id IN (SELECT id FROM dead_letters LIMIT 1)`,
    );
    await until('all cases are still shown', async () => (await rows.count()) === 60);
    await visit.page.getByLabel('Sort by').selectOption('age');
    await showMore(visit).click();
    await until('all cases are shown, oldest first', async () => (await rows.count()) === 60);
    await shop.query(`DELETE FROM dead_letters`);
  });
});
