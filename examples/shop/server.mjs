import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { known, listen, receive } from './events.mjs';
import { holdfast, nextStep } from './holdfast.mjs';

const { PORT = '4000', SANDBOX_URL = 'http://127.0.0.1:3100', STRIPE_PUBLISHABLE_KEY } = process.env;
const { SKU = 'TEE-BLACK-M', PRICE = '1999' } = process.env;
const price = { amount: Number(PRICE), currency: 'EUR' };
const returnUrl = `http://127.0.0.1:${PORT}/`;

/** The order of each checkout, and what was sent under a key: a repeat has the same body, whatever the buyer chose since. */
const orders = new Map();
const requests = new Map();
const first = (key, request) => requests.get(key) ?? requests.set(key, request).get(key);

async function remember(checkoutId, asked) {
  const next = await nextStep(asked);
  if (next.orderId) orders.set(checkoutId, next.orderId);
  return next;
}

/** The browser knows only the id of its checkout, which nobody can guess; never the key of Holdfast. */
const routes = {
  'GET /config': () => ({ sku: SKU, price, publishableKey: STRIPE_PUBLISHABLE_KEY ?? null }),

  'POST /checkout': ({ checkoutId, method, quantity = 1 }) => {
    const order = first(checkoutId, {
      // A shop knows its buyer; here everybody is new.
      customerId: `guest-${checkoutId}`,
      lines: [{ sku: SKU, quantity }],
      expectedTotal: { ...price, amount: price.amount * quantity },
      payment: { method, returnUrl },
      // After a decline the stock is kept two minutes for another card; three cards in all.
      onDecline: { holdSeconds: 120, attemptsMax: 3 },
      metadata: { checkout: checkoutId },
    });
    return remember(checkoutId, holdfast.placeOrder(order, { idempotencyKey: checkoutId }));
  },

  /** The number of the card is part of the key: a double click pays once, and another card is another request. */
  'POST /card': ({ checkoutId, method, attempt }) => {
    const key = `${checkoutId}:card:${attempt}`;
    const payment = first(key, { method, returnUrl });
    return remember(checkoutId, holdfast.payOrder(orders.get(checkoutId), payment, { idempotencyKey: key }));
  },

  'POST /status': ({ checkoutId }) =>
    orders.has(checkoutId) ? nextStep(holdfast.getOrder(orders.get(checkoutId))) : { step: 'new' },

  /** For Stripe.js. The secret goes to the buyer's browser and is kept nowhere. */
  'POST /next-action': ({ checkoutId }) =>
    holdfast.nextAction(orders.get(checkoutId)).catch(() => ({ clientSecret: null })),

  /** Where Stripe.js would let the buyer authenticate, the page asks the sandbox to play the buyer. Not with real Stripe. */
  'POST /sandbox/authenticate': async ({ clientSecret, outcome }) => {
    const [intent] = clientSecret.split('_secret_');
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ outcome });
    const url = `${SANDBOX_URL}/sandbox/payment_intents/${intent}/authenticate`;
    return { done: (await fetch(url, { method: 'POST', headers, body })).ok };
  },

  /** What the shop has heard of an order. */
  'POST /heard': ({ orderId }) => known.get(orderId) ?? null,
};

const files = { '/': ['page.html', 'text/html'], '/page.js': ['page.js', 'text/javascript'] };

async function answer(request, response) {
  const { pathname } = new URL(request.url, returnUrl);
  if (files[pathname]) {
    const [file, type] = files[pathname];
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` });
    return response.end(await readFile(new URL(file, import.meta.url)));
  }
  const body = await buffer(request);
  if (pathname === '/webhooks') {
    receive(body, request.headers);
    return response.writeHead(204).end();
  }
  const route = routes[`${request.method} ${pathname}`];
  if (!route) return response.writeHead(404).end();
  const result = await route(body.length > 0 ? JSON.parse(body) : {});
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  return response.end(JSON.stringify(result));
}

createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(400).end(error.message));
}).listen(Number(PORT), '127.0.0.1', () => console.log(`The shop is open: ${returnUrl}`));

await listen(`${returnUrl}webhooks`);
