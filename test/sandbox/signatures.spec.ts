import Stripe from 'stripe';
import { signatureOf } from '../../sandbox/webhooks';
import {
  Receiver,
  TestSandbox,
  eventually,
  newOrderId,
  payment,
  stripeAt,
  webhookSecret,
  type Delivered,
} from './harness';

const event = '{"id":"evt_1","object":"event"}';
const inGerman = '{"description":"Käse für 3 €, \\"fein\\""}';

describe('a webhook signature', () => {
  // Computed by `printf '%s' "<time>.<body>" | openssl dgst -sha256 -hmac <secret>`.
  it.each<[string, string, number, string, string]>([
    [
      'an event',
      event,
      1_760_000_000,
      'whsec_holdfast_sandbox',
      'f2dd759c20c1c12c980748c7e6d713aebf76ea1b7990d76b1257762bc3d37063',
    ],
    [
      'the same event a second later',
      event,
      1_760_000_001,
      'whsec_holdfast_sandbox',
      '9d7bdf34c34b8bf664686938d760c2c45f7d2dfbabf7d72fab9288abf1533f5c',
    ],
    [
      'the same event by another secret',
      event,
      1_760_000_000,
      'whsec_another',
      '1620ff58af88f9339a6e138b1a495a073c0b2803e5a06fb6362c980072525689',
    ],
    [
      'letters of more than one byte',
      inGerman,
      1_760_000_000,
      'whsec_holdfast_sandbox',
      'e0330e3361a26e44a3a69999831a2e6c284635b7fa86650ee4a9dbd8fdaa2f5c',
    ],
    [
      'an empty body',
      '',
      0,
      'whsec_holdfast_sandbox',
      '950617f2411e893c5e8d228a775f974aff6774b5c431304109611bebec715321',
    ],
  ])('equals that of openssl for %s', (_what, body, atSeconds, secret, digest) => {
    expect(signatureOf(body, secret, atSeconds)).toBe(`t=${atSeconds},v1=${digest}`);
  });

  it.each([event, inGerman])('equals that of the official client for %s', (payload) => {
    const header = stripeAt('http://127.0.0.1:9').webhooks.generateTestHeaderString({
      payload,
      secret: webhookSecret,
      timestamp: 1_760_000_000,
    });
    expect(signatureOf(payload, webhookSecret, 1_760_000_000)).toBe(header);
  });
});

describe('a delivered webhook', () => {
  let receiver: Receiver;
  let sandbox: TestSandbox;
  beforeEach(async () => {
    receiver = await Receiver.start();
    sandbox = await TestSandbox.start({ webhookUrl: receiver.url, webhookRetryMs: 1_100 });
  });
  afterEach(async () => {
    await sandbox.stop();
    await receiver.stop();
  });

  const verify = ({ body, signature }: Pick<Delivered, 'body' | 'signature'>, receivedAt = Date.now()) =>
    sandbox
      .stripe()
      .webhooks.constructEvent(body, signature, webhookSecret, undefined, undefined, receivedAt);

  it('is signed over the exact bytes, and valid for five minutes', async () => {
    await sandbox.stripe().paymentIntents.create({ ...payment(newOrderId()), description: 'Käse für 3 €' });
    await eventually(() => receiver.delivered.length === 1);
    const delivered = receiver.delivered[0]!;

    expect(verify(delivered).data.object).toMatchObject({ description: 'Käse für 3 €' });
    const signedAt = 1_000 * Number(/^t=(\d+),/.exec(delivered.signature)![1]);
    expect(verify(delivered, signedAt + 300_000)).toEqual(delivered.event);
    expect(() => verify(delivered, signedAt + 301_000)).toThrow(
      Stripe.errors.StripeSignatureVerificationError,
    );
    expect(() => verify({ ...delivered, body: `${delivered.body} ` })).toThrow(
      Stripe.errors.StripeSignatureVerificationError,
    );
  });

  it('has a new signature at every try, so that a late retry is not refused as a replay', async () => {
    receiver.statuses.push(500);
    await sandbox.stripe().paymentIntents.create(payment(newOrderId()));
    await eventually(() => receiver.delivered.length === 2);

    const [first, second] = receiver.delivered.map(({ signature }) =>
      Number(/^t=(\d+),/.exec(signature)![1]),
    );
    expect(second).toBeGreaterThan(first!);
    expect(verify(receiver.delivered[1]!).id).toBe(receiver.delivered[0]!.event.id);
  });
});
