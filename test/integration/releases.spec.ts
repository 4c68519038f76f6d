import { Releases } from '../../src/inventory/bulk-release/releases';
import { Checkout } from '../support/checkouts';
import {
  outcomeOf,
  createWorld,
  expectInvariants,
  operator,
  shop,
  until,
  type World,
} from '../support/fixtures';

/** Bulk release: exactly the counted reservations end, once, with the reason. */

let world: World;
let sku: string;
beforeEach(async () => {
  world = await createWorld();
  sku = await world.product({ onHand: 1_000 });
});
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

const reason = 'wrong price';
const statusOf = async (id: string) => (await world.reservation(id)).status;
const begin = (id: string, key?: string) => world.releases.begin(id, { reason, key }, operator);
const ended = async (id: string) => {
  await until(async () => (await world.releases.get(id)).status !== 'running');
  return world.releases.get(id);
};
const several = (count: number, more: { customerId?: string; ttlSeconds?: number } = {}) =>
  Promise.all(Array.from({ length: count }, () => world.reserve([{ sku, quantity: 2 }], more)));

describe('counting reservations for a bulk release', () => {
  it('reports what would end and what would stay, and changes nothing', async () => {
    await several(3);
    await several(1, { customerId: 'cus_2', ttlSeconds: 30 });
    const pinned = await (await Checkout.start(world)).driveWhile({ authorize: 'question lost' });
    await world.makeDue(await world.reserve([{ sku, quantity: 1 }]));
    const count = (filter: object) => world.releases.count(filter, operator);

    const all = { reservations: 4, units: 8, customers: 2, skippedPinned: 1 };
    expect(await count({})).toMatchObject(all);
    expect(await count({ status: 'active' })).toMatchObject({ ...all, skippedPinned: 0 });
    expect(await count({ sku })).toMatchObject({ ...all, skippedPinned: 0 });
    expect(await count({ sku: pinned.sku })).toMatchObject({ reservations: 0, units: 0, skippedPinned: 1 });
    expect(await count({ customerId: 'cus_2' })).toMatchObject({ reservations: 1, units: 2, customers: 1 });
    expect(await count({ expiringWithinSeconds: 60 })).toMatchObject({ reservations: 1, skippedPinned: 0 });
    expect(await world.row(`SELECT count(*)::int AS live FROM reservations WHERE status = 'active'`)).toEqual({ live: 5 }); // prettier-ignore
    expect(await world.rows(`SELECT id FROM admin_actions WHERE action LIKE 'reservation%'`)).toEqual([]);
    await world.reservations.expireDue();
  });
});

describe('a bulk release', () => {
  it('ends the counted reservations and no later ones, and puts their units back on sale', async () => {
    const counted = await several(30);
    const { id } = await world.releases.count({ sku }, operator);
    const [later] = await several(1);

    expect((await begin(id)).release).toMatchObject({ status: 'running', reason, actor: 'operator' });
    expect(await ended(id)).toMatchObject({
      status: 'done',
      released: 30,
      unitsReleased: 60,
      endedBefore: 0,
      pinnedMeanwhile: 0,
    });

    for (const one of counted) expect(await statusOf(one)).toBe('released');
    expect((await world.reservation(counted[0]!)).endReason).toBe('released by operator: wrong price');
    expect(await statusOf(later!)).toBe('active');
    expect(await world.level(sku)).toEqual({ onHand: 1_000, reserved: 2 });
    const messages = await world.rows(
      `SELECT DISTINCT aggregate_id FROM outbox WHERE type = 'reservation.released'`,
    );
    expect(messages).toHaveLength(30);
  });

  it('skips reservations that have ended, were pinned, or are active again under another count', async () => {
    const [released, expired, confirmed, left] = await several(4);
    const checkout = await Checkout.start(world);
    const { id } = await world.releases.count({}, operator);
    await world.reservations.release(released!, shop);
    await world.makeDue(expired!);
    await world.reservations.confirm(confirmed!, shop);
    await checkout.driveWhile({ authorize: 'question lost' });

    await begin(id);
    expect(await ended(id)).toMatchObject({ released: 1, endedBefore: 3, pinnedMeanwhile: 1 });

    expect(await statusOf(left!)).toBe('released');
    expect(await statusOf(confirmed!)).toBe('confirmed');
    expect(await checkout.end()).toMatchObject({ order: 'pending', reservation: 'pinned' });
    await world.reservations.expireDue();
  });

  it('does not end a reservation that was pinned when it was counted and is active again', async () => {
    const checkout = await (await Checkout.start(world)).driveWhile({ authorize: 'question lost' });
    await several(1);
    const { id } = await world.releases.count({}, operator);
    await world.rows(`UPDATE reservations SET status = 'active' WHERE status = 'pinned'`);

    await begin(id);
    expect(await ended(id)).toMatchObject({ reservations: 1, released: 1 });
    await world.rows(`UPDATE reservations SET status = 'pinned' WHERE order_id = $1`, [checkout.orderId]);
  });

  it('happens once when its token is sent many times to several processes', async () => {
    await several(30);
    const { id } = await world.releases.count({}, operator);
    const other = new Releases(world.db, world.relay());
    const answers = await Promise.all([
      begin(id, 'key'),
      begin(id, 'key'),
      begin(id),
      other.begin(id, { reason: 'another', key: undefined }, operator),
    ]);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await ended(id)).toMatchObject({ released: 30 });
    const { times } = await world.row<{ times: number }>(
      `SELECT count(*)::int AS times FROM admin_actions WHERE action = 'reservations.release'`,
    );
    expect(times).toBe(1);
    expect(await outcomeOf(world.releases.begin(id, { reason: 'other words', key: 'key' }, operator))).toBe(
      'idempotency_key_reused',
    );
  });

  it('is in the audit log with its numbers, and each reservation with its states before and after', async () => {
    const [one] = await several(1);
    const { id } = await world.releases.count({ sku }, operator);
    await begin(id);
    await ended(id);
    expect(
      await world.rows(
        `SELECT actor, action, reason, before, after FROM admin_actions WHERE action LIKE 'reservation%' ORDER BY id`,
      ),
    ).toMatchObject([
      {
        actor: 'operator',
        action: 'reservations.release',
        reason,
        before: { filter: { sku }, reservations: 1, units: 2, customers: 1, skippedPinned: 0 },
      },
      { action: 'reservation.release', reason, before: { status: 'active' }, after: { status: 'released' } },
    ]);
    expect(await statusOf(one!)).toBe('released');
  });

  it('is refused with a token that is too old, unknown or used', async () => {
    await several(1);
    const { id } = await world.releases.count({}, operator);
    await world.rows(`UPDATE releases SET counted_at = counted_at - interval '11 minutes'`);
    expect(await outcomeOf(begin(id))).toBe('release_token_expired');
    expect(await outcomeOf(begin('018f0000-0000-7000-8000-000000000000'))).toBe('release_not_found');
    expect(await outcomeOf(world.releases.get(id))).toBe('release_not_found');
  });

  it('continues in another process when its own ended', async () => {
    await several(40);
    const { id } = await world.releases.count({}, operator);
    // Its process ended after the start, so nothing runs it any more.
    const dying = new Releases(world.db, world.relay());
    await dying.beforeApplicationShutdown();
    await dying.begin(id, { reason, key: undefined }, operator);
    expect(await world.releases.get(id)).toMatchObject({ status: 'running', released: 0 });
    await world.releases.resume();
    expect(await world.releases.get(id)).toMatchObject({ status: 'running', released: 0 });

    await world.rows(`UPDATE releases SET lease_expires_at = clock_timestamp() - interval '1 second'`);
    await world.releases.resume();
    expect(await ended(id)).toMatchObject({ status: 'done', released: 40 });
  });

  it('lets buyers take stock between its batches', async () => {
    await Promise.all(Array.from({ length: 4 }, () => several(50)));
    const { id } = await world.releases.count({}, operator);
    await begin(id);
    let served = 0;
    for (; (await world.releases.get(id)).status === 'running'; served++)
      await world.reserve([{ sku, quantity: 1 }], { customerId: 'cus_9' });
    expect(served).toBeGreaterThan(4);
    expect(await world.releases.get(id)).toMatchObject({ released: 200 });
  });

  it('can be stopped, and released reservations stay released', async () => {
    await Promise.all(Array.from({ length: 4 }, () => several(50)));
    const { id } = await world.releases.count({}, operator);
    await begin(id);
    const stop = await world.releases.stop(id, { reason: 'enough', key: 'stop' }, operator);
    expect(stop.release).toMatchObject({ status: 'stopped' });
    const released = stop.release.released;
    expect(released).toBeLessThan(200);
    await until(async () => (await world.releases.get(id)).status === 'stopped');
    const live = await world.row<{ live: number }>(
      `SELECT count(*)::int AS live FROM reservations WHERE status = 'active'`,
    );
    expect(live).toEqual({ live: 200 - released });
    expect((await world.releases.stop(id, { reason: 'enough', key: 'stop' }, operator)).replayed).toBe(true);
    expect(await outcomeOf(begin(id))).toBe('ok');
    expect((await world.releases.get(id)).status).toBe('stopped');
  });
});
