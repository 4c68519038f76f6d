import { Client } from 'pg';
import { loadConfig } from '../../src/config/config';
import { createWorker, startWorker } from '../../src/worker.module';

/** A whole worker in this process. Resolves when its consumers take jobs. */
export async function openWorker(env: NodeJS.ProcessEnv) {
  const app = await createWorker(loadConfig({ NODE_ENV: 'test', LOG_LEVEL: 'silent', ...env }, 'worker'));
  await startWorker(app);
  return app;
}

/**
 * Counts the statements that this process sends to PostgreSQL by the name of the application: `holdfast` is ours, and
 * BullMQ's connections have none. BEGIN and COMMIT are statements too.
 */
export function countStatements() {
  const counts = new Map<string, string[]>();
  const original = Client.prototype.query;
  const counted = function (this: Client, ...args: unknown[]) {
    const [statement] = args as [string | { text?: string }];
    const text = typeof statement === 'string' ? statement : (statement.text ?? '');
    const { application_name: name } = (
      this as unknown as { connectionParameters: { application_name?: string } }
    ).connectionParameters;
    const own = counts.get(name ?? '') ?? [];
    own.push(text);
    counts.set(name ?? '', own);
    return Reflect.apply(original, this, args) as unknown;
  };
  Client.prototype.query = counted as typeof original;
  return {
    of: (name: string): string[] => counts.get(name) ?? [],
    reset: () => counts.clear(),
    stop: () => void (Client.prototype.query = original),
  };
}
