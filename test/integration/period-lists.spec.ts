import { copy } from '../../loadtest/bench/past';
import { listActions } from '../../src/audit-log/audit-log.repository';
import { listAllOrders } from '../../src/reporting/lists/order-list';
import { CountedReads } from '../support/counted-reads';
import { createWorld, type World } from '../support/fixtures';

/**
 * Two days of placed orders and audit entries, one every ten seconds, with ids of their times. The planner's statistics
 * are current, but it believes that a third of the rows has a time that differs from the id.
 */

const past = 20_000;
const stepSeconds = 10;

let world: World;
let counted: CountedReads;
let now: Date;

beforeAll(async () => {
  world = await createWorld({}, CountedReads);
  counted = world.db as CountedReads;
  const orderId = await world.order();
  world.gateway.expect('authorize').expect('capture');
  await world.runner().drive(orderId);
  now = (await world.row<{ now: Date }>(`SELECT date_trunc('second', clock_timestamp()) AS now`)).now;
  const date = `timestamptz '${now.toISOString()}' - (${past} - i) * interval '${stepSeconds} seconds'`;
  const idOf = (value: string) =>
    `(lpad(to_hex((extract(epoch FROM ${date}) * 1000)::bigint), 12, '0') || left(md5(${value} || '-' || i), 20))::uuid`;
  const session = await world.session();
  await session.query('SET session_replication_role = replica');
  for (const table of ['orders', 'sagas', 'reservations'])
    await copy(session, table, {
      source: table,
      series: [1, past],
      set: { created_at: date, customer_id: `'cus_' || i % 100` },
      ofType: { uuid: (column) => idOf(`t.${column}`) },
    });
  await session.query(
    `INSERT INTO admin_actions (id, actor, action, object_type, object_id, at)
     SELECT ${idOf(`'action'`)}, 'operator', 'reservation.release', 'reservation', 'rsv_' || i, ${date}
       FROM generate_series(1, ${past}) AS i`,
  );
  await session.query('VACUUM (ANALYZE)');
});
// Invariants are not checked: the copied past oversold.
afterAll(() => world.close());

const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
const anyOrder = {
  ...{ statuses: null, sagaStatuses: null, steps: null, customerId: null },
  paymentUnknown: false,
};
const page = { limit: 5, before: null };

const lists: Record<string, (period: { from: Date | null; to: Date | null }) => Promise<unknown[]>> = {
  orders: (period) => listAllOrders(world.db, { ...anyOrder, ...period }, page),
  'orders of a customer': (period) =>
    listAllOrders(world.db, { ...anyOrder, customerId: 'cus_7', ...period }, page),
  actions: (period) => listActions(world.db, period, page.limit, page.before),
};

describe.each(Object.keys(lists))('a page of %s', (what) => {
  it.each([
    ['of an hour of yesterday', 25, 24],
    ['until yesterday', null, 24],
    ['since yesterday', 24, null],
    ['of any time', null, null],
  ])('%s reads only a few rows', async (_, from, to) => {
    const period = { from: from === null ? null : hoursAgo(from), to: to === null ? null : hoursAgo(to) };
    let rows: unknown[] = [];
    const read = await counted.by(async () => (rows = await lists[what]!(period)));
    expect(rows.length).toBeGreaterThan(0);
    expect(read).toBeLessThan(past / 10);
  });
});
