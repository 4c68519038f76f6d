import net, { type AddressInfo } from 'node:net';
import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { ApiKeyEntity } from '../../src/auth/auth.entity';
import { dataSourceOptions } from '../../src/database/data-source';
import { Database } from '../../src/database/database';
import { createWorld, type World } from '../support/fixtures';
import { TcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';

/** An address that leads to no server for a while, as during a switchover. */

let world: World;
let proxy: TcpProxy;
/** Where the address leads during the outage: connections are closed at once. */
let nowhere: net.Server;
let refused = 0;
let dataSource: DataSource;
let db: Database;

beforeAll(async () => {
  world = await createWorld();
  nowhere = net.createServer((socket) => {
    refused += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => nowhere.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  nowhere.close();
  await world.close();
});
afterEach(async () => {
  await dataSource.destroy();
  await proxy.close();
});

/** Work waits for the database as long as for a statement, and ten seconds at most. */
async function connectWith(databaseStatementTimeoutMs: number): Promise<void> {
  refused = 0;
  proxy = await TcpProxy.before(world.config.databaseUrl);
  const config = { ...world.config, databaseUrl: proxy.url, databaseStatementTimeoutMs };
  dataSource = await new DataSource(dataSourceOptions(config, 'test')).initialize();
  db = new Database(dataSource);
  await db.rows('SELECT 1');
}

function goAway(): void {
  refused = 0;
  proxy.redirect(`postgres://127.0.0.1:${(nowhere.address() as AddressInfo).port}`);
  proxy.cut();
}

/** The database comes back when it was seen away more often than a transaction is tried at all. */
async function outlasting<T>(result: Promise<T>): Promise<T> {
  let settled = false;
  result.then(
    () => (settled = true),
    () => (settled = true),
  );
  await until('many connections are refused', async () => refused > 8 || settled);
  proxy.redirect(world.config.databaseUrl);
  return result;
}

const versionOf = async (sku: string) => (await world.products.get(sku)).version;
const addOne = `UPDATE products SET version = version + 1 WHERE sku = $1::text`;

describe('a database that is away for a while', () => {
  beforeEach(() => connectWith(10_000));

  it('is waited for by a transaction, which then runs', async () => {
    const sku = await world.product();
    const before = await versionOf(sku);
    goAway();
    expect(await outlasting(db.transaction('command', (tx) => tx.affected(addOne, [sku])))).toBe(1);
    expect(await versionOf(sku)).toBe(before + 1);
  });

  it('is waited for by a transaction that is cut before its COMMIT', async () => {
    const sku = await world.product();
    const before = await versionOf(sku);
    let runs = 0;
    const added = db.transaction('command', async (tx) => {
      runs += 1;
      if (runs === 1) goAway();
      return tx.affected(addOne, [sku]);
    });
    expect(await outlasting(added)).toBe(1);
    expect([runs, await versionOf(sku)]).toEqual([2, before + 1]);
  });

  it('is waited for by reads, of rows and of entities', async () => {
    goAway();
    const rows = db.rows('SELECT 1 AS one');
    const keys = db.entities((manager) => manager.find(ApiKeyEntity));
    expect(await outlasting(Promise.all([rows, keys]))).toEqual([[{ one: 1 }], expect.any(Array)]);
  });

  it('is not waited for by a write outside a transaction, which may have happened', async () => {
    const sku = await world.product();
    goAway();
    await expect(db.rows(addOne, [sku])).rejects.toMatchObject({ code: 'unavailable' });
    expect(refused).toBeLessThan(2);
    proxy.redirect(world.config.databaseUrl);
  });

  it('is waited for while it is read-only, as a standby that is about to be promoted', async () => {
    const sku = await world.product();
    const before = await versionOf(sku);
    const pool = (dataSource.driver as unknown as { master: Pool }).master;
    let standbys = 0;
    const readOnly = (client: { query: (sql: string) => unknown }) => {
      standbys += 1;
      void client.query('SET default_transaction_read_only = on');
      if (standbys > 8) pool.off('connect', readOnly);
    };
    pool.on('connect', readOnly);
    proxy.cut();
    expect(await db.transaction('command', (tx) => tx.affected(addOne, [sku]))).toBe(1);
    expect(await versionOf(sku)).toBe(before + 1);
    expect(standbys).toBeGreaterThan(8);
  });
});

describe('a database that is away for longer than a statement may take', () => {
  beforeEach(() => connectWith(300));

  it('causes 503, after which nothing waits for it until it has answered', async () => {
    goAway();
    const read = () => db.rows('SELECT 1 AS one');
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
    refused = 0;
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
    expect(refused).toBeLessThan(2);
    proxy.redirect(world.config.databaseUrl);
    expect(await read()).toEqual([{ one: 1 }]);
  });
});
