import { openShop } from '../support/shop';
import { type Theme, expectSoundPage, openBrowser } from './support';

/** Checks that hold on the page of every object. */
describe('object pages', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);
  const paths: Record<string, string> = {};

  beforeAll(async () => {
    const pools = { strategy: 'pools', pools: ['eu', 'us'], reservationsPerCustomerMax: 3 };
    const sku = await shop.product(12, pools);
    const order = await shop.placed(sku, 3);
    const declined = await shop.order(
      { paymentMethod: 'pm_sandbox_capture_declined', lines: [{ sku, quantity: 1 }] },
      { waitSeconds: 30 },
    );
    const held = await shop.reserved(sku, 2);
    const released = await shop.reserved(sku, 1);
    await shop.admin.post(`/v1/admin/reservations/${released.id}/release`, { reason: 'the customer called' });
    paths['a placed order'] = `/orders/${order.id}`;
    paths['an order that was undone'] = `/orders/${declined.body.order.id}`;
    paths['an active reservation'] = `/reservations/${held.id}`;
    paths['a released reservation'] = `/reservations/${released.id}`;
    paths['a product in pools'] = `/products/${sku}`;
    paths['an order that does not exist'] = '/orders/ord_01k9h3v5r8e06a2m0q4wzth7k2';
  });

  const things = [
    'a placed order',
    'an order that was undone',
    'an active reservation',
    'a released reservation',
    'a product in pools',
  ];
  const themes: Theme[] = ['light', 'dark'];

  describe.each(themes)('in the %s theme,', (theme) => {
    it.each(things)('%s has no axe, console or CSP complaints and never scrolls sideways', async (thing) => {
      await expectSoundPage(await browser.visit({ role: 'admin', theme }), paths[thing]!);
    });
  });

  it('say so when the object does not exist', async () => {
    const visit = await browser.visit({ role: 'viewer' });
    await visit.go(paths['an order that does not exist']!);
    await visit.page.getByText(/Could not load this order \(404\)/).waitFor();
  });
});
