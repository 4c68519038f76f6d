import { createHmac, randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { register } from 'prom-client';
import { Database } from '../../src/database/database';
import { newId, publicId } from '../../src/ids';
import { openApis } from '../support/api';
import { until } from '../support/until';

const [oldSecret, newSecret] = ['whsec_old', 'whsec_new'];

let app: NestFastifyApplication;
let other: NestFastifyApplication;
const setting = `${oldSecret}, ${newSecret}`;
let close: () => Promise<void>;
beforeAll(async () => {
  const opened = await openApis(2, { STRIPE_WEBHOOK_SECRET: setting });
  [app, other] = opened.apis as [NestFastifyApplication, NestFastifyApplication];
  close = opened.close;
});
afterAll(() => close());

function deliver(body: string, secret = newSecret, secondsAgo = 0, api = app) {
  const at = Math.floor(Date.now() / 1_000) - secondsAgo;
  const v1 = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
  return api.inject({
    method: 'POST',
    url: '/v1/payments/webhooks/stripe',
    headers: { 'content-type': 'application/json', 'stripe-signature': `t=${at},v1=${v1}` },
    payload: body,
  });
}

const newEvent = (more: object = {}) => ({
  id: `evt_${randomUUID().replaceAll('-', '')}`,
  object: 'event',
  type: 'payment_intent.succeeded',
  data: { object: { id: 'pi_1', object: 'payment_intent' } },
  ...more,
});

const thinEvent = () => ({
  id: `evt_test_${randomUUID().replaceAll('-', '')}`,
  object: 'v2.core.event',
  type: 'v1.billing.meter.error_report_triggered',
  created: '2026-11-30T20:00:00.000Z',
  livemode: false,
  related_object: { id: 'mtr_1', type: 'billing.meter', url: '/v1/billing/meters/mtr_1' },
});

async function bodyStored(id: string): Promise<string | undefined> {
  const stored = `SELECT raw_body AS body FROM provider_events WHERE id = $1`;
  return (await app.get(Database).rows<{ body: string }>(stored, [id]))[0]?.body;
}

const statusesOf = async (events: object[], api = app): Promise<number[]> => {
  const answers = events.map((event) => deliver(JSON.stringify(event), newSecret, 0, api));
  return (await Promise.all(answers)).map(({ statusCode }) => statusCode);
};

/** How many of these are stored, and by how many transactions. */
async function storedOf(events: { id: string }[]): Promise<{ events: number; transactions: number }> {
  const [stored] = await app.get(Database).rows<{ events: number; transactions: number }>(
    `SELECT count(*)::int AS events, count(DISTINCT xmin::text)::int AS transactions
       FROM provider_events WHERE id = ANY ($1::text[])`,
    [events.map(({ id }) => id)],
  );
  return stored!;
}

const ignored = async (): Promise<number> => {
  const metric = await register.getSingleMetric('holdfast_webhooks_ignored_total')?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
};

describe('POST /v1/payments/webhooks/stripe', () => {
  it.each([oldSecret, newSecret])(
    'P27: takes an event signed with either of two secrets (%s)',
    async (secret) => {
      const event = newEvent();

      expect((await deliver(JSON.stringify(event), secret)).statusCode).toBe(200);
      expect(await bodyStored(event.id)).toBe(JSON.stringify(event));
    },
  );

  it.each([
    ['another secret', 'whsec_other', 0],
    ['the setting as one secret', setting, 0],
    ['the second secret ten minutes ago', newSecret, 600],
  ])('P27: answers 401 to an event signed with %s', async (_, secret, secondsAgo) => {
    const event = newEvent();
    const answer = await deliver(JSON.stringify(event), secret, secondsAgo);

    expect([answer.statusCode, answer.json().code]).toEqual([401, 'webhook_signature_invalid']);
    expect(await bodyStored(event.id)).toBeUndefined();
  });

  it.each([
    ['of a payment', { id: 'pi_1', object: 'payment_intent', client_secret: 'pi_1_secret_x', amount: 5 }],
    ['further inside', { id: 're_1', payment_intent: { id: 'pi_1', client_secret: 'pi_1_secret_x' } }],
  ])('P19: stores an event without the secret %s, which lets a browser pay', async (_, object) => {
    const event = newEvent({ type: 'payment_intent.canceled', data: { object } });

    expect((await deliver(JSON.stringify(event, null, 2))).statusCode).toBe(200);
    const stored = (await bodyStored(event.id))!;
    expect(stored).not.toContain('secret');
    const { client_secret: _secret, ...rest } = object as Record<string, unknown>;
    expect(JSON.parse(stored)).toMatchObject({ id: event.id, data: { object: { id: rest.id } } });
  });

  it('P28: answers 200 to a signed thin event, counts it and does not store it', async () => {
    const before = await ignored();
    const event = thinEvent();
    const answer = await deliver(JSON.stringify(event));

    expect([answer.statusCode, answer.json()]).toEqual([200, { received: true }]);
    expect(await ignored()).toBe(before + 1);
    expect(await bodyStored(event.id)).toBeUndefined();
  });

  it('P28: answers 401 to a thin event with another signature, and does not count it', async () => {
    const before = await ignored();

    expect((await deliver(JSON.stringify(thinEvent()), 'whsec_other')).statusCode).toBe(401);
    expect(await ignored()).toBe(before);
  });

  it('P28: takes an event of 1 MiB and answers 413 to one byte more', async () => {
    const sized = (bytes: number) => {
      const event = newEvent({ filler: '' });
      const filler = 'x'.repeat(bytes - JSON.stringify(event).length);
      return { id: event.id, body: JSON.stringify({ ...event, filler }) };
    };
    const largest = sized(1_048_576);
    const larger = sized(1_048_577);

    expect((await deliver(largest.body)).statusCode).toBe(200);
    expect(await bodyStored(largest.id)).toBe(largest.body);
    const refused = await deliver(larger.body);
    expect([refused.statusCode, refused.json().code]).toEqual([413, 'body_too_large']);
    expect(refused.json().detail).toContain('1024 KiB');
    expect(await bodyStored(larger.id)).toBeUndefined();
  });

  it('stores events that arrive together in one transaction', async () => {
    const events = Array.from({ length: 40 }, () => newEvent());

    expect(await statusesOf(events)).toEqual(events.map(() => 200));
    const stored = await storedOf(events);
    expect(stored.events).toBe(40);
    expect(stored.transactions).toBeLessThan(10);
  });

  it('answers 200 to the neighbours of events that the database refuses', async () => {
    const db = app.get(Database);
    await db.rows(`ALTER TABLE provider_events ADD CONSTRAINT refuses CHECK (type <> 'refused')`);
    const events = Array.from({ length: 20 }, (_, nth) => newEvent(nth % 9 === 4 ? { type: 'refused' } : {}));
    const statuses = await statusesOf(events);
    await db.rows(`ALTER TABLE provider_events DROP CONSTRAINT refuses`);

    expect(statuses).toEqual(events.map(({ type }) => (type === 'refused' ? 500 : 200)));
    expect((await storedOf(events)).events).toBe(18);
    expect(await statusesOf(events)).toEqual(events.map(() => 200));
    expect((await storedOf(events)).events).toBe(20);
  });

  it('takes an event with escaped NULs and half characters beside others', async () => {
    const strange = newEvent({ data: { object: { id: 'pi_\u0000', note: '\u0000 \ud800' } } });
    const events = [newEvent(), strange, newEvent()];

    expect(await statusesOf(events)).toEqual([200, 200, 200]);
    expect(await bodyStored(strange.id)).toBe(JSON.stringify(strange));
  });

  it('stores each of many copies once when two APIs get them at once in opposite orders', async () => {
    const events = Array.from({ length: 90 }, () => newEvent());
    const copies = [...events, ...events.slice(0, 10)];
    const answers = await Promise.all([statusesOf(copies), statusesOf(copies.toReversed(), other)]);

    expect(answers.flat()).toEqual([...copies, ...copies].map(() => 200));
    expect((await storedOf(events)).events).toBe(90);
  });

  it('stores events in the order of their ids, so that two APIs never wait for each other', async () => {
    const db = app.get(Database);
    const [first, second] = [newEvent(), newEvent()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const insert = `INSERT INTO provider_events (id, type, raw_body) VALUES ($1, 'news', '{}')`;
    let statuses: Promise<number[]> | undefined;
    await db.transaction('command', async (tx) => {
      await tx.rows(insert, [first!.id]);
      statuses = statusesOf([second!, first!]);
      await until('the API waits for the other transaction', async () => {
        const waiting = await db.rows(
          `SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%provider_events%'`,
        );
        return waiting.length === 1;
      });
      await tx.rows(insert, [second!.id]);
    });

    expect(await statuses).toEqual([200, 200]);
  });

  it('stores of a routine event about an order only what our metadata say', async () => {
    const metadata = { orderId: publicId('ord', newId()), kind: 'authorize', number: '1' };
    const object = { id: 'pi_1', object: 'payment_intent', metadata: { ...metadata, note: 'for you' } };
    const data = { object: { ...object, receipt_email: 'buyer@example.org' } };
    const routine = newEvent({ data });
    const news = newEvent({ data, type: 'charge.dispute.created' });
    await statusesOf([routine, news]);

    expect(JSON.parse((await bodyStored(routine.id))!)).toEqual({ data: { object: { metadata } } });
    expect(JSON.parse((await bodyStored(news.id))!)).toEqual({ ...news, data: { object } });
  });
});
