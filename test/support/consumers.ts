import type { Database } from '../../src/database/database';
import type { JobHandler, QueueName, Queues } from '../../src/queue/queues';
import { Consumers } from '../../src/background/consumers';
import type { World } from './fixtures';
import { LedgerGateway } from './sagas';

/**
 * A worker's consumers without BullMQ, by queue: what it would call for each job. A test may pass a database that
 * fails.
 */
export function consumersOf(
  world: World,
  { db = world.db, gateway = new LedgerGateway() }: { db?: Database; gateway?: LedgerGateway } = {},
): Record<QueueName, JobHandler> {
  const handlers = {} as Record<QueueName, JobHandler>;
  const queues = { work: (name: QueueName, _: number, handle: JobHandler) => (handlers[name] = handle) };
  const runner = world.runner({ db, gateway });
  new Consumers(world.config, db, queues as unknown as Queues, runner, world.reservations).start();
  return handlers;
}
