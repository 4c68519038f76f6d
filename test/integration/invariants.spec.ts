import type { Client } from 'pg';
import { register } from 'prom-client';
import { Audit } from '../../src/audit/audit';
import { invariants } from '../../src/audit/invariants';
import type { Database } from '../../src/database/database';
import type { CheckoutRequest } from '../../src/orders/intake/intake';
import type { GatewayResult } from '../../src/payment/gateways/gateway';
import { createWorld, expectInvariants, operator, shop, until, type World } from '../support/fixtures';
import { refund, runTasks, shipReservation, sold } from '../support/sold';
import { declinedCard, silence } from '../support/scripted-gateway';

/** One row of each kind that the corruptions below change. */
interface Lively {
  placed: string;
  declined: string;
  captureDeclined: string;
  refunded: string;
  secondCard: string;
  charged: string;
  free: string;
  freeSku: string;
  chargedInPart: string;
  held: string;
  voided: string;
  pending: string;
  waiting: string;
  stuck: string;
  active: string;
  expired: string;
  released: string;
  sku: string;
  emptySku: string;
  split: string;
  numbered: string;
  numberedHeld: string;
  shipped: string;
  shippedSku: string;
  inParts: string;
}

let world: World;
let session: Client;
let rows: Lively;

beforeAll(async () => {
  world = await createWorld();
  session = await world.session();
  rows = await liveALittle();
});
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

async function liveALittle(): Promise<Lively> {
  const { gateway } = world;
  const sku = await world.product({ onHand: 50 });
  const emptySku = await world.product({ onHand: 0 });
  const order = (more?: Partial<CheckoutRequest>) => world.order([{ sku, quantity: 2 }], more);
  const drive = async (orderId: string) => {
    await world.runner().drive(orderId);
    return orderId;
  };
  await world.products.adjust(sku, { delta: 10, reason: 'delivery' }, undefined, operator);

  gateway.expect('authorize').expect('capture');
  const placed = await drive(await order());
  gateway.expect('authorize', declinedCard);
  const declined = await drive(await order());
  gateway.expect('authorize').expect('capture', declinedCard).expect('void');
  const captureDeclined = await drive(await order());
  let refunded = '';
  for (const by of ['cancel', 'refund'] as const) {
    gateway.expect('authorize').expect('capture').expect('refund');
    const orderId = await drive(await order());
    await world.orders.requestCancellation(orderId, by, by, shop);
    refunded = await drive(orderId);
  }
  gateway.expect('authorize', {
    ...declinedCard,
    mayTryAnotherCard: true,
    reference: 'pi',
    isOpen: true,
  } as GatewayResult);
  gateway.expect('void').expect('authorize').expect('capture');
  const secondCard = await drive(await order({ onDecline: { holdSeconds: 60, attemptsMax: 2 } }));
  const sent = { method: 'pm_card_visa' };
  const request = {
    orderId: secondCard,
    key: 'second',
    sent,
    payment: { paymentMethod: sent.method, payment: null },
  };
  await world.paymentAttempts.payAgain(request, shop);
  await drive(secondCard);
  gateway.expect('charge');
  const charged = await drive(await order({ capture: 'immediate' }));
  const half: GatewayResult = { status: 'approved', reference: 'half', amount: 1_000, currency: 'EUR' };
  gateway.expect('charge', half).expect('refund');
  const chargedInPart = await drive(await order({ capture: 'immediate' }));
  gateway.expect('authorize').expect('authorize').expect('void');
  const held = await drive(await order({ capture: 'on_shipment' }));
  const voided = await drive(await order({ capture: 'on_shipment' }));
  await world.orders.requestCancellation(voided, 'cancel', 'voided', shop);
  await drive(voided);
  const freeSku = await world.product({ amount: 0, onHand: 9 });
  const free = await drive(await world.order([{ sku: freeSku, quantity: 2 }]));
  gateway.expect('authorize', silence);
  const waiting = await drive(await order());
  gateway.expect('authorize', { status: 'approved', reference: 'ref', amount: 5_000, currency: 'EUR' });
  const stuck = await drive(await order());
  const pending = await order();
  gateway.expectSpoken();

  const [active, expired, released, confirmed] = await Promise.all(
    [1, 2, 3, 4].map(() => world.reserve([{ sku, quantity: 1 }])),
  );
  await world.makeDue(expired!);
  await world.reservations.expireDue();
  await world.reservations.release(released!, shop);
  await world.reservations.confirm(confirmed!, shop);
  const split = await world.product({ onHand: 9, strategy: 'pools', pools: ['eu', 'us'] });
  await world.products.transfer(
    split,
    { from: 'eu', to: 'us', quantity: 2, reason: 'wanted there' },
    undefined,
    operator,
  );
  const numbered = await world.product({ onHand: 9, strategy: 'unit-tokens' });
  const numberedHeld = await world.reserve([{ sku: numbered, quantity: 2 }]);
  gateway.expect('authorize').expect('capture').expect('refund');
  const inParts = await drive(await order());
  await refund(world, inParts, { amount: 300 });
  await runTasks(world, inParts);
  gateway.expectSpoken();
  const shippedSku = await world.product({ onHand: 9 });
  const shipped = await sold(world, [{ sku: shippedSku, quantity: 4 }]);
  await shipReservation(world, shipped, [{ sku: shippedSku, quantity: 2 }]);
  await until(async () => (await world.relay().runOnce()) === 0);
  return {
    shipped,
    shippedSku,
    inParts,
    placed,
    declined,
    captureDeclined,
    refunded,
    secondCard,
    charged,
    free,
    freeSku,
    chargedInPart,
    held,
    voided,
    pending,
    waiting,
    stuck,
    active: active!,
    expired: expired!,
    released: released!,
    sku,
    emptySku,
    split,
    numbered,
    numberedHeld,
  };
}

/** The audit's result after `statements`, which are rolled back. Each statement must change a row. */
async function auditAfter(statements: [string, unknown[]][]): Promise<Map<string, string>> {
  await session.query('BEGIN');
  try {
    for (const [sql, parameters] of statements) {
      const { rowCount } = await session.query(sql, parameters);
      if (rowCount === 0) throw new Error(`nothing was corrupted by: ${sql}`);
    }
    const tx = {
      rows: async (sql: string, parameters: unknown[]) => (await session.query(sql, parameters)).rows,
    };
    const asDatabase = { ...tx, transaction: (_: string, work: (tx: unknown) => unknown) => work(tx) };
    const report = await new Audit(asDatabase as unknown as Database).run();
    const broken = report.invariants.filter(({ violations }) => violations.length > 0);
    return new Map(broken.map(({ id, violations }) => [id, JSON.stringify(violations)]));
  } finally {
    await session.query('ROLLBACK');
  }
}

type Corruption = [
  id: string,
  what: string,
  row: (lively: Lively) => string,
  statements: (lively: Lively) => [string, unknown[]][],
];

const operation = (kind: string, status: string, hoursAgo = 0) =>
  `INSERT INTO payment_operations (id, order_id, kind, status, amount, currency, created_at, settled_at)
   SELECT gen_random_uuid(), id, '${kind}', '${status}', total_amount, currency, clock_timestamp() - interval '${hoursAgo} hours',
          CASE WHEN '${status}' IN ('approved', 'declined') THEN clock_timestamp() END
     FROM orders WHERE id = $1`;

// prettier-ignore
const corruptions: Corruption[] = [
  ['I1', 'more is reserved than is on hand', ({ sku }) => sku, ({ sku }) => [
    [`ALTER TABLE stock_levels DROP CONSTRAINT stock_levels_never_oversold`, []],
    [`INSERT INTO stock_movements (sku, pool, level_version, kind, delta, on_hand_after, reason, actor)
      SELECT sku, pool, version + 1, 'adjust', reserved - 1 - on_hand, reserved - 1, 'theft', 'nobody' FROM stock_levels WHERE sku = $1`, [sku]],
    [`UPDATE stock_levels SET on_hand = reserved - 1 WHERE sku = $1`, [sku]],
  ]],
  ['I2', 'a unit is reserved without a reservation', ({ sku }) => sku, ({ sku }) => [
    [`UPDATE stock_levels SET reserved = reserved + 1 WHERE sku = $1`, [sku]],
  ]],
  ['I2', 'a sold unit is on sale again', ({ sku }) => sku, ({ sku }) => [
    [`UPDATE stock_levels SET reserved = reserved - 1 WHERE sku = $1`, [sku]],
  ]],
  ['I3', 'a unit came from nowhere', ({ sku }) => sku, ({ sku }) => [
    [`UPDATE stock_levels SET on_hand = on_hand + 1 WHERE sku = $1`, [sku]],
  ]],
  ['I3', 'a movement was changed', ({ sku }) => sku, ({ sku }) => [
    [`UPDATE stock_movements SET on_hand_after = on_hand_after - 1 WHERE sku = $1 AND delta = 10`, [sku]],
  ]],
  ['I4', 'a rejected order was charged', ({ declined }) => declined, ({ declined }) => [[operation('capture', 'approved'), [declined]]]],
  ['I4', 'a placed order was refunded in full', ({ placed }) => placed, ({ placed }) => [[operation('refund', 'approved'), [placed]]]],
  ['I4', 'a rejected order was charged in one call', ({ declined }) => declined, ({ declined }) => [
    [operation('charge', 'approved'), [declined]],
    [operation('refund', 'approved'), [declined]],
    [`UPDATE payment_operations SET amount = amount - 1 WHERE order_id = $1 AND kind = 'refund'`, [declined]],
  ]],
  ['I4', 'the authorization of an order that has not shipped was voided', ({ held }) => held, ({ held }) => [
    [operation('void', 'approved'), [held]],
  ]],
  ['I5', 'more was refunded than was taken', ({ refunded }) => refunded, ({ refunded }) => [[operation('refund', 'approved'), [refunded]]]],
  ['I5', 'a charged order was captured too', ({ chargedInPart }) => chargedInPart, ({ chargedInPart }) => [
    [operation('capture', 'approved'), [chargedInPart]],
    [`UPDATE payment_operations SET amount = 1 WHERE order_id = $1 AND kind = 'capture'`, [chargedInPart]],
  ]],
  ['I5', 'an order was charged twice', ({ placed }) => placed, ({ placed }) => [
    [`DROP INDEX payment_operations_one_capture`, []],
    [operation('capture', 'approved'), [placed]],
  ]],
  ['I6', 'a placed order has no stock', ({ placed }) => placed, ({ placed, sku }) => [
    [`UPDATE reservations SET status = 'released' WHERE order_id = $1`, [placed]],
    [`UPDATE stock_levels SET reserved = reserved - 2 WHERE sku = $1`, [sku]],
  ]],
  ['I6', 'an order was captured when it shipped and never authorized', ({ held }) => held, ({ held }) => [
    [`UPDATE payment_operations SET kind = 'capture' WHERE order_id = $1`, [held]],
  ]],
  ['I6', 'an order that is charged in one call was authorized and captured', ({ charged }) => charged, ({ charged }) => [
    [`UPDATE payment_operations SET kind = 'capture' WHERE order_id = $1`, [charged]],
  ]],
  ['I6', 'a free order asked the provider', ({ free }) => free, ({ free }) => [
    [operation('authorize', 'declined'), [free]],
  ]],
  ['I6', 'a placed free order has no stock', ({ free }) => free, ({ free, freeSku }) => [
    [`UPDATE reservations SET status = 'released' WHERE order_id = $1`, [free]],
    [`UPDATE stock_levels SET reserved = reserved - 2 WHERE sku = $1`, [freeSku]],
  ]],
  ['I7', 'a reservation is active after its expiry', ({ active }) => active, ({ active }) => [
    [`UPDATE reservations SET expires_at = clock_timestamp() - interval '6 seconds' WHERE id = $1`, [active]],
  ]],
  ['I7', 'a reservation was ended before its end', ({ expired }) => expired, ({ expired }) => [
    [`UPDATE reservations SET expires_at = ended_at + interval '1 second' WHERE id = $1`, [expired]],
  ]],
  ['I8', 'an authorization of a rejected order still stands', ({ captureDeclined }) => captureDeclined, ({ captureDeclined }) => [
    [`DELETE FROM payment_operations WHERE order_id = $1 AND kind = 'void'`, [captureDeclined]],
  ]],
  ['I8', 'a charge in part of a rejected order was kept', ({ chargedInPart }) => chargedInPart, ({ chargedInPart }) => [
    [`DELETE FROM payment_operations WHERE order_id = $1 AND kind = 'refund'`, [chargedInPart]],
  ]],
  ['I8', 'an authorization of a cancelled order still stands', ({ voided }) => voided, ({ voided }) => [
    [`DELETE FROM payment_operations WHERE order_id = $1 AND kind = 'void'`, [voided]],
  ]],
  ['I9', 'a key names a missing order', () => '00000000-0000-7000-8000-000000000009', () => [
    [`INSERT INTO idempotency_keys (principal, operation, key, fingerprint, resource_id)
      VALUES ('shop', 'orders', 'lost', '', '00000000-0000-7000-8000-000000000009')`, []],
  ]],
  ['I9', 'two keys name one order', ({ placed }) => placed, ({ placed }) => [
    [`INSERT INTO idempotency_keys (principal, operation, key, fingerprint, resource_id) VALUES ('shop', 'orders', 'another', '', $1)`, [placed]],
  ]],
  ['I10', 'a placed order was never announced', ({ placed }) => placed, ({ placed }) => [
    [`DELETE FROM outbox WHERE aggregate_id = $1 AND type = 'order.placed'`, [placed]],
  ]],
  ['I10', 'an accepted order was never announced', ({ pending }) => pending, ({ pending }) => [
    [`DELETE FROM outbox WHERE aggregate_id = $1 AND type = 'order.accepted'`, [pending]],
  ]],
  ['I10', 'a released reservation was never announced', ({ released }) => released, ({ released }) => [
    [`DELETE FROM outbox WHERE aggregate_id = $1 AND type = 'reservation.released'`, [released]],
  ]],
  ['I10', 'an order was announced as placed but is not', ({ pending }) => pending, ({ pending }) => [
    [`INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, payload)
      VALUES (gen_random_uuid(), 'order', $1, 99, 'order.placed', '{}')`, [pending]],
  ]],
  ['I10', 'a reservation was announced as expired but is not', ({ active }) => active, ({ active }) => [
    [`INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, payload)
      VALUES (gen_random_uuid(), 'reservation', $1, 99, 'reservation.expired', '{}')`, [active]],
  ]],
  ['I11', 'an order was acknowledged and not taken', () => 'order.accepted', ({ pending }) => [
    [`UPDATE outbox SET applied_at = clock_timestamp() WHERE aggregate_id = $1 AND type = 'order.accepted'`, [pending]],
  ]],
  ['I11', 'a reservation was acknowledged without its alarm', () => 'reservation.created', ({ active }) => [
    [`UPDATE outbox SET relay_epoch = 0 WHERE aggregate_id = $1 AND type = 'reservation.created'`, [active]],
  ]],
  ['I12', 'a pending order has no saga', ({ pending }) => pending, ({ pending }) => [
    [`DELETE FROM saga_transitions WHERE order_id = $1`, [pending]],
    [`DELETE FROM sagas WHERE order_id = $1`, [pending]],
  ]],
  ['I12', 'a due saga is not driven', ({ pending }) => pending, ({ pending }) => [
    [`UPDATE sagas SET next_run_at = clock_timestamp() - interval '61 seconds' WHERE order_id = $1`, [pending]],
  ]],
  ['I13', 'a worker wrote with an older token', ({ placed }) => placed, ({ placed }) => [
    [`UPDATE saga_transitions SET fencing_token = 0 WHERE order_id = $1 AND to_status = 'completed'`, [placed]],
  ]],
  ['I13', 'a line has a token that was never issued', ({ active }) => active, ({ active }) => [
    [`UPDATE reservation_lines SET fencing_token = fencing_token + 1000000 WHERE reservation_id = $1`, [active]],
  ]],
  ['I13', 'a token was issued twice', ({ sku }) => sku, ({ active, expired }) => [
    [`UPDATE reservation_lines SET fencing_token = (SELECT fencing_token FROM reservation_lines WHERE reservation_id = $2)
       WHERE reservation_id = $1`, [active, expired]],
  ]],
  ['I15', 'a payment is unknown for too long', () => 'unknown', ({ waiting }) => [
    [`UPDATE payment_operations SET created_at = created_at - interval '61 minutes' WHERE order_id = $1`, [waiting]],
  ]],
  ['I16', 'a stuck saga does not say why', ({ stuck }) => stuck, ({ stuck }) => [
    [`UPDATE sagas SET last_error = NULL WHERE order_id = $1`, [stuck]],
  ]],
  ['I17', 'an order uses another customer’s reservation', ({ placed }) => placed, ({ placed }) => [
    [`UPDATE reservations SET customer_id = 'somebody else' WHERE order_id = $1`, [placed]],
  ]],
  ['I18', 'an order and its saga disagree', ({ declined }) => declined, ({ declined }) => [
    [`UPDATE sagas SET status = 'stuck', last_error = 'why' WHERE order_id = $1`, [declined]],
  ]],
  ['I18', 'a saga moved after its end', ({ declined }) => declined, ({ declined }) => [
    [`INSERT INTO saga_transitions (order_id, version, from_status, to_status, step, attempt, cause, fencing_token, worker)
      VALUES ($1, 99, 'compensated', 'running', 'reserve-stock', 0, 'done', 99, 'nobody')`, [declined]],
  ]],
  ['I19', 'a product has no stock row', ({ emptySku }) => emptySku, ({ emptySku }) => [
    [`DELETE FROM stock_levels WHERE sku = $1`, [emptySku]],
  ]],
  ['I19', 'a transfer lost a unit on its way', ({ split }) => split, ({ split }) => [
    [`UPDATE stock_movements SET delta = delta - 1, on_hand_after = on_hand_after - 1 WHERE sku = $1 AND kind = 'transfer' AND pool = 'us'`, [split]],
    [`UPDATE stock_levels SET on_hand = on_hand - 1 WHERE sku = $1 AND pool = 'us'`, [split]],
  ]],
  ['I19', 'a pool offers safety stock', ({ split }) => split, ({ split }) => [
    [`UPDATE products SET safety_stock = 1 WHERE sku = $1`, [split]],
  ]],
  ['I19', 'a numbered unit is missing', ({ numbered }) => numbered, ({ numbered }) => [
    [`DELETE FROM stock_units WHERE sku = $1 AND unit_no = 9`, [numbered]],
  ]],
  ['I19', 'a numbered unit came from nowhere', ({ sku }) => sku, ({ sku }) => [
    [`INSERT INTO stock_units (sku, unit_no) VALUES ($1, 1)`, [sku]],
  ]],
  ['I19', 'a reserved unit is free', ({ numbered }) => numbered, ({ numberedHeld }) => [
    [`UPDATE stock_units SET reservation_id = NULL WHERE reservation_id = $1 AND unit_no = 1`, [numberedHeld]],
  ]],
  ['I19', 'a unit is reserved by a reservation that has ended', ({ numbered }) => numbered, ({ numbered, released }) => [
    [`UPDATE stock_units SET reservation_id = $2 WHERE sku = $1 AND unit_no = 1`, [numbered, released]],
  ]],
  ['I19', 'a reservation has another reservation’s unit', ({ numberedHeld }) => numberedHeld, ({ numbered, numberedHeld, active }) => [
    [`UPDATE stock_units SET reservation_id = $2 WHERE sku = $1 AND reservation_id = $3 AND unit_no = 2`, [numbered, active, numberedHeld]],
  ]],
  ['I20', 'an operation is for another amount', () => 'authorize', ({ placed }) => [
    [`UPDATE payment_operations SET amount = amount + 1 WHERE order_id = $1 AND kind = 'authorize'`, [placed]],
  ]],
  ['I20', 'a charge is for another amount', () => 'charge', ({ chargedInPart }) => [
    [`UPDATE payment_operations SET amount = amount - 1 WHERE order_id = $1 AND kind = 'charge'`, [chargedInPart]],
  ]],
  ['I20', 'a capture is for more than the total', () => 'capture', ({ pending }) => [
    [operation('capture', 'sent'), [pending]],
    [`UPDATE payment_operations SET amount = amount + 1 WHERE order_id = $1 AND kind = 'capture'`, [pending]],
  ]],
  ['I20', 'a refund is for money that was never taken', () => 'refund', ({ pending }) => [[operation('refund', 'sent'), [pending]]]],
  ['I20', 'an operation is for another currency', () => 'void', ({ captureDeclined }) => [
    [`UPDATE payment_operations SET currency = 'USD' WHERE order_id = $1 AND kind = 'void'`, [captureDeclined]],
  ]],
  ['I15', 'a refund under way is not due to be checked', () => 'refund', ({ refunded }) => [
    [`UPDATE payment_operations SET status = 'pending', settled_at = NULL WHERE order_id = $1 AND kind = 'refund'`, [refunded]],
  ]],
  ['I21', 'P18: a failed refund is called refunded', ({ refunded }) => refunded, ({ refunded }) => [
    [`INSERT INTO payment_facts (id, order_id, type, reference, amount, currency, at)
      SELECT gen_random_uuid(), order_id, 'refund_failed', provider_reference, amount, currency, clock_timestamp()
        FROM payment_operations WHERE order_id = $1 AND kind = 'refund'`, [refunded]],
  ]],
  ['I21', 'P18: a failed refund is nobody’s case', ({ refunded }) => refunded, ({ refunded }) => [
    [`UPDATE payment_operations SET status = 'failed', failure_reason = 'expired_or_canceled_card'
       WHERE order_id = $1 AND kind = 'refund'`, [refunded]],
  ]],
  ['I22', 'an unknown payment is not asked about', ({ waiting }) => waiting, ({ waiting }) => [
    [`UPDATE saga_transitions SET at = at - interval '16 minutes' WHERE order_id = $1`, [waiting]],
  ]],
  ['I23', 'two cards are authorized', ({ secondCard }) => secondCard, ({ secondCard }) => [
    [`DROP INDEX payment_operations_one_authorization`, []],
    [`UPDATE payment_operations SET status = 'approved' WHERE order_id = $1 AND kind = 'authorize' AND payment_attempt = 1`, [secondCard]],
  ]],
  ['I23', 'another card was tried before the first was canceled', ({ secondCard }) => secondCard, ({ secondCard }) => [
    [`UPDATE payment_operations SET status = 'unknown', settled_at = NULL WHERE order_id = $1 AND kind = 'void'`, [secondCard]],
  ]],
  ['I23', 'more cards were tried than allowed', ({ secondCard }) => secondCard, ({ secondCard }) => [
    [`UPDATE orders SET on_decline = '{"holdSeconds": 60, "attemptsMax": 1}' WHERE id = $1`, [secondCard]],
  ]],
  ['I2', 'shipped units are reserved again', ({ shippedSku }) => shippedSku, ({ shippedSku }) => [
    [`UPDATE stock_levels SET reserved = reserved + 2 WHERE sku = $1`, [shippedSku]],
  ]],
  ['I25', 'more units came back than were shipped', ({ shipped }) => shipped, ({ shipped }) => [
    [`ALTER TABLE reservation_lines DROP CONSTRAINT reservation_lines_never_above_sold`, []],
    [`UPDATE reservation_lines SET returned = 3 WHERE reservation_id = $1`, [shipped]],
  ]],
  ['I25', 'a shipment took units that no line has lost', ({ shipped }) => shipped, ({ shipped }) => [
    [`INSERT INTO shipments (id, reservation_id, status, lines, actor, created_at, ended_at)
      SELECT gen_random_uuid(), reservation_id, status, lines, actor, created_at, ended_at FROM shipments WHERE reservation_id = $1`, [shipped]],
  ]],
  ['I25', 'a shipped unit left the ledger as a correction', ({ shippedSku }) => shippedSku, ({ shippedSku }) => [
    [`UPDATE stock_movements SET kind = 'adjust' WHERE sku = $1 AND kind = 'ship'`, [shippedSku]],
  ]],
  ['I5', 'refunds in part add up to more than was captured', ({ inParts }) => inParts, ({ inParts }) => [
    [`INSERT INTO payment_operations (id, order_id, kind, status, amount, currency, created_at, number, request)
      SELECT gen_random_uuid(), id, 'refund', 'created', total_amount - 299, currency, clock_timestamp(), 1, 'another'
        FROM orders WHERE id = $1`, [inParts]],
  ]],
  ['I12', 'a refund in part is forgotten', ({ inParts }) => inParts, ({ inParts }) => [
    [`UPDATE payment_tasks SET status = 'due', ended_at = NULL, next_run_at = clock_timestamp() - interval '61 seconds'
       WHERE order_id = $1`, [inParts]],
  ]],
  ['I15', 'a refund in part is unknown for too long, and no operator sees it', () => 'refund', ({ inParts }) => [
    [`UPDATE payment_operations SET status = 'unknown', settled_at = NULL, created_at = created_at - interval '61 minutes'
       WHERE order_id = $1 AND kind = 'refund'`, [inParts]],
    [`UPDATE payment_tasks SET status = 'due', ended_at = NULL, next_run_at = clock_timestamp() WHERE order_id = $1`, [inParts]],
  ]],
  ['I16', 'a stuck refund in part does not say why', ({ inParts }) => inParts, ({ inParts }) => [
    [`UPDATE payment_tasks SET status = 'stuck', ended_at = NULL WHERE order_id = $1`, [inParts]],
  ]],
  ['I26', 'a refund in part is done without the provider', ({ inParts }) => inParts, ({ inParts }) => [
    [`UPDATE payment_operations SET status = 'declined' WHERE order_id = $1 AND kind = 'refund'`, [inParts]],
  ]],
  ['I26', 'goods wait for a capture that nobody makes', ({ shipped }) => shipped, ({ shipped }) => [
    [`INSERT INTO shipments (id, reservation_id, order_id, status, lines, actor, created_at)
      SELECT gen_random_uuid(), reservation_id, reservation_id, 'pending', lines, actor, created_at
        FROM shipments WHERE reservation_id = $1`, [shipped]],
  ]],
  ['I26', 'a refund was sent for no task', ({ inParts }) => inParts, ({ inParts }) => [
    [`DELETE FROM payment_tasks WHERE order_id = $1`, [inParts]],
  ]],
  ['I24', 'P15: a product of an earlier build costs half a króna', ({ sku }) => sku, ({ sku }) => [
    [`UPDATE products SET unit_amount = 150, currency = 'ISK' WHERE sku = $1`, [sku]],
  ]],
  ['I24', 'P14: a product of an earlier build has a price in gold', ({ emptySku }) => emptySku, ({ emptySku }) => [
    [`UPDATE products SET currency = 'XAU' WHERE sku = $1`, [emptySku]],
  ]],
];

describe('the audit', () => {
  it('finds nothing wrong after all kinds of orders and reservations', async () => {
    const report = await new Audit(world.db).run();
    expect(report.invariants.filter(({ violations }) => violations.length > 0)).toEqual([]);
    expect(report.ok).toBe(true);
    const kinds = await world.rows<{ kind: string }>(
      `SELECT DISTINCT 'order ' || status AS kind FROM orders UNION SELECT DISTINCT 'reservation ' || status FROM reservations ORDER BY 1`,
    );
    expect(kinds.map(({ kind }) => kind)).toEqual([
      ...['cancelled', 'pending', 'placed', 'refunded', 'rejected'].map((status) => `order ${status}`),
      ...['active', 'confirmed', 'expired', 'pinned', 'released'].map((status) => `reservation ${status}`),
    ]);
  });

  it.each(corruptions)(
    'reports %s with the row, and nothing else, when %s',
    async (id, _what, row, statements) => {
      const broken = await auditAfter(statements(rows));

      expect([...broken.keys()]).toEqual([id]);
      expect(broken.get(id)).toContain(row(rows));
    },
  );

  it('runs at most twice for any number of concurrent callers', async () => {
    const audit = new Audit(world.db);
    const statements = jest.spyOn(world.db, 'rows');
    await audit.run();
    const ofOne = statements.mock.calls.length;
    const reports = await Promise.all(Array.from({ length: 20 }, () => audit.run()));
    const ofTwenty = statements.mock.calls.length - ofOne;
    statements.mockRestore();

    expect(ofTwenty).toBeLessThanOrEqual(2 * ofOne);
    expect(reports.every(({ ok }) => ok)).toBe(true);
  });

  it('has a corruption above for every invariant', () => {
    expect([...new Set(corruptions.map(([id]) => id))].sort()).toEqual(invariants.map(({ id }) => id).sort());
  });
});

describe('the periodic audit', () => {
  const minute = 60_000;
  const worker = () => new Audit(world.db);
  const checkedAt = async () => (await world.row<{ at: Date }>(`SELECT checked_at AS at FROM last_audit`)).at;
  const grow = (ms: number) =>
    world.rows(`UPDATE last_audit SET checked_at = checked_at - $1::int * interval '1 millisecond'`, [ms]);
  const violationsReported = async (id: string) => {
    const { values } = await register.getSingleMetric('holdfast_invariant_violations')!.get();
    return values.find(({ labels }) => labels.invariant === id)?.value;
  };
  beforeEach(() => world.rows(`DELETE FROM last_audit`));

  it('runs in the first process that finds none, and the others report its result', async () => {
    expect(await worker().auditWhenDue()).toBe(minute);
    const madeAt = await checkedAt();
    await world.rows(
      `UPDATE last_audit SET report = jsonb_set(report, '{invariants,0,violations}', '[{}, {}]')`,
    );

    const leftMs = await worker().auditWhenDue();

    const { age } = await world.row<{ age: number }>(
      `SELECT extract(epoch FROM clock_timestamp() - checked_at)::float8 AS age FROM last_audit`,
    );
    // Later than the process that made it, which makes the next.
    expect(leftMs + 1_000 * age).toBeGreaterThan(minute);
    expect(await checkedAt()).toEqual(madeAt);
    expect(await violationsReported(invariants[0]!.id)).toBe(2);
  });

  it('runs again when the last is a minute old', async () => {
    await worker().auditWhenDue();
    await grow(minute);
    const before = await checkedAt();

    expect(await worker().auditWhenDue()).toBe(minute);

    expect((await checkedAt()).getTime()).toBeGreaterThan(before.getTime());
    expect(await violationsReported(invariants[0]!.id)).toBe(0);
  });

  it('runs for at most a twentieth of the time, however long an audit takes', async () => {
    await worker().auditWhenDue();
    await world.rows(`UPDATE last_audit SET report = jsonb_set(report, '{tookMs}', '30000')`);
    await grow(minute);
    const before = await checkedAt();

    expect(await worker().auditWhenDue()).toBeGreaterThan(8 * minute);
    expect(await checkedAt()).toEqual(before);
  });
});
