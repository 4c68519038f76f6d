import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { nextStep, payAgain, placeOrder, send } from './holdfast.mjs';

const {
  PORT = '4000',
  SANDBOX_URL = 'http://127.0.0.1:3100',
  STRIPE_PUBLISHABLE_KEY,
  SKU = 'TEE-BLACK-M',
} = process.env;
const price = { amount: Number(process.env.PRICE ?? 1999), currency: 'EUR' };
const returnUrl = `http://127.0.0.1:${PORT}/`;

/** The order of each checkout. A shop keeps both in its database. */
const orders = new Map();
/** What was sent under a key: a repeat must have the same body, whatever the buyer has chosen since. */
const requests = new Map();

function first(key, request) {
  if (!requests.has(key)) requests.set(key, request);
  return requests.get(key);
}

const files = { '/': ['page.html', 'text/html'], '/page.js': ['page.js', 'text/javascript'] };

/** The browser knows only the id of its checkout, which nobody can guess; never the key of Holdfast. */
const routes = {
  'GET /config': () => ({ sku: SKU, price, publishableKey: STRIPE_PUBLISHABLE_KEY ?? null }),

  'POST /checkout': async ({ checkoutId, method, quantity = 1 }) => {
    const lines = [{ sku: SKU, quantity }];
    const total = { ...price, amount: price.amount * quantity };
    // A shop knows its buyer; here everybody is new.
    const customerId = `guest-${checkoutId}`;
    const order = first(checkoutId, { checkoutId, customerId, lines, total, method, returnUrl });
    return remember(checkoutId, await placeOrder(order));
  },

  'POST /card': async ({ checkoutId, method, attempt }) => {
    const payment = { checkoutId, orderId: orderOf(checkoutId), attempt, method, returnUrl };
    return remember(checkoutId, await payAgain(first(`${checkoutId} ${attempt}`, payment)));
  },

  'POST /status': async ({ checkoutId }) => {
    if (!orders.has(checkoutId)) return { step: 'new' };
    return nextStep(await send('GET', `/v1/orders/${orderOf(checkoutId)}`));
  },

  /** For Stripe.js. The secret goes to the buyer's browser and is kept nowhere. */
  'POST /next-action': async ({ checkoutId }) => {
    const answer = await send('GET', `/v1/orders/${orderOf(checkoutId)}/next-action`);
    if (answer?.status !== 200) return { clientSecret: null };
    const { clientSecret, stripeAccount } = answer.body;
    return { clientSecret, stripeAccount };
  },

  /** Where Stripe.js would let the buyer authenticate, the page asks the sandbox to play the buyer. Not with real Stripe. */
  'POST /sandbox/authenticate': async ({ clientSecret, outcome }) => {
    if (STRIPE_PUBLISHABLE_KEY) throw new Error('The sandbox is not used with Stripe.');
    const [intent] = clientSecret.split('_secret_');
    const response = await fetch(`${SANDBOX_URL}/sandbox/payment_intents/${intent}/authenticate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ outcome }),
    });
    return { done: response.ok };
  },
};

function remember(checkoutId, answer) {
  const next = nextStep(answer);
  if (next.orderId) orders.set(checkoutId, next.orderId);
  return next;
}

function orderOf(checkoutId) {
  const orderId = orders.get(checkoutId);
  if (!orderId) throw new Error('There is no order of this checkout.');
  return orderId;
}

async function answer(request, response) {
  const { pathname } = new URL(request.url, returnUrl);
  if (request.method === 'GET' && files[pathname]) {
    const [file, type] = files[pathname];
    const content = await readFile(new URL(file, import.meta.url));
    return response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(content);
  }
  const route = routes[`${request.method} ${pathname}`];
  if (!route) return response.writeHead(404).end();
  let text = '';
  for await (const chunk of request) text += chunk;
  const result = await route(text ? JSON.parse(text) : {});
  response
    .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(JSON.stringify(result));
}

createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(400).end(error.message));
}).listen(Number(PORT), '127.0.0.1', () => console.log(`The shop is open: ${returnUrl}`));
