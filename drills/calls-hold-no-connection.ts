import { until } from '../test/support/until';
import type { Drill } from './kit/drill';

const inFlight = 12;

export const drill: Drill = {
  name: 'calls-hold-no-connection',
  promise:
    'A dozen charges are under way on two connections to the database, for no transaction is open during a call.',
  rows: [54],
  sometimes: ['charges under way at once'],
  mutants: [],
  noMutant:
    'no line guards it: a step that asks the provider is given no transaction that it could keep open',

  run: async (stage) => {
    const env = { PAYMENT_TIMEOUT_MS: '4000', SAGA_LEASE_MS: '9000' };
    const shop = await stage.open({
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
    stage.count('charges under way at once', inFlight);
    await shop.audit();
  },
};
