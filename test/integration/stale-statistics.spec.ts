import { copy } from '../../loadtest/bench/past';
import { listReservations } from '../../src/inventory/reservations/reservation-list.repository';
import { listAllOrders } from '../../src/reporting/lists/order-list';
import { parkMessage } from '../../src/outbox/dead-letters.repository';
import { ProviderEventWorker } from '../../src/background/provider-event.worker';
import { CountedReads } from '../support/counted-reads';
import { line } from '../support/intakes';
import { type World, createWorld, inParallel, operator, shop, until } from '../support/fixtures';

/**
 * A sale begins long after the last ANALYZE. By all that the planner knows every message is applied, every saga has ended
 * and no reservation is active; so it takes the index of what is open for one that holds a row at most, and would rather
 * read that than look up the keys it was given (docs/decisions/0025). What is counted here is rows read, while thousands
 * are open.
 */

const open = 2_000;
/** Long enough that a batch of rows is looked up and not sought in the whole table. */
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
  limited = await world.product({ ...product, reservationsPerCustomerMax: 5 });
  await crowd(async (nth) => orders.push(await world.order([line(sku)], { customerId: `buyer-${nth}` })));
  await crowd((nth) => world.reserve([line(limited)], { customerId: `holder-${nth}` }));
  await world.rows(
    `INSERT INTO provider_events (id, type, raw_body, order_id) SELECT 'evt_' || id, 'news', '{}', id FROM unnest($1::uuid[]) AS id`,
    [orders],
  );
});
// Its invariants are not looked at: a copied past has sold what nobody had.
afterAll(() => world.close());

const crowd = (task: (nth: number) => Promise<unknown>) =>
  inParallel(
    64,
    Array.from({ length: open }, (_, nth) => () => task(nth)),
  );
const sweepEvents = () => new ProviderEventWorker(world.db, world.runner()).sweep();

const messageOf = async (orderId: string): Promise<string> =>
  (await world.row<{ id: string }>(`SELECT id FROM outbox WHERE aggregate_id = $1::uuid`, [orderId])).id;

/** Made ready to be charged, by the message that tells of it. */
async function placing(orderId: string): Promise<() => Promise<unknown>> {
  const messageId = await messageOf(orderId);
  world.gateway.expect('authorize').expect('capture');
  return async () => {
    await world.runner().drive(orderId, { consumer: 'checkout', messageId });
    world.gateway.expectSpoken();
  };
}

const copied = [
  ...['orders', 'order_lines', 'sagas', 'payment_operations', 'reservations', 'reservation_lines'],
  ...['outbox', 'inbox', 'provider_events'],
];

/** One order that has come to its end, many times over. */
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

/** So many rows an act may read. One that looks through what is open reads thousands. */
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

/** Made ready, and what is then counted. */
const acts: Record<string, () => Promise<() => Promise<unknown>>> = {
  'an order is charged and placed': async () => placing(orders.pop()!),
  'an order is cancelled': async () => {
    const orderId = orders.pop()!;
    return () => world.orders.requestCancellation(orderId, 'cancel', orderId, shop);
  },
  'a reservation is taken': async () => () => world.reserve([line(sku)]),
  'a reservation is taken where each customer may have a few': async () => () =>
    world.reserve([line(limited)], { customerId: 'limited' }),
  'a buyer is told that there is too little': async () => {
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
  'what is due expires': async () => {
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
  'a shop that has none lists its own reservations': async () => () =>
    listReservations(
      world.db,
      { ...anyReservation, principal: 'another-shop', statuses: null },
      { sort: 'newest', limit: 5, before: null },
    ),
  'a page of orders is listed': async () => () =>
    listAllOrders(world.db, anyOrder, { limit: 5, before: null }),
  'a message is given up': async () => {
    const messageId = await messageOf(orders.pop()!);
    const letter = { name: 'order.accepted', data: { messageId, aggregateId: null }, starts: 3, reason: 'x' };
    return () => world.db.transaction('dead-letter', (tx) => parkMessage(tx, letter));
  },
};

describe('while thousands are open that the planner knows nothing of', () => {
  it.each(Object.keys(acts))('%s without reading them', async (what) => {
    const act = await acts[what]!();
    expect(await counted.by(act)).toBeLessThan(few);
  });

  it('messages are sent for a few rows each', async () => {
    const batch = 200;
    expect(await counted.by(() => world.relay().runOnce())).toBeLessThan(8 * batch);
  });

  it('webhooks are worked off for a few rows each', async () => {
    expect(await counted.by(sweepEvents)).toBeLessThan(6 * open);
  });
});
