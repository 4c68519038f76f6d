import { HttpClient } from '../support/http-client';
import { openShop } from '../support/shop';
import { until } from '../support/until';
import { openBrowser, untilSays } from './support';

describe('Payment panel of an order', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);

  it.each(['light', 'dark'] as const)(
    'shows each operation with its own state, and that a pending refund has not finished (%s)',
    async (theme) => {
      const sku = await shop.product(5);
      const { body } = await shop.order(
        { paymentMethod: 'pm_sandbox_refund_pending_3600000', lines: [{ sku, quantity: 2 }] },
        { waitSeconds: 30 },
      );
      const { id } = body;
      await shop.requestCancellation(id, 'refund');
      const visit = await browser.visit({ role: 'admin', theme });
      await visit.go(`/orders/${id}`);
      const text = await untilSays(visit, 'the provider has accepted the refund of', 'main');
      expect(text).not.toContain('back.');
      const operations = visit.page.getByRole('list', { name: 'Payment operations' }).getByRole('listitem');
      expect(await operations.count()).toBe(3);
      expect(await operations.nth(2).innerText()).toMatch(/Refund 1\s+Accepted[\s\S]*re_/);
      expect(await operations.nth(0).innerText()).toMatch(/Authorize 1\s+Done[\s\S]*pi_[\s\S]*:authorize:1/);
      await visit.page.getByText('Refunding').first().waitFor();
      expect(await visit.violations()).toEqual([]);
      expect(visit.complaints).toEqual([]);
    },
  );

  it('shows an authorization that is processing, without sideways scrolling at 320 px', async () => {
    const sku = await shop.product(5);
    const { body } = await shop.order({
      paymentMethod: 'pm_sandbox_processing_3600000',
      lines: [{ sku, quantity: 1 }],
    });
    const visit = await browser.visit({ role: 'admin', width: 320 });
    await visit.go(`/orders/${body.id}`);
    await untilSays(visit, /had not decided about the (?:first )?authorization/, 'main');
    const operation = visit.page.getByRole('list', { name: 'Payment operations' }).getByRole('listitem');
    expect(await operation.innerText()).toMatch(/Authorize 1\s+Processing/);
    expect(await visit.overhang()).toBeLessThanOrEqual(0);
    expect(await visit.violations()).toEqual([]);
    expect(visit.complaints).toEqual([]);
  });

  it('shows a refund made at the provider, whose case an operator settles', async () => {
    const sku = await shop.product(5);
    const { body } = await shop.order({ lines: [{ sku, quantity: 1 }] }, { waitSeconds: 30 });
    const sandbox = new HttpClient(shop.service.sandboxUrl);
    await sandbox.post('/sandbox/refunds', { payment_intent: body.payment.reference, amount: 500 });
    await until('the fact is recorded', async () => {
      const { payment } = await shop.orderNow(body.id);
      return payment.facts.length > 0;
    });

    const visit = await browser.visit({ role: 'admin' });
    await visit.go(`/orders/${body.id}`);
    const facts = visit.page.getByRole('list', { name: 'Facts from the provider' }).getByRole('listitem');
    await facts.first().waitFor();
    expect(await facts.first().innerText()).toMatch(/Refunded outside[\s\S]*€\s?5\.00[\s\S]*re_/);

    await visit.go('/review?kind=payment');
    await visit.page.getByText('Refunded outside of Holdfast').first().click();
    await untilSays(visit, 'Decide what happens to the goods', 'main');
    expect(await visit.violations()).toEqual([]);
    expect(visit.complaints).toEqual([]);
    await visit.page.getByRole('button', { name: 'Settle the case' }).click();
    await visit.page.getByLabel(/reason/i).fill('the goods came back');
    await visit.page.getByRole('button', { name: 'Settle 1 case' }).click();
    await untilSays(visit, 'The case is settled.');
    await visit.go('/review');
    await untilSays(visit, 'Nothing needs review.');
  });
});
