import type { Socket } from 'node:net';
import {
  type BackendFactory,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  createPostgresBackend,
} from 'bullmq';
import type { Client } from 'pg';

/** The least time between two fetches from a queue that fails. */
const pauseMs = 500;

/**
 * BullMQ's PostgreSQL backend with a pause after a failed fetch. BullMQ itself tries again at once: a remembered failure
 * then blocks the event loop, and rights or tables that vanish under a running worker cause a flood of statements.
 *
 * It also closes when the connection that it listens on is silent. BullMQ itself waits for the server to close it.
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
  const close = backend.close.bind(backend);
  backend.close = (force) => {
    // Before BullMQ takes the handlers off: a late error without one would end the process.
    const listener = (backend as unknown as WithListener).connection.listenClient;
    const closed = close(force);
    listener?.on('error', () => undefined);
    if (force) {
      void backend.disconnectBlocking();
      listener?.connection.stream.destroy();
    }
    return closed;
  };
  return backend;
};

/** What BullMQ and pg keep to themselves. */
interface WithListener {
  connection: { listenClient?: Client & { connection: { stream: Socket } } };
}
