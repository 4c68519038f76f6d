import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { type Drill, unlimited } from './kit/drill';

/** A fifth of a minute is enough to see the effects. */
const outageMs = 12_000;

const inFlightMax = 25;
/** The calls that open the circuit, those in flight with them, and a probe every five seconds. */
const asksMax = 20 + inFlightMax + 5;

export const drill: Drill = {
  name: 'provider-down-a-minute',
  promise: 'A provider that is down is not flooded with calls, and no order accepted meanwhile is lost.',
  rows: [50],
  sometimes: ['calls held back'],
  mutants: [
    {
      name: 'no-circuit',
      why: 'every order calls the provider, however long it has been down',
      guard: 'circuit-opens',
      change: unlimited,
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({
      queue: 'postgres',
      env: { PAYMENT_CONCURRENCY_MAX: String(inFlightMax) },
    });
    const sku = await shop.product(1_000);

    await shop.faults({ down: true });
    const backAt = performance.now() + outageMs;
    const purchases = await shop.buy(100, { sku, atOnce: 25 });
    while (performance.now() < backAt) purchases.push(...(await shop.buy(1, { sku, waitSeconds: 1 })));
    const asked = await shop.sagaEvents('authorize_unknown');
    environment.count('calls without a response', asked);
    environment.count('calls held back', await shop.sagaEvents('authorize_not-asked'));
    await shop.faults();

    assert.ok(asked <= asksMax, `a provider that was down got ${asked} calls`);
    await shop.audit();
    const orders = await shop.ordersOf(purchases);
    assert.deepEqual(
      tally(orders, ({ status }) => status as string),
      { placed: purchases.length },
    );
  },
};
