import { copy } from '../../loadtest/bench/past';
import { listReservations } from '../../src/inventory/reservations/reservation-list.repository';
import { listAllOrders } from '../../src/reporting/lists/order-list';
import { parkMessage } from '../../src/outbox/dead-letters.repository';
import { storeProviderEvents } from '../../src/payment/webhooks/provider-events.repository';
import { look } from '../../src/background/due-work';
import { ProviderEventWorker } from '../../src/background/provider-event.worker';
import { CountedReads } from '../support/counted-reads';
import { line } from '../support/intakes';
import { type World, createWorld, inParallel, operator, shop, until } from '../support/fixtures';

/**
 * A sale begins long after the last ANALYZE. According to the statistics every message is applied, every saga has ended
 * and no reservation is active. So the planner expects the indexes of open work to hold one row and prefers them to key
 * lookups (docs/decisions/0025). These tests count the rows that are read while thousands are open.
 */

const open = 2_000;
/** Large enough that a batch of rows is looked up instead of read with a full scan. */
const past = 40_000;

let world: World;
let counted: CountedReads;
let sku: string;
let limited: string;
const orders: string[] = [];

beforeAll(async () => {
  world = await createWorld({}, CountedReads);
  counted = world.db as CountedReads;
  await makePast();
  await world.dataSource.query('VACUUM (ANALYZE)');
  const product = { onHand: 10 * open, strategy: 'grouped' };
  sku = await world.product(product);
  limited = await world.product({ ...product, reservationsPerCustomerMax: 5, unitsPerCustomerMax: 5 });
  await crowd(async (nth) => orders.push(await world.order([line(sku)], { customerId: `buyer-${nth}` })));
  await crowd((nth) => world.reserve([line(limited)], { customerId: `holder-${nth}` }));
  await world.rows(
    `INSERT INTO provider_events (id, type, raw_body, order_id) SELECT 'evt_' || id, 'news', '{}', id FROM unnest($1::uuid[]) AS id`,
    [orders],
  );
});
// Invariants are not checked: the copied past oversold.
afterAll(() => world.close());

const crowd = (task: (nth: number) => Promise<unknown>) =>
  inParallel(
    64,
    Array.from({ length: open }, (_, nth) => () => task(nth)),
  );
const sweepEvents = () => new ProviderEventWorker(world.db, world.runner()).sweep();

const messageOf = async (orderId: string): Promise<string> =>
  (await world.row<{ id: string }>(`SELECT id FROM outbox WHERE aggregate_id = $1::uuid`, [orderId])).id;

/** Ready to be charged, through its message. */
async function placing(orderId: string): Promise<() => Promise<unknown>> {
  world.gateway.expect('authorize').expect('capture');
  return async () => {
    await world.runner().drive(orderId);
    world.gateway.expectSpoken();
  };
}

const copied = [
  ...['orders', 'order_lines', 'sagas', 'payment_operations', 'reservations', 'reservation_lines'],
  ...['outbox', 'inbox', 'provider_events'],
];

/** Many copies of one order that has ended. */
async function makePast(): Promise<void> {
  const orderId = await world.order();
  await world.relay().runOnce();
  await (
    await placing(orderId)
  )();
  await world.rows(`INSERT INTO provider_events (id, type, raw_body) VALUES ('evt_past', 'news', '{}')`);
  await sweepEvents();
  const session = await world.session();
  await session.query('SET session_replication_role = replica');
  for (const table of copied)
    await copy(session, table, {
      source: table,
      series: [1, past],
      set: { customer_id: `'cus_' || i`, ...(table === 'provider_events' && { id: `t.id || i` }) },
      ofType: { uuid: (column) => `md5(t.${column} || '-' || i)::uuid` },
    });
}

/** The maximum of rows that an action may read. One that scans open work reads thousands. */
const few = 150;

const heldBy = (customerId: string) => world.reserve([line(sku)], { customerId });
const dueBy = async (customerId: string) => {
  const id = await heldBy(customerId);
  await world.makeDue(id);
  return id;
};

const anyReservation = {
  principal: null,
  statuses: null,
  sku: null,
  customerId: null,
  endsWithinSeconds: null,
};
const anyOrder = {
  ...{ statuses: null, sagaStatuses: null, steps: null, customerId: null },
  ...{ paymentUnknown: false, from: null, to: null },
};

/** A preparation, which returns the action to count. */
const acts: Record<string, () => Promise<() => Promise<unknown>>> = {
  'an order is charged and placed': async () => placing(orders.pop()!),
  'an order is cancelled': async () => {
    const orderId = orders.pop()!;
    return () => world.orders.requestCancellation(orderId, 'cancel', orderId, shop);
  },
  'a reservation is taken': async () => () => world.reserve([line(sku)]),
  'a reservation is taken with a limit per customer': async () => () =>
    world.reserve([line(limited)], { customerId: 'limited' }),
  'a reservation is taken with a limit per customer, who has a long past': async () => {
    // Older than the product's first reservation, by their ids.
    await world.rows(
      `INSERT INTO reservations (id, principal, customer_id, status, total_amount, currency, expires_at, max_expires_at, ended_at, metadata, created_at)
       SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'shop', 'veteran', 'confirmed', 1, 'EUR', at, at, at, '{}', at
         FROM generate_series(1, ${open}) AS n, clock_timestamp() AS at`,
    );
    return () => world.reserve([line(limited)], { customerId: 'veteran' });
  },
  'a buyer gets a shortfall': async () => {
    await dueBy('too-little');
    return () => expect(world.reserve([line(sku, 20 * open)])).rejects.toThrow();
  },
  'a reservation is extended': async () => {
    const id = await heldBy('extended');
    return () => world.reservations.extend(id, 900, shop);
  },
  'the lines of a reservation are changed': async () => {
    const id = await heldBy('changed');
    return () => world.change(id, [line(sku, 3), line(limited)]);
  },
  'a reservation is confirmed': async () => {
    const id = await heldBy('confirmed');
    return () => world.reservations.confirm(id, shop);
  },
  'a reservation is released': async () => {
    const id = await heldBy('released');
    return () => world.reservations.release(id, shop);
  },
  'due reservations expire': async () => {
    for (let nth = 0; nth < 3; nth++) await dueBy('due');
    return () => world.reservations.expireDue();
  },
  'many reservations are released': async () => {
    for (let nth = 0; nth < 3; nth++) await heldBy('many');
    const { id } = await world.releases.count({ customerId: 'many' }, operator);
    const looker = await world.session();
    const isDone = async () =>
      (await looker.query(`SELECT FROM releases WHERE id = $1 AND status = 'done'`, [id])).rowCount === 1;
    return async () => {
      await world.releases.begin(id, { reason: 'wrong price', key: undefined }, operator);
      await until(isDone);
    };
  },
  'a page of reservations is listed, the newest first': async () => () =>
    listReservations(world.db, anyReservation, { sort: 'newest', limit: 5, before: null }),
  'a page of reservations is listed, by their ends': async () => () =>
    listReservations(world.db, anyReservation, { sort: 'ends', limit: 5, before: null }),
  'a shop lists its own reservations': async () => () =>
    listReservations(
      world.db,
      { ...anyReservation, principal: shop.name, statuses: ['active'] },
      { sort: 'newest', limit: 5, before: null },
    ),
  'a shop without reservations lists its own': async () => () =>
    listReservations(
      world.db,
      { ...anyReservation, principal: 'another-shop', statuses: null },
      { sort: 'newest', limit: 5, before: null },
    ),
  'a page of orders is listed': async () => () =>
    listAllOrders(world.db, anyOrder, { limit: 5, before: null }),
  'a message is given up': async () => {
    const messageId = await messageOf(orders.pop()!);
    return () =>
      world.db.transaction('dead-letter', (tx) => parkMessage(tx, { messageId, starts: 3, reason: 'x' }));
  },
};

describe('with thousands of open rows that the statistics do not know', () => {
  it.each(Object.keys(acts))('%s without a scan of open rows', async (what) => {
    const act = await acts[what]!();
    expect(await counted.by(act)).toBeLessThan(few);
  });

  it('the sweeper looks for due work without a scan of open rows', async () => {
    const options = { holder: 'the only one', leaseMs: 60_000, looksAnyway: false };
    expect(await counted.by(() => look(counted, options))).toBeLessThan(few);
  });

  it('messages are sent with a few rows read for each', async () => {
    const batch = 200;
    expect(await counted.by(() => world.relay().runOnce())).toBeLessThan(8 * batch);
  });

  it('webhooks are stored with a few rows read for each', async () => {
    const group = orders.slice(0, 100).map((orderId) => ({
      id: `evt_new_${orderId}`,
      type: 'payment_intent.succeeded',
      providerReference: `ref_${orderId}`,
      orderId,
      rawBody: '{}',
      stripeAccount: null,
    }));
    expect(await counted.by(() => storeProviderEvents(world.db, group))).toBeLessThan(10 * group.length);
  });

  it('webhooks are processed with a few rows read for each', async () => {
    expect(await counted.by(sweepEvents)).toBeLessThan(6 * open);
  });
});
