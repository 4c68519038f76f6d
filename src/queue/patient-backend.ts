import {
  type BackendFactory,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  createPostgresBackend,
} from 'bullmq';

/** A queue that refuses its jobs is not asked more often than this. */
const pauseMs = 500;

/**
 * BullMQ's PostgreSQL backend, with a pause after a fetch that failed. BullMQ itself tries again at once, which makes a
 * loop that nothing else in the process gets a turn in when the failure is a remembered one, and a flood of failing
 * statements when rights or tables go away while a worker runs.
 */
export const patientBackend: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions> = (
  name,
  options,
  more,
) => {
  const backend = createPostgresBackend(name, options, more);
  const fetch = backend.moveToActive.bind(backend);
  backend.moveToActive = async (token, worker) => {
    try {
      return (await fetch(token, worker)) as unknown[];
    } catch (error) {
      // guard: failed-fetch-pauses
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      throw error;
    }
  };
  return backend;
};
