import { findSagaFacts } from '../../src/reporting/order-timeline/saga-facts';
import { sagaView } from '../../src/reporting/order-timeline/saga-view';
import { HoldfastError } from '../../src/errors';
import { Checkout } from '../support/checkouts';
import { createWorld, expectInvariants, type World } from '../support/fixtures';
import { seeded } from '../support/seeded';

/** What an operator reads about an order: its story, its attempts, and what is next. */

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
      'without trouble',
      async () => (await checkout()).driveWhile({}),
      (sku) => [`1 unit of ${sku} went through at the first attempt in time.`, paid],
    ],
    [
      'whose first capture got no response',
      async () => {
        const found = await (await checkout()).driveWhile({ capture: 'answer lost' });
        await found.driveWhile({ capture: 'answer lost' });
        return found.driveWhile({});
      },
      () => [
        'The provider did not answer the first capture; Holdfast asked twice more, and it went through.',
        'The order was placed in time.',
        paid,
      ],
    ],
    [
      'whose authorization and capture were both answered with errors at first',
      async () => {
        const found = await (await checkout()).driveWhile({ authorize: 'error' });
        await found.driveWhile({ capture: 'error' });
        await found.driveWhile({ capture: 'error' });
        return found.driveWhile({});
      },
      () => [
        'The provider answered the authorization and the capture with an error (500); Holdfast asked 3 times more, and both went through.',
        'The order was placed in time.',
        paid,
      ],
    ],
    [
      'whose authorization got no response at first and whose capture gets only errors',
      async () => {
        const found = await (await checkout()).driveWhile({ authorize: 'question lost' });
        await found.driveWhile({ capture: 'error' });
        return found.driveWhile({ capture: 'error' });
      },
      () => [
        'The provider gave no clear answer to the authorization and the capture; Holdfast asked twice more, and the authorization went through and there is still no clear answer to the capture.',
        'It waits at capture-payment and is tried again by itself.',
        'Whether the customer paid is not known yet.',
      ],
    ],
    [
      'whose capture was declined after a missing response',
      async () =>
        (await (await checkout({ capture: true })).driveWhile({ authorize: 'answer lost' })).driveWhile({}),
      (sku) => [
        'The provider did not answer the first authorization; Holdfast asked once more, and it went through.',
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
      'that was not paid in time',
      async () => {
        const found = await checkout();
        const { reservationId } = await world.row<{ reservationId: string }>(
          `SELECT reservation_id AS "reservationId" FROM orders WHERE id = $1`,
          [found.orderId],
        );
        await world.rows(
          `UPDATE reservations SET created_at = clock_timestamp() - interval '600.001 seconds', expires_at = clock_timestamp() - interval '1 ms'
            WHERE id = $1`,
          [reservationId],
        );
        return found.driveWhile({});
      },
      (sku) => [
        `The reservation ran out after 10 min, before the charge began, so 1 unit of ${sku} went back on sale.`,
        paidNothing,
      ],
    ],
    [
      'that was refunded',
      async () => (await (await (await checkout()).driveWhile({})).refund()).driveWhile({}),
      (sku) => [
        `The order was placed and then refunded, so the capture was refunded and 1 unit of ${sku} went back on sale.`,
        'The customer paid €\u202f10.00 and got €\u202f10.00 back.',
      ],
    ],
    [
      'whose refund was refused',
      async () => (await (await (await checkout({ refund: true })).driveWhile({})).refund()).driveWhile({}),
      () => [
        'A refund was asked for after the order was placed. The provider refused the refund; it stopped at capture-payment and an operator must act.',
        'The customer paid €\u202f10.00 and has not been refunded.',
      ],
    ],
    [
      'whose refund got no response',
      async () =>
        (await (await (await checkout()).driveWhile({})).refund()).driveWhile({ refund: 'answer lost' }),
      () => [
        'The provider did not answer the refund.',
        'A refund was asked for after the order was placed, and everything is being undone.',
        'The customer paid €\u202f10.00; whether the refund of €\u202f10.00 went through is not known yet.',
      ],
    ],
    [
      'whose authorization is of another amount',
      async () => {
        const found = await checkout();
        found.gateway.overcharge = 1;
        return found.driveWhile({});
      },
      () => [
        'The provider authorized €\u202f10.01 and we asked for €\u202f10.00; it stopped at authorize-payment and an operator must act.',
        'The customer has paid nothing; the provider holds €\u202f10.01.',
      ],
    ],
    [
      'that is authorized and waits for its capture',
      async () => (await checkout()).driveWhile({ capture: 'held back' }),
      () => [
        'It waits at capture-payment and is tried again by itself.',
        'The customer has paid nothing yet; €\u202f10.00 is held.',
      ],
    ],
    [
      'whose void got no response',
      async () => (await checkout({ capture: true })).driveWhile({ void: 'answer lost' }),
      () => [
        'The provider did not answer the void.',
        'The capture was declined, and everything is being undone.',
        'The customer paid nothing; whether the hold of €\u202f10.00 was lifted is not known yet.',
      ],
    ],
    [
      'whose worker was killed during the capture',
      async () => {
        const found = await checkout();
        await found.dieAsking('capture');
        return found.driveWhile({});
      },
      () => [
        expect.stringMatching(
          /^.+:\d+ lost its lease while it asked for the capture; .+:\d+ took over\.$/,
        ) as string,
        'The order was placed in time.',
        paid,
      ],
    ],
    [
      'whose worker was killed and has no successor yet',
      async () => {
        const found = await checkout();
        await found.dieAsking('authorize');
        return found;
      },
      () => [
        expect.stringMatching(/^.+:\d+ lost its lease while it asked for the authorization\.$/) as string,
        'It waits at authorize-payment and is tried again by itself.',
        'The customer has paid nothing; whether money is held is not known yet.',
      ],
    ],
    [
      'whose capture never got a response',
      async () => {
        const found = await (await checkout()).driveWhile({ capture: 'question lost' });
        return (await found.spendAttempts()).driveWhile({ capture: 'question lost' });
      },
      () => [
        'The provider did not answer the first capture; Holdfast asked once more, and there is still no answer.',
        'It is stuck at capture-payment after 2 attempts; Holdfast keeps asking.',
        'Whether the customer paid is not known yet.',
      ],
    ],
    [
      'whose capture was held back and then got no response',
      async () => {
        const found = await (await checkout()).driveWhile({ capture: 'held back' });
        await found.driveWhile({ capture: 'answer lost' });
        return found.driveWhile({});
      },
      () => [
        'The provider did not answer the first capture; Holdfast asked once more, and it went through.',
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
      'that an operator called off',
      async () =>
        (
          await (await (await checkout()).driveWhile({ authorize: 'question lost' })).act('compensate')
        ).driveWhile({}),
      (sku) => [
        'The provider did not answer the first authorization; Holdfast asked once more, and it went through.',
        `An operator called the order off, so the authorization was voided and 1 unit of ${sku} went back on sale.`,
        paidNothing,
      ],
    ],
  ];

  it.each(stories)('%s reports what happened and what the customer paid', async (_, play, story) => {
    const found = await play();
    const sentences = withoutTimes((await viewOf(found)).story);
    expect(sentences).toEqual(story(found.sku));
    expect(sentences.length).toBeLessThanOrEqual(3);
  });
});

describe('the money in a story', () => {
  /** What a sentence claims about money, and whether the provider's ledger agrees. */
  const agrees = (sentence: string, { kept, setAside }: { kept: number; setAside: number }): boolean => {
    const plain = sentence.replaceAll('\u202f', ' ');
    if (/paid nothing(?: yet)?\.$/.test(plain)) return kept === 0 && setAside === 0;
    if (/paid nothing/.test(plain) && kept !== 0) return false;
    if (/€ 10\.00 is (?:still )?held/.test(plain)) return setAside === 1_000;
    if (/paid € 10\.00\.$|has not been refunded/.test(plain)) return kept === 1_000;
    if (/and got € 10\.00 back/.test(plain)) return kept === 0;
    return /not known|provider says|provider holds/.test(plain);
  };
  const kinds = ['authorize', 'capture', 'void', 'refund'] as const;
  const fates = ['held back', 'question lost', 'answer lost'] as const;

  it(
    'agrees with the provider’s ledger after lost, declined and undone operations',
    seeded(async (random) => {
      for (let nth = 0; nth < 12; nth++) {
        const found = await checkout({ [random.pick(kinds)]: random.next() < 0.5 });
        for (let step = 0; step < 7; step++) {
          const act = random.pick([
            'drive',
            'drive',
            'lose',
            'lose',
            'cancel',
            'refund',
            'compensate',
          ] as const);
          const refusable = (done: Promise<unknown>) =>
            done.catch((error: unknown) => {
              if (!(error instanceof HoldfastError)) throw error;
            });
          if (act === 'drive') await found.driveWhile({});
          else if (act === 'lose') await found.driveWhile({ [random.pick(kinds)]: random.pick(fates) });
          else await refusable(act === 'compensate' ? found.act(act) : found[act]());
          const { story } = await viewOf(found);
          const ledger = found.gateway.moneyOf(found.orderId);
          expect({ sentence: story.at(-1), ledger, agrees: agrees(story.at(-1)!, ledger) }).toMatchObject({
            agrees: true,
          });
        }
      }
    }),
  );
});

describe('the attempts of an order', () => {
  it('are listed one by one, with their key and what undid them', async () => {
    const found = await (await checkout({ capture: true })).driveWhile({ authorize: 'answer lost' });
    await found.driveWhile({});
    const { attempts, operations, orderId } = await viewOf(found);
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
    expect(operations.map(({ key }) => key)).toEqual(
      ['authorize', 'capture', 'void'].map((kind) => `${orderId}:${kind}:1`),
    );
    for (const { startedAtMs, endedAtMs } of attempts) expect(endedAtMs).toBeGreaterThanOrEqual(startedAtMs);
  });

  it('are counted per operation, compensations included', async () => {
    const found = await checkout();
    found.gateway.overcharge = 1;
    await found.driveWhile({});
    await (await found.act('resolve')).driveWhile({});
    const { attempts, operations, money } = await viewOf(found);
    const asked = attempts.filter(({ operation }) => operation !== null);
    expect(asked.map(({ operation, attempt }) => [operation, attempt])).toEqual([
      ['authorize', 1],
      ['authorize', 2],
      ['void', 1],
    ]);
    expect(operations.map(({ kind, attempts: count }) => [kind, count])).toEqual([
      ['authorize', 2],
      ['void', 1],
    ]);
    // The amounts are those of the provider's response, not the requested ones.
    const said = { amount: 1_001, currency: 'EUR' };
    expect(money).toMatchObject({ authorized: said, voided: said, captured: { amount: 0 } });
  });

  it('name the lease’s holder, and the worker that took over a lost lease', async () => {
    const found = await checkout();
    await found.driveWhile({ authorize: 'question lost' });
    // The worker died before the response: its line is the last, and its lease has ended.
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
      detail: 'worker-1 lost its lease',
      code: 'worker_lost',
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
  it('contains the next attempt with its time, the worker that drives it, and the possible actions', async () => {
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

  it('contains the received webhooks with their results, and the shop’s key', async () => {
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
