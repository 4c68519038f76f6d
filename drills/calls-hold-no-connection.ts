import { until } from '../test/support/until';
import type { Drill } from './kit/drill';

const inFlight = 12;

export const drill: Drill = {
  name: 'calls-hold-no-connection',
  promise:
    'Twelve charges are in flight on two database connections, because no transaction is open during a call.',
  rows: [54],
  sometimes: ['charges in flight at once'],
  mutants: [],
  noMutant:
    'no line guards it: a step that asks the provider is given no transaction that it could keep open',

  run: async (environment) => {
    const env = { PAYMENT_TIMEOUT_MS: '4000', SAGA_LEASE_MS: '9000' };
    const shop = await environment.open({
      queue: 'postgres',
      env,
      envOf: { 'worker-1': { DATABASE_POOL_MAX: '2' } },
    });
    const sku = await shop.product(inFlight);
    await shop.buy(inFlight, { sku, paymentMethod: 'pm_sandbox_slow_3000', atOnce: inFlight });

    await until('all of them are under way', async () => {
      const sent = await shop.query(
        `SELECT FROM payment_operations WHERE kind = 'authorize' AND status = 'sent'`,
      );
      return sent.length === inFlight;
    });
    environment.count('charges in flight at once', inFlight);
    await shop.audit();
  },
};
