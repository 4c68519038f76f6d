// A flash sale for k6 (https://k6.io). `npm run flash-sale` needs no other program and checks more.
//
//   k6 run loadtest/k6/flash-sale.js
//   k6 run -e BASE_URL=https://staging.example -e ADMIN_KEY=… -e CLIENT_KEY=… -e STRATEGY=grouped -e RATE=2000 loadtest/k6/flash-sale.js
//
// Buyers arrive at a rate, whether or not earlier ones have a response, and retry 503 and 429 with the same
// Idempotency-Key. The defaults fit a service from `npm start`.
import { check, fail, sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';

const base = __ENV.BASE_URL || 'http://127.0.0.1:3000';
const keys = { admin: __ENV.ADMIN_KEY || 'hf_dev_admin', client: __ENV.CLIENT_KEY || 'hf_dev_client' };
const stock = Number(__ENV.STOCK || 500);
const declineRate = Number(__ENV.DECLINE_RATE || 0);
const seconds = Number(__ENV.SECONDS || 10);

/** After this many refused tries a buyer gives up. */
const triesMax = 30;
/** How long accepted orders may take to be charged. */
const settleSecondsMax = 120;

const counters = {
  accepted: new Counter('holdfast_accepted'),
  refused: new Counter('holdfast_refused'),
  shed: new Counter('holdfast_shed'),
  unexpected: new Counter('holdfast_unexpected'),
};
const answer = new Trend('holdfast_answer', true);

export const options = {
  scenarios: {
    buyers: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 500),
      timeUnit: '1s',
      duration: `${seconds}s`,
      preAllocatedVUs: 200,
      maxVUs: 5000,
      gracefulStop: '30s',
    },
  },
  teardownTimeout: `${settleSecondsMax + 30}s`,
  thresholds: {
    holdfast_unexpected: ['count==0'],
    checks: ['rate==1'],
  },
};

const as = (key, more = {}) => ({
  headers: Object.assign({ Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }, more),
});

export function setup() {
  const sku = `K6-${Date.now()}`;
  const product = {
    name: 'On sale',
    unitPrice: { amount: 1999, currency: 'EUR' },
    onHand: stock,
    strategy: __ENV.STRATEGY || 'adaptive',
  };
  const made = http.put(`${base}/v1/admin/products/${sku}`, JSON.stringify(product), as(keys.admin));
  if (made.status !== 201) fail(`The product could not be put on sale: ${made.status} ${made.body}`);
  return { sku };
}

export default function buy({ sku }) {
  const key = `${sku}-${exec.scenario.iterationInTest}`;
  const order = {
    customerId: `cus_${key}`,
    paymentMethod: Math.random() < declineRate ? 'pm_card_chargeDeclined' : 'pm_card_visa',
    lines: [{ sku, quantity: 1 }],
  };
  for (let tries = 1; tries <= triesMax; tries++) {
    const response = http.post(
      `${base}/v1/orders`,
      JSON.stringify(order),
      as(keys.client, { 'Idempotency-Key': key }),
    );
    answer.add(response.timings.duration);
    const { status } = response;
    if (status === 201 || status === 202 || status === 402) return counters.accepted.add(1);
    if (status === 409) return counters.refused.add(1);
    // 0: the connection ended, and the result of the request is unknown.
    if (status !== 503 && status !== 429 && status !== 0) return counters.unexpected.add(1);
    counters.shed.add(1);
    sleep(Number(response.headers['Retry-After'] || 1));
  }
}

/** After the last order has ended: nothing was oversold, and every invariant holds. */
export function teardown({ sku }) {
  const running = `${base}/v1/admin/orders?sagaStatus=running,compensating&limit=1`;
  for (let waited = 0; waited < settleSecondsMax; waited++) {
    if (http.get(running, as(keys.admin)).json('data').length === 0) break;
    sleep(1);
  }
  const level = http.get(`${base}/v1/stock/${sku}`, as(keys.client)).json();
  const invariants = http.get(`${base}/v1/admin/invariants`, as(keys.admin));
  check(level, { 'nothing was oversold': ({ onHand, reserved }) => onHand === stock && reserved <= onHand });
  check(invariants, {
    'every invariant holds': (response) => response.status === 200 && response.json('ok') === true,
  });
  console.log(`${level.reserved} of ${stock} sold`);
}
