import { randomUUID } from 'node:crypto';
import type { Answer, HttpClient } from '../support/http-client';
import { describeOnEachQueueBackend } from '../support/redis';
import { inParallel, openShop, tally } from '../support/shop';
import { until } from '../support/until';

describeOnEachQueueBackend('a service whose processes are killed', (queue) => {
  const env = { PAYMENT_TIMEOUT_MS: '1000', SAGA_LEASE_MS: '2500', SWEEP_MS: '200' };
  const shop = openShop({ queue, apis: 2, workers: 2, env });
  const apiOf = (index: number) => shop.client.at(shop.service.apis[index % 2]!);
  const processes = ['api-1', 'api-2', 'worker-1', 'worker-2'];

  beforeEach(() => shop.revive(...processes));

  it('ends every order when its workers are killed during a hundred orders', async () => {
    const [sku, other] = [await shop.product(100), await shop.product(10)];
    const paymentMethods = [
      'pm_sandbox_slow_100',
      'pm_card_visa',
      'pm_card_chargeDeclined',
      'pm_sandbox_capture_declined',
      'pm_sandbox_slow_300',
    ];
    const accepted = inParallel(100, 25, (index) =>
      shop.order(
        { paymentMethod: paymentMethods[index % 5], lines: [{ sku, quantity: 1 }] },
        { by: apiOf(index) },
      ),
    );
    accepted.catch(() => undefined);
    await until('some have ended and some are under way', async () => {
      const [now] = await shop.query<{ ended: number; leased: number }>(
        `SELECT count(*) FILTER (WHERE status IN ('completed', 'compensated'))::int AS ended,
                count(*) FILTER (WHERE lease_expires_at IS NOT NULL)::int AS leased FROM sagas`,
      );
      return now!.ended >= 15 && now!.leased > 0;
    });
    await Promise.all(['worker-1', 'worker-2'].map((worker) => shop.service.kill(worker, 'SIGKILL')));
    const ids = (await accepted).map((answer) => bodyOf(answer).id);
    await shop.revive(...processes);
    const orders = await Promise.all(ids.map((id) => shop.untilEnded(id)));

    expect(tally(orders, (order) => order.rejectionReason ?? order.status)).toEqual({
      placed: 60,
      payment_declined: 40,
    });
    expect((await shop.client.get(`/v1/stock/${sku}`)).body).toMatchObject({ onHand: 100, reserved: 60 });
    expect(await shop.available(other)).toBe(10);
    await shop.expectAudit();
  });

  it('creates one order per key when an API process is killed during a burst', async () => {
    const sku = await shop.product(200);
    const keys = Array.from({ length: 100 }, () => randomUUID());
    const buy = (index: number, by: HttpClient) =>
      shop.order(
        { customerId: `cus_${keys[index]}`, lines: [{ sku, quantity: 1 }] },
        { by, key: keys[index] },
      );
    let answered = 0;
    const unheard: number[] = [];
    const burst = inParallel(100, 50, (index) =>
      buy(index, apiOf(index)).then(
        () => (answered += 1),
        () => unheard.push(index),
      ),
    );
    await until('some are answered', async () => answered >= 20);
    await shop.service.kill('api-2', 'SIGKILL');
    await burst;
    const retried = await inParallel(100, 25, (index) => buy(index, apiOf(0)));

    expect(unheard.length).toBeGreaterThan(0);
    const ids = retried.map((answer) => bodyOf(answer).id);
    expect(new Set(ids).size).toBe(100);
    expect(tally(await Promise.all(ids.map((id) => shop.untilEnded(id))), ({ status }) => status)).toEqual({
      placed: 100,
    });
    expect(await shop.available(sku)).toBe(100);
    expect(await shop.all(`/v1/admin/reservations?sku=${sku}`)).toHaveLength(100);
    await shop.expectAudit();
  });

  it('records the result of a charge in flight before a stopping worker exits', async () => {
    await shop.service.kill('worker-2', 'SIGTERM');
    const sku = await shop.product(5);
    const { body } = await shop.order({
      paymentMethod: 'pm_sandbox_slow_800',
      lines: [{ sku, quantity: 1 }],
    });
    await untilAsked(body.id);
    await shop.service.kill('worker-1', 'SIGTERM');

    expect(shop.service.outputOf('worker-1')).toMatch(/\(worker-1 ended: exit 0\)$/);
    const { body: saga } = await shop.admin.get(`/v1/admin/orders/${body.id}/saga`);
    expect(saga.operations.map((one: any) => [one.kind, one.status])).toContainEqual([
      'authorize',
      'approved',
    ]);
    expect(saga.operations.filter((one: any) => one.status === 'sent')).toEqual([]);
    await shop.revive(...processes);
    expect((await shop.untilEnded(body.id)).status).toBe('placed');
    await shop.expectAudit();
  });

  const untilAsked = (orderId: string) =>
    until('its charge is sent', async () => {
      const { body } = await shop.admin.get(`/v1/admin/orders/${orderId}/saga`);
      return body.operations.some((one: any) => one.status === 'sent');
    });
});

function bodyOf(answer: Answer): any {
  if (answer.status >= 300) throw new Error(`POST order: ${answer.status} ${answer.text}`);
  return answer.body;
}
