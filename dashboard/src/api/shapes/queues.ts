export type QueueName = 'checkout' | 'compensation' | 'expiry' | 'events';

/** `GET /v1/admin/queues`, and `Overview.queues`. */
export interface QueuesReport {
  object: 'queues';
  backend: 'redis' | 'postgres';
  /** Why the counts below are null ("Redis is away"), or null when all is well. Orders go on all the same. */
  trouble: string | null;
  /** The BullMQ board; null where queues are switched off. */
  board: '/queues/board' | null;
  queues: QueueState[];
  /** Newest first; one that has been silent for ten minutes is left out. */
  workers: WorkerState[];
}

export interface QueueState {
  name: QueueName;
  /** Null while the queue cannot be asked. */
  waiting: number | null;
  active: number | null;
  delayed: number | null;
  failed: number | null;
  /** Age of the job that waits longest; null when none waits or it cannot be asked. */
  oldestSeconds: number | null;
  /** Jobs done per second, the mean of the last ten. */
  donePerSecond: number;
  /** The last 60 whole seconds, oldest first; null where no worker told anything. */
  doneSeries: (number | null)[];
  workersAlive: number;
  /** Of the worker of this queue that was heard last; null when none is. */
  heartbeatSeconds: number | null;
}

export interface WorkerState {
  /** `<host>:<pid>` and a few letters, as in a saga's transitions. */
  id: string;
  startedAt: string;
  /** Age of the last heartbeat: amber over 10, red over 30. */
  heartbeatSeconds: number;
  alive: boolean;
  /** True once it said that it is going home. */
  stopping: boolean;
  queues: { name: QueueName; concurrency: number; active: number }[];
  version: string;
}

/** `GET /v1/admin/outbox`. */
export interface OutboxReport {
  object: 'outbox';
  /** Messages not yet applied, counted to at most 10 000. */
  waiting: number;
  capped: boolean;
  /** Of those: due now, and not yet handed to a queue. */
  due: number;
  /** Handed over at least once, and waiting for their consumer. */
  relayed: number;
  /** Age of the oldest that is due; null when none is. */
  oldestSeconds: number | null;
  deadLetters: number;
}
