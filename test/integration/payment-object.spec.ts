import { randomUUID } from 'node:crypto';
import { Database } from '../../src/database/database';
import { parsePublicId } from '../../src/ids';
import { openRawApi, pointersOf } from '../support/raw-http';

/** `payment` beside `paymentMethod`: what is accepted, stored and refused. */

const api = openRawApi();

const order = (more: object) => ({ customerId: 'cus_1', lines: [{ sku: 'A', quantity: 1 }], ...more });
const place = (more: object, key: string = randomUUID()) =>
  api.post('/v1/orders', order(more), { 'idempotency-key': key });
const stored = async (publicOrder: string) =>
  (
    await api.app
      .get(Database)
      .rows(`SELECT payment_method AS method, payment FROM orders WHERE id = $1::uuid`, [
        parsePublicId('ord', publicOrder)!,
      ])
  )[0];

const saved = { method: 'pm_sandbox_saved_card', customer: 'cus_9s6XKzkNRiz8i3' };

describe('POST /v1/orders with a payment', () => {
  it('stores method and options', async () => {
    const options = {
      customer: 'cus_9s6XKzkNRiz8i3',
      setupFutureUsage: 'off_session',
      returnUrl: 'https://shop.example/done?order=1',
      statementSuffix: 'ORDER 4711',
      receiptEmail: 'buyer@example.com',
    };
    const { status, body } = await place({ payment: { method: 'pm_card_visa', ...options } });

    expect(status).toBe(202);
    expect(await stored(body.id)).toEqual({ method: 'pm_card_visa', payment: options });
    // Options are the shop's own, and the email is personal.
    expect(JSON.stringify(body)).not.toContain('buyer@example.com');
  });

  it('stores no options where there are none', async () => {
    const { body } = await place({ payment: { method: 'pm_card_visa' } });

    expect(await stored(body.id)).toEqual({ method: 'pm_card_visa', payment: null });
  });

  it.each([
    ['off session with its customer', { ...saved, offSession: true }],
    ['an app’s link to return to', { method: 'pm_card_visa', returnUrl: 'myshop://checkout/done' }],
    [
      'a suffix of 22 characters',
      { method: 'pm_card_visa', statementSuffix: 'ORDER 4711 (2 of 3) €'.replace('€', 'x!') },
    ],
    ['a suffix with accents', { method: 'pm_card_visa', statementSuffix: 'CAFÉ 4711' }],
    ['setup for later without a customer', { method: 'pm_card_visa', setupFutureUsage: 'on_session' }],
    [
      'setup for later, explicitly on session',
      { ...saved, setupFutureUsage: 'on_session', offSession: false },
    ],
  ])('accepts %s', async (_what, payment) => {
    expect((await place({ payment })).status).toBe(202);
  });

  it.each<[string, object, string]>([
    ['no payment', {}, '/paymentMethod payment_or_payment_method'],
    [
      'both forms',
      { payment: { method: 'pm_card_visa' }, paymentMethod: 'pm_card_visa' },
      '/paymentMethod payment_or_payment_method',
    ],
    ['a payment of null', { payment: null }, '/payment is_object'],
    ['a payment of text', { payment: 'pm_card_visa' }, '/payment is_object'],
    ['a list of payments', { payment: [{ method: 'pm_card_visa' }] }, '/payment is_object'],
    ['no method', { payment: {} }, '/payment/method required'],
    ['a method with a space', { payment: { method: 'pm card' } }, '/payment/method matches'],
    [
      'an unknown option',
      { payment: { method: 'pm_card_visa', amount: 1 } },
      '/payment/amount unknown_field',
    ],
    [
      'an account',
      { payment: { method: 'pm_card_visa', stripeAccount: 'acct_1' } },
      '/payment/stripeAccount unknown_field',
    ],
    ['a customer with a space', { payment: { ...saved, customer: 'cus 1' } }, '/payment/customer matches'],
    [
      'offSession without a customer',
      { payment: { method: 'pm_card_visa', offSession: true } },
      '/payment/offSession off_session_needs_customer',
    ],
    [
      'offSession with setupFutureUsage',
      { payment: { ...saved, offSession: true, setupFutureUsage: 'off_session' } },
      '/payment/offSession off_session_with_setup',
    ],
    ['offSession of text', { payment: { ...saved, offSession: 'true' } }, '/payment/offSession is_boolean'],
    [
      'an unknown usage',
      { payment: { ...saved, setupFutureUsage: 'later' } },
      '/payment/setupFutureUsage is_in',
    ],
    ['a relative returnUrl', { payment: { ...saved, returnUrl: '/done' } }, '/payment/returnUrl matches'],
    [
      'a script as returnUrl',
      { payment: { ...saved, returnUrl: 'javascript://x%0aalert(1)' } },
      '/payment/returnUrl matches',
    ],
    [
      'a returnUrl with a space',
      { payment: { ...saved, returnUrl: 'https://a.example/a b' } },
      '/payment/returnUrl matches',
    ],
    [
      'a returnUrl of 2 049 characters',
      { payment: { ...saved, returnUrl: `https://a.example/${'a'.repeat(2_031)}` } },
      '/payment/returnUrl max_length',
    ],
    [
      'a suffix of 23 characters',
      { payment: { ...saved, statementSuffix: 'A'.repeat(23) } },
      '/payment/statementSuffix matches',
    ],
    [
      'a suffix without a letter',
      { payment: { ...saved, statementSuffix: '4711' } },
      '/payment/statementSuffix matches',
    ],
    [
      'a suffix with a star',
      { payment: { ...saved, statementSuffix: 'A*B' } },
      '/payment/statementSuffix matches',
    ],
    [
      'a suffix in Japanese',
      { payment: { ...saved, statementSuffix: 'A注文' } },
      '/payment/statementSuffix matches',
    ],
    [
      'an email without a host',
      { payment: { ...saved, receiptEmail: 'buyer@' } },
      '/payment/receiptEmail is_email',
    ],
    [
      'two emails',
      { payment: { ...saved, receiptEmail: 'a@b.example,c@d.example' } },
      '/payment/receiptEmail is_email',
    ],
  ])('answers 422 and takes nothing with %s', async (_what, more, expected) => {
    const reserved = async () =>
      (await api.app.get(Database).rows(`SELECT sum(reserved)::int AS n FROM stock_levels`))[0];
    const before = await reserved();
    const answer = await place(more);

    expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
    expect(pointersOf(answer).map((pointer, nth) => `${pointer} ${answer.body.errors[nth].code}`)).toEqual([
      expected,
    ]);
    expect(await reserved()).toEqual(before);
  });

  it('names the field and the way out for two fields that do not fit', async () => {
    const { body } = await place({ payment: { method: 'pm_card_visa', offSession: true } });

    expect(body.errors[0].detail).toBe(
      'offSession charges a saved method, so give the customer that it is saved for.',
    );
  });

  it('replays the same payment, and takes the short form for another body', async () => {
    const key = randomUUID();
    const payment = { method: 'pm_card_visa', customer: 'cus_1' };
    const first = await place({ payment }, key);
    const again = await place({ payment: { customer: 'cus_1', method: 'pm_card_visa' } }, key);
    const short = await place({ paymentMethod: 'pm_card_visa' }, key);

    expect([again.body.id, again.headers['idempotent-replayed']]).toEqual([first.body.id, 'true']);
    expect([short.status, short.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('takes the object without options for another body than the short form', async () => {
    const key = randomUUID();
    await place({ paymentMethod: 'pm_card_visa' }, key);
    const object = await place({ payment: { method: 'pm_card_visa' } }, key);

    expect([object.status, object.body.code]).toEqual([422, 'idempotency_key_reused']);
  });
});
