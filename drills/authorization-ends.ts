import assert from 'node:assert/strict';
import { HttpClient } from '../test/support/http-client';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { reach } from './kit/reach';

/** May look and not charge, so that the orders are stuck between authorization and capture. */
const readingKey = 'rk_test_reading';
const rightKey = 'sk_test_holdfast_sandbox';

export const drill: Drill = {
  name: 'authorization-ends',
  promise:
    'An authorization that ends before its capture is reported with its money, and its order is rejected without a charge.',
  rows: [81],
  sometimes: ['authorizations that ended'],
  mutants: [
    {
      name: 'end-not-reported',
      why: 'an authorization that ended while its order was stuck is no case',
      guard: 'ended-authorization-is-reported',
      change: (line) => line.replace("'canceled'", "'never'"),
    },
    {
      name: 'captured-again-and-again',
      why: 'a canceled payment is no clear answer about its capture',
      guard: 'canceled-payment-is-not-captured',
      change: (line) => line.replace("'canceled'", "'never'"),
    },
  ],

  run: async (environment) => {
    const envOf = { 'worker-1': { FAILPOINT: 'capture.before-ask:kill9' } };
    const shop = await environment.open({ queue: 'postgres', envOf });
    const provider = new HttpClient(shop.service.sandboxUrl);
    const permissions = ['rak_payment_intent_read', 'rak_charge_read', 'rak_dispute_read'];
    await provider.post('/sandbox/restricted-keys', { key: readingKey, permissions });

    const sku = await shop.product(20);
    const paymentMethod = 'pm_sandbox_authorization_expires_3000';
    const purchases = await shop.buy(6, { sku, paymentMethod, atOnce: 6 });
    await shop.service.ended('worker-1');
    await shop.service.restart('worker-1', { FAILPOINT: undefined, STRIPE_SECRET_KEY: readingKey });
    const authorized = await endedAtProvider(shop);
    const stuck = await until('the orders are stuck', async () => {
      const orders = await shop.ordersOf(purchases);
      return orders.every(({ saga }) => saga.status === 'stuck') && orders;
    });
    // The worker died before it had recorded the result of some.
    const { authorized: recorded } = tally(stuck, ({ payment }) => payment.status as string);
    environment.count('authorizations that ended', recorded ?? 0);
    await until('the webhooks are processed', async () => {
      const [left] = await shop.query<{ events: number; arrived: number; checks: number }>(
        `SELECT (SELECT count(*)::int FROM provider_events WHERE processed_at IS NULL) AS events,
                (SELECT count(*)::int FROM provider_events WHERE type = 'payment_intent.canceled') AS arrived,
                (SELECT count(*)::int FROM payment_checks) AS checks`,
      );
      return left!.events === 0 && left!.checks === 0 && left!.arrived >= authorized.length;
    });
    const cases = await shop.query<{ what: string }>(
      `SELECT type || ' ' || amount_at_risk AS what FROM payment_facts WHERE is_case AND settled_at IS NULL`,
    );
    assert.deepEqual(
      tally(cases, ({ what }) => what),
      { 'authorization_expired 1999': recorded },
    );

    await shop.service.restart('worker-1', { STRIPE_SECRET_KEY: rightKey });
    await until('the orders have ended', async () => {
      await shop.tamper(
        `UPDATE sagas SET next_run_at = clock_timestamp() WHERE status = 'stuck' AND next_run_at > clock_timestamp()`,
      );
      const orders = await shop.ordersOf(purchases);
      return orders.every(({ status }) => status !== 'pending');
    });
    await shop.converge();
    const orders = await shop.ordersOf(purchases);
    const isAuthorized = ({ id }: { id: string }) => authorized.includes(id);
    assert.deepEqual(
      tally(orders.filter(isAuthorized), ({ status, rejectionReason }) => `${status} ${rejectionReason}`),
      { 'rejected payment_declined': authorized.length },
    );
    const placed = orders.filter(({ status }) => status === 'placed');
    assert.equal(await shop.available(sku), 20 - placed.length);
    await shop.audit();
  },
};

/** The orders of which the provider has let go of everything that it had authorized. */
async function endedAtProvider(shop: DrilledShop): Promise<string[]> {
  return reach('the authorizations have ended', async () => {
    const rows = [...(await shop.ledger()).values()].filter(({ authorized }) => authorized > 0);
    return (
      rows.length > 0 &&
      rows.every(({ authorized, voided }) => authorized === voided) &&
      rows.map(({ orderId }) => orderId)
    );
  });
}
