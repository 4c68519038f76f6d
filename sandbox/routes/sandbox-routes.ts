import type { FastifyInstance } from 'fastify';
import type { Faults } from '../faults/faults';
import type { Ledger } from '../ledger/ledger';
import { requiredString, type Params } from '../stripe/params';
import type { Stats } from '../stats';
import type { Steps } from '../payments/steps';
import type { Keys } from './keys';
import { operatorRoutes } from './operator-routes';

interface SandboxParts {
  ledger: Ledger;
  faults: Faults;
  stats: Stats;
  steps: Steps;
  keys: Keys;
}

/** The sandbox's own paths. No key is needed: it listens for one machine's tests, and its money is not real. */
export function sandboxRoutes(
  app: FastifyInstance,
  { ledger, faults, stats, steps, keys }: SandboxParts,
): void {
  operatorRoutes(app, { ledger, steps });
  app.get('/health', (_request, reply) => {
    reply.send({ status: 'ok' });
  });

  // Never paged, so that an audit sees all orders or none.
  app.get('/ledger', (_request, reply) => {
    reply.send({ object: 'list', data: ledger.rows() });
  });

  // Every movement of one order, oldest first, with what an audit needs to match it to an operation.
  app.get('/entries', (request, reply) => {
    const orderId = requiredString(request.query as Params, 'orderId');
    const data = ledger.entriesOf(orderId).flatMap((entry) =>
      entry.movements.map(({ kind, amount }) => ({
        kind,
        amount,
        currency: entry.intent.currency.toUpperCase(),
        orderId,
        account: entry.intent.account ?? null,
        paymentIntent: entry.intent.id,
        refund: kind.startsWith('refund') ? (entry.refund?.id ?? null) : null,
        operationId: entry.operationId,
        idempotencyKey: entry.key ?? null,
        at: new Date(entry.at).toISOString(),
      })),
    );
    reply.send({ object: 'list', data });
  });

  app.get('/faults', (_request, reply) => {
    reply.send(faults.current);
  });
  app.post('/faults', (request, reply) => {
    reply.send(faults.set(request.body));
  });
  app.delete('/faults', (_request, reply) => {
    reply.send(faults.clear());
  });

  app.post('/restricted-keys', (request, reply) => {
    reply.send(keys.restrict(request.body));
  });

  app.get('/stats', (_request, reply) => {
    reply.send(stats.render(ledger.undelivered.size, ledger.due.size));
  });
  app.delete('/stats', (_request, reply) => {
    stats.reset();
    reply.send(stats.render(ledger.undelivered.size, ledger.due.size));
  });
}
