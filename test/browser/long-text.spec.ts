import { openShop } from '../support/shop';
import { until } from '../support/until';
import { openBrowser } from './support';

/** The maximum length that the API accepts. */
const customerId = `cus_${'x'.repeat(251)}`;
const sku = `SKU-${'Y'.repeat(60)}`;
const name = `Product ${'z'.repeat(192)}`;
const reason = 'r'.repeat(500);

const paths = [
  '/',
  '/review',
  '/products',
  `/products/${sku}`,
  '/reservations?status=active,pinned,confirmed,released,expired',
  `/reservations?customerId=${customerId}&sku=${sku}`,
  '/orders',
  `/orders?customerId=${customerId}`,
  '/queues',
  '/webhooks',
  '/audit',
  `/audit?objectId=${sku}`,
];

describe('pages with texts of the maximum length', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    const product = { name, unitPrice: { amount: 1999, currency: 'EUR' }, onHand: 50, reason };
    expect((await shop.admin.put(`/v1/admin/products/${sku}`, product)).status).toBe(201);
    await shop.admin.post(`/v1/admin/products/${sku}/adjustments`, { delta: 2, reason });
    const held = await shop.reserved(sku, 1, { customerId });
    const released = await shop.reserved(sku, 1, { customerId });
    await shop.admin.post(`/v1/admin/reservations/${released.id}/release`, { reason });
    const order = await shop.order({ customerId, lines: [{ sku, quantity: 1 }] }, { waitSeconds: 30 });
    ids.order = order.body.id;
    ids.held = held.id;
    ids.released = released.id;
    await shop.query(
      `INSERT INTO dead_letters (id, type, aggregate_id, reason, attempts, died_at)
       SELECT gen_random_uuid(), 'order.accepted', id, $1, 3, clock_timestamp() FROM orders LIMIT 1`,
      [reason],
    );
  });

  it.each([...paths, '/orders/{order}', '/reservations/{held}', '/reservations/{released}'])(
    '%s keeps every column on the page at 1280 px and never scrolls sideways at 320 px',
    async (template) => {
      const path = template.replace(/\{(\w+)\}/, (_, id: string) => ids[id]!);
      const visit = await browser.visit({ role: 'admin', width: 1280 });
      await visit.go(path);
      await visit.untilLive();
      await visit.untilLoaded();
      await until('no table is wider than its box', async () => {
        const wide = await visit.page.evaluate<string[]>(
          `[...document.querySelectorAll('main table')].map((table) => [table, table.parentElement])
             .filter(([, box]) => box.scrollWidth > box.clientWidth + 1)
             .map(([table, box]) => (table.caption?.textContent ?? 'table') + ' ' + box.scrollWidth + ' > ' + box.clientWidth)`,
        );
        if (wide.length > 0) throw new Error(wide.join('; '));
        return (await visit.overhang()) <= 0;
      });
      await visit.page.setViewportSize({ width: 320, height: 640 });
      await until('nothing is wider than the page', async () => (await visit.overhang()) <= 0);
      expect(visit.complaints).toEqual([]);
    },
  );

  it('shows the full customer id in the title of a truncated cell', async () => {
    const visit = await browser.visit({ role: 'viewer', width: 1280 });
    await visit.go('/orders');
    await visit.page.locator(`tbody td > [title="${customerId}"]`).first().waitFor();
  });
});
