import { parsePublicId } from '../../src/ids';
import { HttpClient } from '../support/http-client';
import { openShop } from '../support/shop';
import { until } from '../support/until';
import { openBrowser, untilSays } from './support';

describe('Needs review page', () => {
  // No webhook arrives, so only an operator settles a case.
  const shop = openShop({
    queue: 'postgres',
    env: { PAYMENT_TIMEOUT_MS: '300' },
    envOf: { sandbox: { SANDBOX_WEBHOOK_URL: 'http://127.0.0.1:9/nowhere' } },
  });
  const browser = openBrowser(shop);
  const faults = (settings: { down: boolean }) =>
    new HttpClient(shop.service.sandboxUrl).post('/sandbox/faults', settings);

  /** An order whose payment is out of attempts because the provider was silent. */
  async function stuck(sku: string): Promise<string> {
    await faults({ down: true });
    const { body } = await shop.order({ lines: [{ sku, quantity: 2 }] });
    const orderId = body.id as string;
    const sagaIs = (status: string) =>
      until(
        `the saga of ${orderId} is ${status}`,
        async () => (await shop.orderNow(orderId)).saga.status === status,
      );
    await until('it was asked and did not answer', async () => {
      const order = await shop.orderNow(orderId);
      return order.payment.status === 'unknown';
    });
    await shop.query(
      `UPDATE sagas SET attempt = 9, next_run_at = clock_timestamp() WHERE order_id = $1 AND lease_expires_at IS NULL`,
      [parsePublicId('ord', orderId)],
    );
    await sagaIs('stuck');
    await shop.query(
      `UPDATE sagas SET next_run_at = clock_timestamp() + interval '1 hour' WHERE order_id = $1`,
      [parsePublicId('ord', orderId)],
    );
    await faults({ down: false });
    return orderId;
  }

  it('says that nothing needs review when there are no cases', async () => {
    const visit = await browser.visit({ role: 'viewer' });
    await visit.go('/review');
    await untilSays(visit, 'Nothing needs review.');
  });

  it('settles a case with the keyboard alone', async () => {
    const orderId = await stuck(await shop.product(5));
    const visit = await browser.visit({ role: 'admin' });
    await visit.go('/review');
    await visit.untilLive();
    await untilSays(visit, 'Provider says');
    expect(await visit.violations()).toEqual([]);
    const { keyboard } = visit.page;
    await keyboard.press('j');
    await keyboard.press('Enter');
    // Its page is loading: a letter does nothing before the form is there.
    await until('the reason can be typed', async () => {
      await keyboard.press('r');
      return (await visit.page.evaluate('document.activeElement?.tagName')) === 'TEXTAREA';
    });
    await keyboard.type('their status page says they are back');
    // A letter never sends anything; only the button does, which Tab reaches.
    expect((await shop.orderNow(orderId)).saga.status).toBe('stuck');
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    const order = await shop.untilEnded(orderId);
    expect(order.status).toBe('placed');
    expect(await shop.ledgerRow(orderId)).toMatchObject({ captured: order.total.amount });
    await untilSays(visit, /Nothing needs review|This case is settled/);
    const acts = await shop.query(`SELECT 1 FROM admin_actions WHERE action = 'saga.retry'`);
    expect(acts).toHaveLength(1);
    // Fetched between its end and the response to the action, it is not found, which the browser logs.
    expect(visit.complaints.filter((text) => !/404 .*\/admin\/review\/ord_/.test(text))).toEqual([]);
  });

  it('retries a stuck refund in part once, by its own case', async () => {
    const order = await shop.placed(await shop.product(5), 2);
    await faults({ down: true });
    await shop.client.post(
      `/v1/orders/${order.id}/refunds`,
      { amount: 1250, reason: 'scratched' },
      { headers: { 'idempotency-key': `refund-${order.id}` } },
    );
    await until('the provider did not answer', async () => {
      const stopped = await shop.query(
        `UPDATE payment_tasks SET status = 'stuck', next_run_at = clock_timestamp() + interval '1 hour'
          WHERE order_id = $1 AND attempt > 0 AND lease_expires_at IS NULL RETURNING id`,
        [parsePublicId('ord', order.id)],
      );
      return stopped.length === 1;
    });
    await faults({ down: false });
    const visit = await browser.visit({ role: 'admin' });
    await visit.go('/review');
    await visit.untilLive();
    const retry = visit.page.getByRole('button', { name: 'Retry the refund' });
    await retry.waitFor();
    expect(await visit.violations()).toEqual([]);
    await retry.click();
    await visit.dialog.getByLabel('Reason, kept in the audit log').fill('the provider is back');
    await visit.dialog.getByRole('button', { name: /^Retry the refund of €\s12\.50$/ }).dblclick();
    await until('the refund has arrived', async () => {
      const { refunds } = await shop.orderNow(order.id);
      return refunds[0].status === 'succeeded';
    });
    expect(await shop.ledgerRow(order.id)).toMatchObject({ captured: 3998, refunded: 1250 });
    const acts = await shop.query(`SELECT 1 FROM admin_actions WHERE action = 'payment-task.retry'`);
    expect(acts).toHaveLength(1);
    await untilSays(visit, /Nothing needs review|This case is settled/);
  });

  it('compensates once when the button is pressed many times', async () => {
    const sku = await shop.product(5);
    const orderId = await stuck(sku);
    const visit = await browser.visit({ role: 'admin', theme: 'dark' });
    await visit.go(`/review/${orderId}`);
    await visit.untilLive();
    await visit.page.getByRole('radio', { name: /Compensate/ }).check();
    await visit.page.getByLabel('Reason, kept in the audit log').fill('the customer gave up');
    await visit.page.getByRole('button', { name: /^Compensate/ }).dblclick();
    expect((await shop.untilEnded(orderId)).status).toBe('rejected');
    await shop.untilAvailable(sku, 5);
    const acts = await shop.query(`SELECT 1 FROM admin_actions WHERE action = 'saga.compensate'`);
    expect(acts).toHaveLength(1);
  });

  it('says so when someone else has settled the open case', async () => {
    const orderId = await stuck(await shop.product(5));
    const visit = await browser.visit({ role: 'admin' });
    await visit.go(`/review/${orderId}`);
    await untilSays(visit, 'Provider says');
    await shop.admin.post(`/v1/admin/orders/${orderId}/saga/retry`, { reason: 'from another tab' });
    await untilSays(visit, 'This case is settled');
    await untilSays(visit, /Placed\s+Nothing to do/);
  });

  it('shows a case while an API of the previous build answers without the comparison', async () => {
    const orderId = await stuck(await shop.product(5));
    const visit = await browser.visit({ role: 'viewer' });
    await visit.page.route('**/saga/options', async (route) => {
      const answer = await route.fetch();
      const { comparison: _, ...older } = (await answer.json()) as Record<string, unknown>;
      await route.fulfill({ response: answer, json: older });
    });
    await visit.go(`/review/${orderId}`);
    await untilSays(visit, 'Provider says');
  });

  it('does not let a viewer settle a case', async () => {
    const orderId = await stuck(await shop.product(5));
    const visit = await browser.visit({ role: 'viewer', width: 390 });
    await visit.go(`/review/${orderId}`);
    await visit.untilLive();
    await untilSays(visit, 'Provider says');
    const press = visit.page.locator('form button[aria-disabled=true]');
    await press.waitFor();
    expect(await press.innerText()).toContain('Needs an admin key');
    expect(await visit.violations()).toEqual([]);
  });
});
