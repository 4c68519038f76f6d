import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { digest } from '../../src/auth/api-keys';
import { ConfigError, loadConfig } from '../../src/config/config';
import { Database, openDatabase } from '../../src/database/database';
import { migrate } from '../../src/database/migrate';
import { reachDatabase } from '../../src/database/start-errors';
import { type IdPrefix, cellOf, newId, parseIdOfAnyCell, publicId, serveCell } from '../../src/ids';
import { openApis } from '../support/api';
import { runCommand } from '../support/command';
import { type TestDatabase, createDatabase, createTestDatabase } from '../support/database';
import { testSchema, testServices } from '../support/services';

/** A cell with another number than 0, and what it refuses. Two cells beside each other are in drills/two-cells.ts. */

const CELL = 'eu1:3';
let database: TestDatabase;
let app: NestFastifyApplication;
let db: Database;
let close: () => Promise<void>;

beforeAll(async () => {
  database = await createDatabase(testServices().server, { schema: testSchema() });
  await migrate(loadConfig({ DATABASE_URL: database.url, CELL }, 'command'));
  const opened = await openApis(1, { CELL }, database);
  [app] = opened.apis as [NestFastifyApplication];
  ({ close } = opened);
  db = app.get(Database);
  expect((await send('PUT', '/v1/admin/products/TEE', { key: 'hf_dev_admin', body: tee })).status).toBe(201);
});
afterAll(() => close());

const tee = { name: 'Tee', unitPrice: { amount: 1999, currency: 'EUR' }, onHand: 10 };
const lines = [{ sku: 'TEE', quantity: 1 }];
const reason = 'a customer called';

interface Call {
  key?: string;
  body?: object;
  idempotencyKey?: string;
}

async function send(method: 'GET' | 'POST' | 'PATCH' | 'PUT', url: string, call: Call = {}) {
  const { key = 'hf_dev_client', body, idempotencyKey = randomUUID() } = call;
  const headers = { authorization: `Bearer ${key}`, 'idempotency-key': idempotencyKey };
  const json = body && {
    'content-type': 'application/json',
    ...(method === 'PUT' && { 'if-none-match': '*' }),
  };
  const answer = await app.inject({ method, url, headers: { ...headers, ...json }, payload: body });
  return { status: answer.statusCode, body: answer.json<any>() };
}

/** An id that another cell made. */
function idOf(prefix: IdPrefix, cell: number): string {
  serveCell(cell);
  const id = publicId(prefix, newId());
  serveCell(3);
  return id;
}

const cellIn = async (at: { rows: Database['rows'] }) =>
  (await at.rows<{ cell: number }>('SELECT cell FROM installation'))[0]!.cell;

const refusalOf = (opening: Promise<{ close: () => Promise<void> }>) =>
  opening.then(
    (opened) => opened.close(),
    (error: Error) => error,
  );

describe('a database that was migrated with CELL=eu1:3', () => {
  it('is number 3, and so are the ids that are made for it and the schema of its queues', async () => {
    expect(await cellIn(db)).toBe(3);
    const order = await send('POST', '/v1/orders', {
      body: { customerId: 'cus_1', lines, paymentMethod: 'pm_card_visa' },
    });
    expect(order.status).toBe(202);
    for (const [prefix, id] of [
      ['ord', order.body.id],
      ['rsv', order.body.reservationId],
    ] as const)
      expect(cellOf(parseIdOfAnyCell(prefix, id)!)).toBe(3);
    const schemas = await db.rows(`SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE 'bullmq%'`);
    expect(schemas).toEqual([{ name: 'bullmq_3' }]);
  });

  it.each(['main:0', 'eu1:4'])('is refused to a process with CELL=%s, in one line', async (other) => {
    const settings = loadConfig({ DATABASE_URL: database.url, CELL: other }, 'command');
    const refusals = [
      await refusalOf(openDatabase(settings, 'holdfast-test')),
      await migrate(settings).catch((error: Error) => error),
      await reachDatabase(settings).catch((error: Error) => error),
    ];
    serveCell(3);
    for (const error of refusals) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as Error).message).toMatch(
        `CELL is ${other}, but DATABASE_URL leads to the database of the cell with number 3. Set CELL=<its name>:3, or correct DATABASE_URL.`,
      );
    }
  });

  it('keeps its number when it gets another id, also where the row of its id was lost', async () => {
    await db.rows('DELETE FROM installation');
    const renewed = await runCommand('dist/payment/installation-command.js', ['renew'], {
      DATABASE_URL: database.url,
      CELL,
    });
    expect(renewed).toMatchObject({ code: 0 });
    expect(await cellIn(db)).toBe(3);
  });
});

describe('a database with reservations of a build without cells', () => {
  it('is number 0 whatever CELL says, and the process that says so is refused', async () => {
    const older = await createTestDatabase();
    const at = await openDatabase(loadConfig({ DATABASE_URL: older.url }), 'holdfast-test');
    await at.db.rows(`
      INSERT INTO reservations (id, principal, customer_id, status, total_amount, currency, expires_at, max_expires_at,
                                metadata, created_at)
      SELECT gen_random_uuid(), 'shop', 'cus_1', 'active', 0, 'EUR', now, now, '{}', now FROM clock_timestamp() AS now`);
    await at.db.rows('ALTER TABLE installation DROP COLUMN cell');
    await at.db.rows(`DELETE FROM migrations WHERE name = 'Cells1764730000000'`);
    const settings = loadConfig({ DATABASE_URL: older.url, CELL }, 'command');

    expect(await migrate(settings)).toEqual(['Cells1764730000000']);
    expect(await cellIn(at.db)).toBe(0);
    expect(String(await refusalOf(openDatabase(settings, 'holdfast-test')))).toMatch(
      /with number 0, which every/,
    );
    await at.close();
    await older.drop();
    serveCell(3);
  });
});

describe('the key of a request', () => {
  const known = async (key: string) => {
    await db.rows(
      `INSERT INTO api_keys (id, name, role, key_sha256) VALUES ($1, $2, 'client', decode($3, 'hex'))`,
      [newId(), `of ${key}`, digest(key)],
    );
    return key;
  };
  const stock = (key: string) => send('GET', '/v1/stock/TEE', { key });

  it('is served if it is known here, whatever cell it names', async () => {
    const made = await runCommand('dist/auth/api-key-command.js', ['create', 'shop-1', 'client'], {
      DATABASE_URL: database.url,
      CELL,
    });
    expect(made.stdout).toMatch(/^hf_eu1_[\w-]{32}\n$/);
    const keys = [
      made.stdout.trim(),
      'hf_dev_client',
      await known('hf_client_3f'),
      await known('hf_us2_moved'),
    ];
    for (const key of keys) expect([key, (await stock(key)).status]).toEqual([key, 200]);
  });

  it.each([
    'hf_eu1_unknown',
    'hf_dev_nobody',
    'hf_live_x',
    'hf_client_x',
    'hf_US2_x',
    'hf_us2',
    'hf_us-2_x',
    'us2',
  ])('is 401 unauthenticated if it is unknown and names no other cell: %s', async (key) => {
    expect((await stock(key)).body).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  it('is 421 wrong_cell with the name of the cell if it is unknown and names another one', async () => {
    const { body } = await stock('hf_us2_a_b');
    expect(body).toMatchObject({ status: 421, code: 'wrong_cell', cell: 'us2', retryable: false });
    const signIn = await send('POST', '/v1/admin/session', { body: { key: 'hf_us2_a_b' } });
    expect(signIn.body).toMatchObject({ status: 421, code: 'wrong_cell', cell: 'us2' });
  });
});

describe('an id in a request with a known key', () => {
  const admin = { key: 'hf_dev_admin' };
  const requests: [IdPrefix, 'GET' | 'POST' | 'PATCH', (id: string) => string, object?, string?][] = [
    ['ord', 'GET', (id) => `/v1/orders/${id}`],
    ['ord', 'GET', (id) => `/v1/orders/${id}/events`],
    ['ord', 'POST', (id) => `/v1/orders/${id}/cancel`],
    ['ord', 'POST', (id) => `/v1/orders/${id}/refunds`, { amount: 1, reason: 'other' }],
    ['rsv', 'GET', (id) => `/v1/reservations/${id}`],
    ['rsv', 'PATCH', (id) => `/v1/reservations/${id}`, { lines }],
    ['rsv', 'POST', (id) => `/v1/reservations/${id}/confirm`],
    ['ord', 'GET', (id) => `/v1/admin/orders/${id}/saga`, undefined, 'admin'],
    ['ord', 'POST', (id) => `/v1/admin/orders/${id}/saga/retry`, { reason }, 'admin'],
    ['rsv', 'POST', (id) => `/v1/admin/reservations/${id}/release`, { reason }, 'admin'],
    ['rel', 'POST', (id) => `/v1/admin/reservations/releases/${id}/stop`, { reason }, 'admin'],
    ['evt', 'POST', (id) => `/v1/admin/dead-letters/${id}/retry`, { reason }, 'admin'],
    ['fct', 'POST', (id) => `/v1/admin/payment-cases/${id}/void`, { reason }, 'admin'],
    ['cap', 'POST', (id) => `/v1/admin/payment-tasks/${id}/retry`, { reason }, 'admin'],
    ['rec', 'GET', (id) => `/v1/admin/reconciliations/${id}`, undefined, 'admin'],
    ['ord', 'GET', (id) => `/v1/admin/review/${id}`, undefined, 'admin'],
    ['evt', 'GET', (id) => `/v1/admin/find?q=${id}`, undefined, 'admin'],
    ['rsv', 'GET', (id) => `/v1/admin/events?aggregateId=${id}`, undefined, 'admin'],
  ];
  it.each(
    requests.map(
      ([prefix, method, url, body, role]) => [method, url('{id}'), { prefix, url, body, role }] as const,
    ),
  )(
    'is 421 wrong_cell with the number of its cell: %s %s',
    async (method, _, { prefix, url, body, role }) => {
      const call = { ...(role && admin), body };
      for (const cellNumber of [0, 4]) {
        const answer = await send(method, url(idOf(prefix, cellNumber)), call);
        expect(answer.body).toMatchObject({ status: 421, code: 'wrong_cell', cellNumber, retryable: false });
      }
      expect((await send(method, url(idOf(prefix, 3)), call)).status).not.toBe(421);
    },
  );

  it.each([
    [
      'an order',
      '/v1/orders',
      (rsv: string) => ({ customerId: 'cus_1', reservationId: rsv, paymentMethod: 'pm_card_visa' }),
      {},
    ],
    [
      'a release',
      '/v1/admin/reservations/release',
      (rsv: string) => ({ filter: { ids: [rsv] }, dryRun: true }),
      admin,
    ],
  ] as const)(
    'is refused in the body of %s too, does nothing and leaves the key free',
    async (_, url, bodyFor, call) => {
      const idempotencyKey = randomUUID();
      const counted = () =>
        db.rows(
          `SELECT (SELECT count(*) FROM orders) AS o, (SELECT count(*) FROM releases) AS r, (SELECT count(*) FROM idempotency_keys) AS k`,
        );
      const before = await counted();
      const refused = await send('POST', url, { ...call, idempotencyKey, body: bodyFor(idOf('rsv', 4)) });
      expect(refused.body).toMatchObject({ status: 421, code: 'wrong_cell', cellNumber: 4 });
      expect(await counted()).toEqual(before);
    },
  );
});
