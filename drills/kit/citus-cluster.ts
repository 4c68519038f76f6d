import { execFile } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { prebundledArgs, root } from '../../test/support/child';
import { throwawayMark } from '../../test/support/database';
import type { Guardian } from '../../test/support/guardian';
import { newCluster } from './postgres-server';

const database = 'cells';
/** Owns nothing but its schemas. */
const role = 'shop';

/** What a node needs: the library before all others, and a log from which a schema can be moved. */
const nodeSettings = [
  'shared_preload_libraries=citus',
  'wal_level=logical',
  'max_worker_processes=32',
  'citus.enable_schema_based_sharding=on',
  // One machine. The nodes of a cluster use TLS.
  'citus.node_conninfo=sslmode=disable',
  'citus.enable_statistics_collection=off',
];

export interface CitusCluster {
  isCitus: boolean;
  /** A cell's database, entered at a node. */
  urlOf(cell: string, node: number): string;
  /** The node that keeps the cell. */
  nodeOf(cell: string): Promise<number>;
  /** Moves the cell to the other node while it is used. */
  move(cell: string): Promise<void>;
}

/** Two nodes with a migrated schema for each cell; without Citus one plain server with both schemas. */
export async function startCitusCluster(
  guardian: Guardian,
  dist: string,
  cells: string[],
): Promise<CitusCluster> {
  const citus = await findCitus();
  const isCitus = citus !== 'plain';
  const ports: number[] = [];
  for (const name of isCitus ? ['citus-1', 'citus-2'] : ['plain']) {
    const { dir, start } = await newCluster(guardian, isCitus ? citus : undefined);
    ports.push((await start(name, dir, isCitus ? nodeSettings : [])).port);
  }
  await createDatabases(ports, isCitus);
  const urlOf = (cell: string, node: number) =>
    `postgres://${role}@127.0.0.1:${ports[node] ?? ports[0]}/${database}?options=-csearch_path%3D${cell}`;
  for (const cell of cells) await migrate(urlOf(cell.split(':')[0]!, 0), cell, dist);

  const nodeOf = async (cell: string) => {
    if (!isCitus) return 0;
    const [row] = await on<{ port: number }>(
      ports[0]!,
      `SELECT nodeport AS port FROM citus_shards WHERE table_name = '${cell}.orders'::regclass`,
    );
    return ports.indexOf(row!.port);
  };
  const move = async (cell: string) => {
    if (!isCitus) return;
    const to = ports[1 - (await nodeOf(cell))];
    await on(ports[0]!, `SELECT citus_schema_move('${cell}', '127.0.0.1', ${to})`);
  };
  return { isCitus, urlOf, nodeOf, move };
}

/** The first node is the coordinator and keeps schemas too. It makes the role on the others. */
async function createDatabases(ports: number[], isCitus: boolean): Promise<void> {
  for (const port of ports) {
    await on(port, `CREATE DATABASE ${database}`, 'postgres');
    await on(port, `COMMENT ON DATABASE ${database} IS '${throwawayMark}'`);
    if (isCitus) await on(port, `CREATE EXTENSION citus`);
  }
  const [first, second] = ports as [number, number];
  if (isCitus) {
    await on(first, `SELECT citus_set_coordinator_host('127.0.0.1', ${first})`);
    await on(first, `SELECT citus_add_node('127.0.0.1', ${second})`);
    await on(first, `SELECT citus_set_node_property('127.0.0.1', ${first}, 'shouldhaveshards', true)`);
  }
  await on(first, `CREATE ROLE ${role} LOGIN`);
  await on(first, `GRANT CREATE ON DATABASE ${database} TO ${role}`);
}

async function on<R>(port: number, sql: string, name = database): Promise<R[]> {
  const client = new Client({ connectionString: `postgres://holdfast@127.0.0.1:${port}/${name}` });
  await client.connect();
  try {
    return (await client.query(sql)).rows as R[];
  } finally {
    await client.end();
  }
}

async function migrate(url: string, cell: string, dist: string): Promise<void> {
  const script = path.join(dist, 'database', 'migrate.js');
  // The queue is on Redis: BullMQ's functions do not run in a schema that Citus distributes.
  const env = { ...process.env, DATABASE_URL: url, CELL: cell, REDIS_URL: 'redis://127.0.0.1:1' };
  await promisify(execFile)(process.execPath, [...prebundledArgs, script], { env });
}

async function findCitus(): Promise<{ initdb: string; postgres: string } | 'plain'> {
  const scripts = (await import(pathToFileURL(path.join(root, 'scripts/citus.mjs')).href)) as {
    findCitus(): { initdb: string; postgres: string } | 'plain' | undefined;
  };
  const found = scripts.findCitus();
  if (found === undefined) throw new Error('There is no PostgreSQL with Citus on this machine');
  return found;
}
