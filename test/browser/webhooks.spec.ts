import { openShop } from '../support/shop';
import { until } from '../support/until';
import { WebhookReceiver } from '../support/webhook-receiver';
import { expectSoundPage, openBrowser } from './support';

/** The operator's pages of webhook endpoints, with a receiver that takes some and refuses some. */
describe('the webhook pages', () => {
  const shop = openShop({ queue: 'postgres', env: { WEBHOOK_RETRY_SECONDS: '600' } });
  const browser = openBrowser(shop);
  let receiver: WebhookReceiver;
  let id = '';

  beforeAll(async () => {
    receiver = await WebhookReceiver.open();
    id = (await shop.client.post('/v1/webhook-endpoints', { url: receiver.url })).body.id;
    const sku = await shop.product(12);
    await shop.reserved(sku, 2);
    await until('one is taken', () => Promise.resolve(receiver.received.length > 0));
    receiver.answer = (_, response) => void response.writeHead(500).end();
    await shop.reserved(sku, 1);
    await until('one is refused', async () => {
      const { body } = await shop.admin.get(`/v1/admin/webhook-endpoints/${id}`);
      return body.lastFailure?.responseStatus === 500;
    });
  });
  afterAll(() => receiver.close());

  it('list the endpoints of all shops with how far behind they are', async () => {
    const visit = await browser.visit({ role: 'viewer' });
    await visit.go('/webhooks');
    const row = visit.page.getByRole('row', { name: /bootstrap-client/ });
    await row.getByText('1 failed in a row').waitFor();
    await row.getByText('answered 500').waitFor();
    await expectSoundPage(visit, '/webhooks');
    await row.getByRole('link').first().click();
    await visit.page.getByRole('heading', { name: receiver.url }).waitFor();
  });

  it('show what was taken and what waits, at 320 px too', async () => {
    const visit = await browser.visit({ role: 'admin', theme: 'dark', width: 320 });
    await expectSoundPage(visit, `/webhooks/${id}`);
    const deliveries = visit.page.getByRole('table', { name: 'What became of each event' });
    await deliveries.getByText('Taken').first().waitFor();
    await deliveries.getByText('Waiting').first().waitFor();
  });

  it('disable and enable with a reason, test, and replay', async () => {
    const visit = await browser.visit({ role: 'admin' });
    const { page } = visit;
    await visit.go(`/webhooks/${id}`);
    await visit.untilLive();
    const act = async (button: string, confirm: string) => {
      await page.getByRole('button', { name: button, exact: true }).first().click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Reason').fill('the shop asked for it');
      await dialog.getByRole('button', { name: confirm, exact: true }).click();
      await dialog.waitFor({ state: 'detached' });
    };
    await act('Disable', 'Disable');
    await page.getByText('Disabled by an operator').first().waitFor();
    await act('Enable', 'Enable');
    receiver.answer = (_, response) => response.end();
    await act('Send a test', 'Send a test');
    const test = page.getByRole('row', { name: /webhook\.test/ });
    await test.getByText('Taken').waitFor();
    await act('Replay', 'Replay');
    await page.getByText(/done, \d+ events? sent/).waitFor();
    expect(receiver.received.some(({ headers }) => headers['holdfast-replay'] !== undefined)).toBe(true);
    expect(visit.complaints).toEqual([]);
  });
});
