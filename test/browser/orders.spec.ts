import { openShop } from '../support/shop';
import { openBrowser, untilSays, type Visit } from './support';
import { patienceMs } from '../support/until';

describe('Order page', () => {
  const shop = openShop({ queue: 'postgres', env: { PAYMENT_TIMEOUT_MS: '400' } });
  const browser = openBrowser(shop);

  const open = async (path: string, width?: number): Promise<Visit> => {
    const visit = await browser.visit({ role: 'admin', width });
    await visit.go(path);
    await visit.untilLive();
    return visit;
  };

  it('shows the story above the timeline', async () => {
    const sku = await shop.product(5);
    const answer = await shop.order(
      { paymentMethod: 'pm_sandbox_capture_declined', lines: [{ sku, quantity: 2 }] },
      { waitSeconds: 30 },
    );
    const { id } = answer.body.order;
    const visit = await open(`/orders/${id}`);
    const text = await untilSays(visit, 'The customer paid nothing.', 'main');
    expect(text).toContain('The capture was declined');
    expect(text.indexOf('The customer paid')).toBeLessThan(text.indexOf('Timeline'));
    for (const words of [/Capture: 1 declined/, /Void authorization: /, /Release stock: 2 units/])
      await visit.page.getByRole('button', { name: words }).waitFor();
    expect(await visit.violations()).toEqual([]);
    expect(visit.complaints).toEqual([]);
  });

  it('draws an attempt without a response as unknown, and the wait before the next one', async () => {
    const sku = await shop.product(5);
    const { body } = await shop.order({
      paymentMethod: 'pm_sandbox_timeout_before_commit',
      lines: [{ sku, quantity: 1 }],
    });
    const visit = await open(`/orders/${body.id}`);
    await visit.page.getByRole('button', { name: /Authorize: 1 no answer,/ }).waitFor();
    await untilSays(visit, /next attempt in/);
    await visit.page.getByRole('button', { name: /Authorize: 2 yes/ }).waitFor({ timeout: patienceMs });
    await untilSays(visit, /waited [4-9]/);
    expect(visit.complaints).toEqual([]);
  });

  it('moves from bar to bar with the arrow keys', async () => {
    const order = await shop.placed(await shop.product(5));
    const visit = await open(`/orders/${order.id}`);
    const bars = visit.page.locator('[data-bar]');
    await bars.first().focus();
    await visit.page.keyboard.press('ArrowRight');
    const name = await visit.page.evaluate<string>('document.activeElement.getAttribute("aria-label")');
    expect(name).toContain('Authorize: 1 yes');
    await visit.page.getByText('Lease token').first().waitFor();
  });

  it('shows the timeline as a list on a phone', async () => {
    const order = await shop.placed(await shop.product(5));
    const visit = await open(`/orders/${order.id}`, 390);
    const list = visit.page.getByRole('list', { name: 'Timeline, step by step' });
    await list.getByText('Capture').waitFor();
    expect(await visit.page.locator('[data-bar]').first().isVisible()).toBe(false);
    expect(await visit.overhang()).toBeLessThanOrEqual(0);
    expect(await visit.violations()).toEqual([]);
  });

  it('is found through every filter of the orders list', async () => {
    const sku = await shop.product(5);
    const declined = await shop.order(
      { paymentMethod: 'pm_card_chargeDeclined', lines: [{ sku, quantity: 1 }] },
      { waitSeconds: 30 },
    );
    const visit = await open('/orders');
    await visit.page.getByRole('button', { name: 'Rejected' }).click();
    await visit.page.locator(`[title="${declined.body.order.id}"]`).first().waitFor();
    expect(await visit.page.locator('tbody').innerText()).not.toContain('Placed');
    await visit.page.locator('tbody tr').first().click();
    await visit.page.getByRole('heading', { level: 1 }).waitFor();
  });
});
