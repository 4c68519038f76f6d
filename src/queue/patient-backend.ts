import {
  type BackendFactory,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  createPostgresBackend,
} from 'bullmq';

/** The least time between two fetches from a queue that fails. */
const pauseMs = 500;

/**
 * BullMQ's PostgreSQL backend with a pause after a failed fetch. BullMQ itself tries again at once: a remembered failure
 * then blocks the event loop, and rights or tables that vanish under a running worker cause a flood of statements.
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
