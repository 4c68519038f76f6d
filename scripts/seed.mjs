// Creates five products in an empty shop through the public API, as a shop's own tools would. As a program: node
// scripts/seed.mjs http://127.0.0.1:3000, with HOLDFAST_ADMIN_KEY.
import { failWith, say, SetupError } from './console.mjs';
import { isMain } from './processes.mjs';

const demoProducts = [
  { sku: 'TEE-BLACK-M', name: 'T-shirt, black, M', amount: 1999, onHand: 500 },
  { sku: 'MUG-WHITE', name: 'Mug, white', amount: 1299, onHand: 200 },
  { sku: 'POSTER-A2', name: 'Poster, A2', amount: 2450, onHand: 100 },
  // The contended one: pessimistic locking, and few enough units to sell out.
  { sku: 'DROP-042', name: 'Limited drop, 42 units', amount: 9900, onHand: 42, strategy: 'row-lock' },
  { sku: 'VINYL-LP', name: 'Vinyl LP, first pressing', amount: 2999, onHand: 75 },
];

/** The sku that the printed example buys. */
export const exampleSku = demoProducts[0].sku;

/** Returns the number of created products: 0 if there is already one. */
export async function seed({ apiUrl, adminKey }) {
  const { data } = await call(`${apiUrl}/v1/admin/products?limit=1`, { adminKey });
  if (data.length > 0) return 0;
  for (const { sku, name, amount, onHand, strategy = 'conditional-update' } of demoProducts) {
    const body = { name, unitPrice: { amount, currency: 'EUR' }, onHand, strategy };
    await call(`${apiUrl}/v1/admin/products/${sku}`, { adminKey, method: 'PUT', body });
  }
  return demoProducts.length;
}

async function call(url, { adminKey, method = 'GET', body }) {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const failure = (how) => new SetupError(`Demo products could not be made: ${method} ${url} ${how}`);
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: body ? headers : { authorization: headers.authorization },
      body: body && JSON.stringify(body),
    });
  } catch (error) {
    throw failure(`got no response (${error.cause?.code ?? error.message}). Is the API running there?`);
  }
  if (response.ok) return response.json();
  throw failure(`answered ${response.status} ${await response.text()}`);
}

async function main([apiUrl = 'http://127.0.0.1:3000']) {
  const made = await seed({ apiUrl, adminKey: process.env.HOLDFAST_ADMIN_KEY || 'hf_dev_admin' });
  say(made > 0 ? `${made} demo products made` : 'there are products already; none created');
}

if (isMain(import.meta.url)) await main(process.argv.slice(2)).catch(failWith);
