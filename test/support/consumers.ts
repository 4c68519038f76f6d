import type { Database } from '../../src/database/database';
import type { JobHandler, NewJob, QueueName, Queues } from '../../src/queue/queues';
import { Consumers } from '../../src/background/consumers';
import { DueSagas } from '../../src/background/due-sagas';
import { PaymentTasks } from '../../src/orders/fulfilment/payment-tasks';
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
  const queues = {
    work: (name: QueueName, _: number, handle: JobHandler) => (handlers[name] = handle),
    add: (jobs: NewJob[]) => world.queues.add(jobs),
    offer: (job: NewJob) => world.queues.offer(job),
  } as unknown as Queues;
  const runner = world.runner({ db, gateway });
  const dueSagas = new DueSagas(world.config, db, runner, queues);
  const tasks = new PaymentTasks(world.config, db, runner);
  new Consumers(db, queues, runner, dueSagas, tasks, world.reservations).start();
  return handlers;
}
