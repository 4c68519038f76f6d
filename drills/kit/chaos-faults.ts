import { until } from '../../test/support/until';
import type { LossyProxy } from '../../test/support/lossy-proxy';
import type { TcpProxy } from '../../test/support/tcp-proxy';
import type { DrilledShop } from './drilled-shop';
import type { Environment } from './environment';

/** The shop and proxies that faults act on. */
export interface Arena {
  environment: Environment;
  shop: DrilledShop;
  toDatabase: LossyProxy;
  toRedis: TcpProxy;
}

/** One fault, which also repairs what it broke. Resolves after the repair. */
export type Fault = (arena: Arena) => Promise<string>;

const processes = ['api-1', 'api-2', 'worker-1', 'worker-2', 'worker-3'];

const kill: Fault = async ({ environment, shop }) => {
  const name = environment.random.pick(processes);
  await shop.kill(name);
  await environment.pause(0, 1_000);
  await shop.service.restart(name);
  return `kill -9 ${name}`;
};

const freeze: Fault = async ({ environment, shop }) => {
  const name = environment.random.pick(processes);
  await shop.freeze(name);
  // Some wake up within their lease, some long after its end.
  await environment.pause(300, 4_000);
  await shop.thaw(name);
  return `${name} slept`;
};

const hangUp: Fault = async ({ shop }) => `${await shop.terminateBackends()} backends terminated`;

const loseCommits: Fault = async ({ environment, toDatabase }) => {
  for (let loss = 1; loss <= 5; loss++) {
    toDatabase.lose = environment.random.pick(['answer to COMMIT', 'COMMIT'] as const);
    await environment.pause(50, 200);
  }
  toDatabase.lose = 'nothing';
  return 'COMMITs and their answers lost';
};

const cutDatabase: Fault = async ({ toDatabase }) => `${toDatabase.cut()} connections to the database reset`;

const crashPostgres: Fault = async ({ environment, shop }) => {
  await shop.service.kill('postgres', 'SIGQUIT');
  environment.count('crashes of PostgreSQL', 1);
  await environment.pause(0, 1_000);
  await until('PostgreSQL is back', async () => shop.service.restart('postgres').then(() => true));
  return 'PostgreSQL crashed';
};

const cutRedis: Fault = async ({ toRedis }) => `${toRedis.cut()} connections to Redis reset`;

const restartRedis: Fault = async ({ environment, shop }) => {
  await shop.kill('redis');
  await environment.pause(0, 3_000);
  await shop.service.restart('redis');
  return 'Redis killed and restarted empty';
};

const hangRedis: Fault = async ({ environment, shop }) => {
  await shop.freeze('redis');
  await environment.pause(500, 3_000);
  await shop.thaw('redis');
  return 'Redis hung';
};

const flushRedis: Fault = async ({ shop }) => {
  await shop.redis('FLUSHALL');
  return 'Redis flushed';
};

const killProvider: Fault = async ({ environment, shop }) => {
  await shop.kill('sandbox');
  await environment.pause(0, 2_000);
  await shop.service.restart('sandbox');
  return 'provider killed';
};

const badProvider: Fault = async ({ environment, shop }) => {
  const faults = environment.random.pick([
    { errorRate: 0.4 },
    { timeoutRate: 0.3 },
    { latencyMs: 600 },
    { down: true },
  ]);
  await shop.faults({ ...faults, seed: environment.random.integer(1, 1e9) });
  await environment.pause(500, 3_000);
  await shop.faults();
  return `provider with ${JSON.stringify(faults)}`;
};

export const faults: readonly Fault[] = [
  kill,
  kill,
  freeze,
  freeze,
  hangUp,
  loseCommits,
  cutDatabase,
  crashPostgres,
  cutRedis,
  restartRedis,
  hangRedis,
  flushRedis,
  killProvider,
  badProvider,
];
