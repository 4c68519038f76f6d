import { openShop } from '../support/shop';
import { openBrowser, untilSays } from './support';

describe('Order page while the buyer must act', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  it.each(['light', 'dark'] as const)(
    'says what the buyer must do and until when, and shows no secret (%s)',
    async (theme) => {
      const sku = await shop.product(5);
      const { body } = await shop.order(
        {
          paymentMethod: undefined,
          payment: { method: 'pm_sandbox_requires_action', receiptEmail: 'buyer@example.com' },
          onDecline: { holdSeconds: 300, attemptsMax: 3 },
          lines: [{ sku, quantity: 1 }],
        },
        { waitSeconds: 30 },
      );
      const { body: action } = await shop.client.get(`/v1/orders/${body.id}/next-action`);
      expect(action.clientSecret).toMatch(/_secret_/);

      const visit = await browser.visit({ role: 'viewer', theme });
      await visit.go(`/orders/${body.id}`);
      await visit.untilLive();
      const panel = visit.page.getByRole('region', { name: 'Waiting for the buyer' });
      await panel.waitFor();
      const text = await panel.innerText();
      expect(text).toContain('The buyer must authenticate the payment with their bank.');
      expect(text).toContain('It is the first card; 2 more cards may follow.');
      expect(await panel.getByRole('timer').innerText()).toMatch(/^(10:00|9:\d\d)$/);
      const whole = await untilSays(visit, 'for the buyer', 'main');
      expect(whole).toContain('Needs the buyer');
      expect(whole).not.toContain('next attempt in');
      const html = await visit.page.content();
      for (const secret of [action.clientSecret, 'buyer@example.com', '_secret_'])
        expect(html.includes(secret)).toBe(false);
      expect(await visit.violations()).toEqual([]);
      await visit.page.setViewportSize({ width: 320, height: 640 });
      expect(await visit.overhang()).toBeLessThanOrEqual(0);
      expect(visit.complaints).toEqual([]);

      await visit.go('/');
      await visit.untilLive();
      const overview = await visit.text('main');
      expect(overview).toMatch(/Authorize\s+1/);
      expect(overview).toMatch(/Unknown\s+0/);
      expect(overview).toMatch(/Stuck\s+0/);
      await shop.requestCancellation(body.id, 'cancel');
    },
  );

  it('says that the stock is held for another card, and which cards were tried after it paid', async () => {
    const sku = await shop.product(5);
    const declined = await shop.order(
      {
        paymentMethod: 'pm_card_chargeDeclinedInsufficientFunds',
        onDecline: { holdSeconds: 300, attemptsMax: 2 },
        lines: [{ sku, quantity: 1 }],
      },
      { waitSeconds: 30 },
    );
    const { id } = declined.body.order;
    const visit = await browser.visit({ role: 'admin' });
    await visit.go(`/orders/${id}`);
    await visit.untilLive();
    const panel = visit.page.getByRole('region', { name: 'Waiting for another card' });
    await panel.waitFor();
    expect(await panel.innerText()).toMatch(
      /declined \(insufficient funds\)[\s\S]*It is the first card; 1 more card may follow\./,
    );
    expect(await panel.getByRole('timer').innerText()).toMatch(/^(5:00|4:\d\d)$/);
    expect(await visit.violations()).toEqual([]);

    const paid = await shop.client.post(
      `/v1/orders/${id}/payments`,
      { payment: { method: 'pm_card_visa' } },
      { headers: { 'idempotency-key': `second-${id}`, prefer: 'wait=30' } },
    );
    expect({ status: paid.status, code: paid.body.code }).toEqual({ status: 201 });
    await panel.waitFor({ state: 'detached' });
    const text = await untilSays(visit, 'Saga completed', 'main');
    expect(text).toMatch(/Authorize 1[\s\S]*Declined[\s\S]*insufficient funds[\s\S]*Authorize 2[\s\S]*Done/);
    expect(visit.complaints).toEqual([]);
  });
});
