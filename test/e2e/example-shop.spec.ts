import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { type Server, createServer, request as outgoing } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Child, root } from '../support/child';
import { nodeUnderTest } from '../support/command';
import { Guardian } from '../support/guardian';
import { freePort } from '../support/ports';
import { openShop } from '../support/shop';
import { until } from '../support/until';

/** `examples/shop` in front of a running service, as its page uses it. */

const holdfast = openShop({ queue: 'postgres' });
const guardian = new Guardian();
let lossy: Server;
/** How many answers to new orders and cards are lost on their way to the shop. */
let lost = 0;
let example: Child;
let url = '';
let sku = '';
const onHand = 8;

/** In front of Holdfast: what it executes it also answers, but the shop may not hear that. */
function losing(target: string): Server {
  const { hostname, port } = new URL(target);
  return createServer((incoming, response) => {
    const { method, url: requested, headers } = incoming;
    const upstream = outgoing({ hostname, port, method, path: requested, headers }, (answer) => {
      if (method === 'POST' && lost > 0) {
        lost -= 1;
        answer.resume();
        return answer.on('end', () => response.destroy());
      }
      response.writeHead(answer.statusCode!, answer.headers);
      return answer.pipe(response);
    });
    incoming.pipe(upstream);
  });
}

beforeAll(async () => {
  lossy = losing(holdfast.service.apis[0]!);
  await new Promise<void>((resolve) => lossy.listen(0, '127.0.0.1', resolve));
  sku = await holdfast.product(onHand);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const env = {
    PATH: process.env.PATH,
    PORT: String(port),
    SKU: sku,
    HOLDFAST_URL: `http://127.0.0.1:${(lossy.address() as AddressInfo).port}`,
    SANDBOX_URL: holdfast.service.sandboxUrl,
    STATE_FILE: path.join(mkdtempSync(path.join(os.tmpdir(), 'holdfast-shop-')), 'state.json'),
  };
  example = new Child(
    {
      name: 'example shop',
      command: nodeUnderTest,
      args: [path.join(root, 'examples/shop/server.mjs')],
      env,
      readyWhen: /The shop is open/,
    },
    guardian,
  );
  await example.start();
});
afterAll(async () => {
  await example?.stop();
  lossy?.close();
  guardian.dismiss();
});

const post = async (route: string, body: object): Promise<any> => {
  const response = await fetch(url + route, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${route}: ${response.status} ${await response.text()}`);
  return response.json();
};
const pay = (checkoutId: string, method: string, more: object = {}) =>
  post('/checkout', { checkoutId, method, ...more });
const ordersOf = async (checkoutId: string) =>
  (await holdfast.client.get(`/v1/orders?customerId=guest-${checkoutId}`)).body.data;
const stepAfter = (checkoutId: string, ...steps: string[]) =>
  until(`checkout ${checkoutId} is at ${steps.join()}`, async () => {
    const next = await post('/status', { checkoutId });
    return steps.includes(next.step) && next;
  });

describe('the example shop', () => {
  it('serves its page, which never has the key of Holdfast', async () => {
    const page = await (await fetch(url)).text();
    expect(page).toContain('<button>Pay</button>');
    expect(await (await fetch(`${url}/config`)).json()).toEqual({
      sku,
      price: { amount: 1999, currency: 'EUR' },
      publishableKey: null,
    });
    for (const file of ['/page.js', '/']) expect(await (await fetch(url + file)).text()).not.toContain('hf_');
  });

  it('thanks the buyer of a good card', async () => {
    const next = await pay(randomUUID(), 'pm_card_visa');

    expect(next).toMatchObject({ step: 'thanks', total: { amount: 1999, currency: 'EUR' } });
    expect(await holdfast.ledgerRow(next.orderId)).toMatchObject({ captured: 1999 });
  });

  it('has the buyer authenticate, and then thanks', async () => {
    const checkoutId = randomUUID();
    expect(await pay(checkoutId, 'pm_sandbox_requires_action')).toMatchObject({ step: 'authenticate' });
    const { clientSecret } = await post('/next-action', { checkoutId });
    expect(await post('/sandbox/authenticate', { clientSecret, outcome: 'success' })).toEqual({ done: true });

    expect(await stepAfter(checkoutId, 'thanks')).toMatchObject({ step: 'thanks' });
  });

  it('offers another card when the bank refuses the buyer', async () => {
    const checkoutId = randomUUID();
    await pay(checkoutId, 'pm_sandbox_requires_action');
    const { clientSecret } = await post('/next-action', { checkoutId });
    await post('/sandbox/authenticate', { clientSecret, outcome: 'failure' });

    const { attempt } = await stepAfter(checkoutId, 'another_card');
    expect(await post('/card', { checkoutId, attempt, method: 'pm_card_visa' })).toMatchObject({
      step: 'thanks',
    });
  });

  it('keeps the goods for another card after a decline, and is paid once', async () => {
    const checkoutId = randomUUID();
    const declined = await pay(checkoutId, 'pm_card_chargeDeclinedInsufficientFunds');
    expect(declined).toMatchObject({
      step: 'another_card',
      attempt: 2,
      declineCode: 'insufficient_funds',
      seconds: expect.any(Number),
    });
    // After a reload the page learns the same.
    expect(await post('/status', { checkoutId })).toMatchObject({ step: 'another_card', attempt: 2 });

    const again = { checkoutId, attempt: 2, method: 'pm_card_visa' };
    const [next, doubleClick] = await Promise.all([post('/card', again), post('/card', again)]);
    expect([next.step, doubleClick.step]).toEqual(['thanks', 'thanks']);
    expect(await holdfast.ledgerRow(declined.orderId)).toMatchObject({ captured: 1999 });
  });

  it('ends when no card is left to try', async () => {
    const checkoutId = randomUUID();
    const method = 'pm_card_chargeDeclined';
    await pay(checkoutId, method);
    await post('/card', { checkoutId, attempt: 2, method });

    expect(await post('/card', { checkoutId, attempt: 3, method })).toMatchObject({
      step: 'ended',
      declineCode: 'generic_decline',
    });
    expect(await ordersOf(checkoutId)).toMatchObject([{ status: 'rejected' }]);
  });

  it('says that it is sold out, and takes nothing', async () => {
    const before = await holdfast.available(sku);
    const next = await pay(randomUUID(), 'pm_card_visa', { quantity: onHand + 1 });

    expect(next).toMatchObject({ step: 'sold_out', shortfalls: [{ sku, requested: onHand + 1 }] });
    expect(await holdfast.available(sku)).toBe(before);
  });

  it('makes one order when answers are lost and the button is pressed twice, with another card the second time', async () => {
    const checkoutId = randomUUID();
    lost = 2;
    await Promise.all([pay(checkoutId, 'pm_card_visa'), pay(checkoutId, 'pm_card_chargeDeclined')]);
    const { orderId } = await stepAfter(checkoutId, 'thanks');

    expect(lost).toBe(0);
    expect(await ordersOf(checkoutId)).toMatchObject([{ id: orderId, status: 'placed' }]);
    expect(await holdfast.ledgerRow(orderId)).toMatchObject({ captured: 1999 });
  });

  it('hears of its orders by webhook, and after a day of being down by the feed, each once', async () => {
    const { orderId } = await pay(randomUUID(), 'pm_card_visa');
    const heard = (id: string, status: string) =>
      until(`the shop has heard that ${id} is ${status}`, async () => {
        const known = await post('/heard', { orderId: id });
        return known?.status === status && known;
      });
    const placed = await heard(orderId, 'placed');
    expect(placed).toEqual(expect.objectContaining({ id: orderId, version: expect.any(Number) }));

    await example.stop();
    await holdfast.requestCancellation(orderId, 'cancel');
    const meanwhile = (await holdfast.placed(sku)).id;
    await example.start();

    expect((await heard(orderId, 'cancelled')).version).toBeGreaterThan(placed.version);
    await heard(meanwhile, 'placed');
    const forged = await fetch(`${url}/webhooks`, { method: 'POST', body: '{"data":{"object":null}}' });
    expect(forged.status).toBe(400);
  });

  it('does not know the checkout of a browser that never bought', async () => {
    expect(await post('/status', { checkoutId: randomUUID() })).toEqual({ step: 'new' });
  });
});
