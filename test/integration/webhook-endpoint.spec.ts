import { createHmac, randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { register } from 'prom-client';
import { Database } from '../../src/database/database';
import { openApis } from '../support/api';

const [oldSecret, newSecret] = ['whsec_old', 'whsec_new'];

let app: NestFastifyApplication;
const setting = `${oldSecret}, ${newSecret}`;
let close: () => Promise<void>;
beforeAll(async () => {
  const opened = await openApis(1, { STRIPE_WEBHOOK_SECRET: setting });
  [app] = opened.apis as [NestFastifyApplication];
  close = opened.close;
});
afterAll(() => close());

function deliver(body: string, secret = newSecret, secondsAgo = 0) {
  const at = Math.floor(Date.now() / 1_000) - secondsAgo;
  const v1 = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
  return app.inject({
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
});
