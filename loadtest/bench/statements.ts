import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { withClient } from '../database';

/** Connections that update the row at once: one, a few, and as many as the service has. */
const clientCounts = [1, 4, 16];

const sku = 'FLOOR';
const unlimited = 1_000_000_000;

/** The statement of `conditional-update` in its own transaction, the smallest way to take stock. */
const takeOne = `
  UPDATE stock_levels
     SET reserved = reserved + 1, version = version + 1, fencing_token = fencing_token + 1
   WHERE sku = '${sku}' AND pool = 'main' AND on_hand - reserved >= 1`;

export interface Floor {
  /** Statements per second, by number of connections. */
  byClients: Record<number, number>;
  best: number;
}

const floorOf = (byClients: Record<number, number>): Floor => ({
  byClients,
  best: Math.max(...Object.values(byClients)),
});

/** Makes the hot row in a database with the service's tables. */
export async function makeRow(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, (client) =>
    client.query(
      `INSERT INTO stock_levels (sku, pool, on_hand) VALUES ($1, 'main', $2) ON CONFLICT DO NOTHING`,
      [sku, unlimited],
    ),
  );
}

/** With the driver of the service. */
export async function throughPg(databaseUrl: string, seconds: number): Promise<Floor> {
  const byClients: Record<number, number> = {};
  for (const clients of clientCounts) {
    let done = 0;
    const startedAt = performance.now();
    const until = startedAt + 1_000 * seconds;
    const taker = () =>
      withClient(databaseUrl, async (client) => {
        for (; performance.now() < until; done++) await client.query({ name: 'take', text: takeOne });
      });
    await Promise.all(Array.from({ length: clients }, taker));
    byClients[clients] = (1_000 * done) / (performance.now() - startedAt);
  }
  return floorOf(byClients);
}

/** Undefined where there is no pgbench. */
export async function throughPgbench(
  databaseUrl: string,
  { seconds, dir }: { seconds: number; dir: string },
): Promise<Floor | undefined> {
  if (spawnSync('pgbench', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  const script = path.join(dir, 'take-one.sql');
  writeFileSync(script, `${takeOne.replaceAll('\n', ' ')};\n`);
  const byClients: Record<number, number> = {};
  for (const clients of clientCounts) {
    const howMany = ['-c', String(clients), '-T', String(Math.max(1, Math.round(seconds)))];
    const { stdout } = await promisify(execFile)('pgbench', [
      ...['-n', '-M', 'prepared', '-f', script],
      ...howMany,
      databaseUrl,
    ]);
    byClients[clients] = Number(/^tps = ([\d.]+)/m.exec(stdout)![1]);
  }
  return floorOf(byClients);
}
