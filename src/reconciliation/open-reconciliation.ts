import type { Config } from '../config/config';
import type { Database } from '../database/database';
import { PaymentCheck } from '../orders/payment-check/payment-check';
import { Relay } from '../outbox/relay';
import { Installation } from '../payment/installation';
import { StripePayments } from '../payment/provider-payments';
import { Queues } from '../queue/queues';
import { LostPayments } from './lost-payments';
import { PeriodComparison } from './period-comparison';
import { Reconciliations } from './reconciliations';

/** For commands; the API and the worker get theirs from Nest. The workers' relays send the messages. */
export function openReconciliation(config: Config, db: Database) {
  const provider = new StripePayments(config);
  const installation = new Installation(db);
  const relay = new Relay(db, new Queues(config), { enabled: false, resendMs: config.relayResendMs });
  const comparison = new PeriodComparison(db, provider, installation);
  const checks = new PaymentCheck(config, db, provider, installation, relay);
  return {
    comparison,
    checks,
    reconciliations: new Reconciliations(db, comparison, checks, new LostPayments(db)),
  };
}
