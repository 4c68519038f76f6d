import { findSagaFacts } from '../../src/orders/saga-timeline';
import { sagaView } from '../../src/orders/saga-view';
import { Checkout } from '../support/checkouts';
import { createWorld, expectInvariants, type World } from '../support/fixtures';

/** What a person reads of an order: its story, its attempts, and what is next. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const viewOf = async ({ orderId }: Checkout) => sagaView((await findSagaFacts(world.db, orderId))!);
const checkout = (declines?: { authorize?: boolean; capture?: boolean; refund?: boolean }) =>
  Checkout.start(world, { declines });
const paid = 'The customer paid €\u202f10.00.';
const paidNothing = 'The customer paid nothing.';

/** Durations differ from run to run. */
const withoutTimes = (story: string[]) =>
  story.map((sentence) => sentence.replace(/ in [\d.]+ m?s\./, ' in time.'));

describe('the story of an order', () => {
  const stories: [name: string, play: () => Promise<Checkout>, story: (sku: string) => string[]][] = [
    [
      'that met no trouble',
      async () => (await checkout()).driveWhile({}),
      (sku) => [`1 unit of ${sku} went through at the first attempt in time.`, paid],
    ],
    [
      'whose capture was not heard at first',
      async () => {
        const found = await (await checkout()).driveWhile({ capture: 'answer lost' });
        await found.driveWhile({ capture: 'answer lost' });
        return found.driveWhile({});
      },
      () => [
        'The provider did not answer the first capture; Holdfast asked twice more with the same key, and it had gone through.',
        'The order was placed in time.',
        paid,
      ],
    ],
    [
      'whose capture was declined after a silence',
      async () =>
        (await (await checkout({ capture: true })).driveWhile({ authorize: 'answer lost' })).driveWhile({}),
      (sku) => [
        'The provider did not answer the first authorization; Holdfast asked once more with the same key, and it had gone through.',
        `The capture was declined, so the authorization was voided and 1 unit of ${sku} went back on sale.`,
        paidNothing,
      ],
    ],
    [
      'whose card was declined',
      async () => (await checkout({ authorize: true })).driveWhile({}),
      (sku) => [`The authorization was declined, so 1 unit of ${sku} went back on sale.`, paidNothing],
    ],
    [
      'that nobody paid in time',
      async () => {
        const found = await checkout();
        const { reservationId } = await world.row<{ reservationId: string }>(
          `SELECT reservation_id AS "reservationId" FROM orders WHERE id = $1`,
          [found.orderId],
        );
        await world.rows(
          `UPDATE reservations SET created_at = created_at - interval '600 seconds', expires_at = clock_timestamp() - interval '1 ms'
            WHERE id = $1`,
          [reservationId],
        );
        return found.driveWhile({});
      },
      (sku) => [`Nobody paid within 10 min, so 1 unit of ${sku} went back on sale.`, paidNothing],
    ],
    [
      'that was refunded',
      async () => (await (await (await checkout()).driveWhile({})).refund()).driveWhile({}),
      (sku) => [
        `The order was placed and then given back, so the capture was refunded and 1 unit of ${sku} went back on sale.`,
        paidNothing,
      ],
    ],
    [
      'that was never heard of',
      async () => {
        const found = await (await checkout()).driveWhile({ capture: 'question lost' });
        return (await found.spendAttempts()).driveWhile({ capture: 'question lost' });
      },
      () => [
        'The provider did not answer the first capture; Holdfast asked once more with the same key, and there is still no answer.',
        'It stopped at capture-payment after 2 attempts and waits for a person.',
        'Whether the customer paid is not known yet.',
      ],
    ],
    [
      'whose first capture was held back before a silence',
      async () => {
        const found = await (await checkout()).driveWhile({ capture: 'held back' });
        await found.driveWhile({ capture: 'answer lost' });
        return found.driveWhile({});
      },
      () => [
        'The provider did not answer the first capture; Holdfast asked once more with the same key, and it had gone through.',
        'The order was placed in time.',
        paid,
      ],
    ],
    [
      'that was just accepted',
      () => checkout(),
      () => ['It is on its way, at authorize-payment.', 'The customer has paid nothing yet.'],
    ],
    [
      'that an operator ended',
      async () =>
        (
          await (await (await checkout()).driveWhile({ authorize: 'question lost' })).act('compensate')
        ).driveWhile({}),
      (sku) => [
        'The provider did not answer the first authorization; Holdfast asked once more with the same key, and it had gone through.',
        `An operator called the order off, so the authorization was voided and 1 unit of ${sku} went back on sale.`,
        paidNothing,
      ],
    ],
  ];

  it.each(stories)('%s tells what happened and what the customer paid', async (_, play, story) => {
    const found = await play();
    const told = withoutTimes((await viewOf(found)).story);
    expect(told).toEqual(story(found.sku));
    expect(told.length).toBeLessThanOrEqual(3);
  });
});

describe('the attempts of an order', () => {
  it('are told one by one, with the key that they share, and with what undid them', async () => {
    const found = await (await checkout({ capture: true })).driveWhile({ authorize: 'answer lost' });
    await found.driveWhile({});
    const { attempts, orderId } = await viewOf(found);
    const words = attempts.map(
      ({ step, operation, attempt, outcome, compensates }) =>
        `${step} ${operation ?? '-'} ${attempt} ${outcome}${compensates ? ' back' : ''}`,
    );
    expect(words).toEqual([
      'reserve-stock - 1 done',
      'authorize-payment authorize 1 unknown',
      'authorize-payment authorize 2 done',
      'capture-payment capture 1 declined',
      'authorize-payment void 1 undone back',
      'reserve-stock - 1 undone back',
    ]);
    const keys = attempts.filter(({ operation }) => operation === 'authorize').map(({ key }) => key);
    expect(new Set(keys)).toEqual(new Set([`${orderId}:authorize:1`]));
    for (const { startedAtMs, endedAtMs } of attempts) expect(endedAtMs).toBeGreaterThanOrEqual(startedAtMs);
  });

  it('name who held the lease, and who took over from a worker that stopped', async () => {
    const found = await checkout();
    await found.driveWhile({ authorize: 'question lost' });
    // The worker that asked died before it heard: its line is the last, and its lease is over.
    await world.rows(`DELETE FROM saga_transitions WHERE order_id = $1 AND cause = 'unknown'`, [
      found.orderId,
    ]);
    await world.rows(
      `UPDATE saga_transitions SET worker = 'worker-1' WHERE order_id = $1 AND fencing_token = 1`,
      [found.orderId],
    );
    expect((await viewOf(found)).attempts.at(-1)).toMatchObject({
      outcome: 'unknown',
      worker: 'worker-1',
      detail: 'worker-1 stopped',
    });

    await found.driveWhile({});
    const { transitions, attempts } = await viewOf(found);
    expect(transitions[0]).toMatchObject({ cause: 'accepted', leaseOwner: null, afterMs: 0 });
    expect(transitions[1]).toMatchObject({ cause: 'asked', leaseOwner: 'worker-1' });
    expect(transitions[2]!.leaseOwner).toBe(transitions[2]!.worker);
    expect(attempts.filter(({ step }) => step === 'authorize-payment').map(({ outcome }) => outcome)).toEqual(
      ['unknown', 'done'],
    );
  });
});

describe('what is next for an order', () => {
  it('is its next try with its time, who drives it now, and what a hand could do', async () => {
    const found = await (await checkout()).driveWhile({ capture: 'question lost' });
    const waiting = await viewOf(found);
    expect(waiting).toMatchObject({ drivenBy: null, acts: { retry: true, compensate: true, resolve: true } });
    expect(waiting.nextAttemptInSeconds).toBeLessThanOrEqual(6);
    expect(waiting.nextAttemptInSeconds).not.toBeNull();
    expect(waiting.money).toMatchObject({ captured: null, paid: null, authorized: { amount: 1_000 } });

    await world.rows(
      `UPDATE sagas SET lease_expires_at = clock_timestamp() + interval '1 minute', lease_owner = 'worker-9' WHERE order_id = $1`,
      [found.orderId],
    );
    expect(await viewOf(found)).toMatchObject({
      drivenBy: 'worker-9',
      nextAttemptInSeconds: null,
      acts: { retry: false, compensate: false, resolve: false },
    });

    await found.driveToItsEnd();
    expect(await viewOf(found)).toMatchObject({
      drivenBy: null,
      nextAttemptInSeconds: null,
      acts: { retry: false, compensate: false, resolve: false },
      money: { paid: { amount: 1_000 } },
      reservation: { status: 'confirmed', units: 1 },
    });
  });

  it('comes with the webhooks that were received and what came of them, and with the key that the shop sent', async () => {
    const sku = await world.product();
    const claim = world.claim('orders', 'cart-8f21-1');
    const orderId = await world.order([{ sku, quantity: 1 }], { claim });
    await world.rows(
      `INSERT INTO provider_events (id, type, order_id, raw_body, verdict, processed_at)
       VALUES ('evt_1', 'payment_intent.succeeded', $1, '{}', 'nothing waited for it', clock_timestamp())`,
      [orderId],
    );
    const view = sagaView((await findSagaFacts(world.db, orderId))!);
    expect(view.clientKey).toBe('cart-8f21-1');
    expect(view.webhooks).toMatchObject([
      { id: 'evt_1', type: 'payment_intent.succeeded', verdict: 'nothing waited for it' },
    ]);
  });
});
