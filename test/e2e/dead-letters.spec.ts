import { randomUUID } from 'node:crypto';
import { expectProblem } from '../support/http-client';
import { describeOnEachQueueBackend } from '../support/redis';
import { openShop } from '../support/shop';
import { until } from '../support/until';

describeOnEachQueueBackend('a message that no worker can apply', (queue) => {
  const shop = openShop({ queue, envOf: { 'worker-1': { FAILPOINT: 'apply-event.before-commit:throw' } } });
  const list = () => shop.all('/v1/admin/dead-letters');
  const retry = (
    id: string,
    { reason = 'mended', key }: { reason?: string; key?: string } = {},
    by = shop.admin,
  ) =>
    by.post(
      `/v1/admin/dead-letters/${id}/retry`,
      { reason },
      { headers: key ? { 'idempotency-key': key } : {} },
    );
  const recordsOf = (id: string) =>
    shop.query('SELECT actor, action, object_type, reason FROM admin_actions WHERE object_id = $1', [id]);
  const untilParked = (aggregateId: string) =>
    until(`${aggregateId} is a dead letter`, async () =>
      (await list()).find((letter) => letter.aggregateId === aggregateId),
    );

  it('is listed with its reason after three failed tries, while its order is still placed', async () => {
    const sku = await shop.product(5);
    const [reservation, other] = [await shop.reserved(sku), await shop.reserved(sku)];
    for (const { id } of [reservation, other]) await shop.client.post(`/v1/reservations/${id}/release`, {});
    // A consumer handles it, as when an order waits for the reservation.
    await shop.query(
      `UPDATE outbox SET applied_at = NULL, relayed_at = NULL, next_relay_at = clock_timestamp() WHERE type = 'reservation.released'`,
    );
    await shop.placed(sku);
    const letter = await untilParked(reservation.id);

    expect(letter).toEqual({
      id: expect.stringMatching(/^evt_/),
      object: 'dead_letter',
      type: 'reservation.released',
      aggregateId: reservation.id,
      reason: 'thrown by the failpoint apply-event.before-commit',
      attempts: 3,
      diedAt: expect.any(String),
      retriedAt: null,
    });
    expect(await untilParked(other.id)).toMatchObject({ type: 'reservation.released' });
    expect((await shop.all('/v1/admin/dead-letters', 1)).map(({ id }) => id)).toEqual(
      (await list()).map(({ id }) => id),
    );
  });

  it('can be read by admins and viewers, and resent only by admins', async () => {
    const [letter] = await list();
    expect((await shop.viewer.get('/v1/admin/dead-letters')).body.data[0]).toEqual(letter);
    expectProblem(await shop.client.get('/v1/admin/dead-letters'), { status: 403, code: 'forbidden' });
    expectProblem(await shop.stranger.get('/v1/admin/dead-letters'), {
      status: 401,
      code: 'unauthenticated',
    });
    for (const by of [shop.client, shop.viewer])
      expectProblem(await retry(letter.id, {}, by), { status: 403, code: 'forbidden' });
    for (const reason of ['', 'ok', 'x'.repeat(501)])
      expectProblem(await retry(letter.id, { reason }), {
        status: 422,
        code: 'validation_failed',
        pointer: '/reason',
      });
    for (const id of ['evt_01jd3v7q8ne05v7c0kq1e5m9tz', 'nonsense', letter.aggregateId])
      expectProblem(await retry(id), { status: 404, code: 'dead_letter_not_found' });
    expect(await recordsOf(letter.id)).toEqual([]);
  });

  it('becomes a dead letter again when resent without a fix, and a late copy of the request sends nothing', async () => {
    const [letter] = await list();
    const key = randomUUID();
    expect((await retry(letter.id, { key })).body).toMatchObject({
      id: letter.id,
      retriedAt: expect.any(String),
    });
    const again = await until('it is dead again', async () =>
      (await list()).find(({ id, attempts }) => id === letter.id && attempts > letter.attempts),
    );
    expect(again).toMatchObject({ attempts: 6, retriedAt: null, reason: letter.reason });

    const copy = await retry(letter.id, { key });
    expect([copy.headers.get('idempotent-replayed'), copy.body]).toEqual(['true', again]);
    expect(await list()).toContainEqual(again);
    expect(await recordsOf(letter.id)).toHaveLength(1);
  });

  it('is applied once, by any worker, after an admin resent it', async () => {
    await shop.service.restart('worker-1', { FAILPOINT: '' });
    const letters = await list();
    const [letter] = letters;
    const before = (await recordsOf(letter.id)).length;
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => retry(letter.id, { key })));

    for (const { status, body } of answers) expect([status, body.id]).toEqual([200, letter.id]);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(19);
    expect(await recordsOf(letter.id)).toHaveLength(before + 1);
    expect((await recordsOf(letter.id)).at(-1)).toEqual({
      actor: 'bootstrap-admin',
      action: 'dead-letter.retry',
      object_type: 'dead_letter',
      reason: 'mended',
    });
    expectProblem(await retry(letter.id, { key, reason: 'another reason' }), {
      status: 422,
      code: 'idempotency_key_reused',
    });

    // Without a key too, a resent message is neither sent nor recorded again.
    for (const { id } of letters.slice(1)) {
      await Promise.all(Array.from({ length: 5 }, () => retry(id)));
      expect(await recordsOf(id)).toHaveLength(1);
    }
    expect(await list()).toEqual([]);
    await until('all are applied', async () => {
      const waiting = await shop.query(
        `SELECT m.id FROM outbox m JOIN dead_letters d ON d.id = m.id WHERE m.applied_at IS NULL`,
      );
      return waiting.length === 0;
    });
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
