import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { until } from '../test/support/until';
import { type Received, WebhookReceiver } from '../test/support/webhook-receiver';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import type { Environment } from './kit/environment';

/** The schedule of three days in seconds. */
const env = {
  EVENT_ROUND_MS: '100',
  WEBHOOK_TIMEOUT_MS: '400',
  WEBHOOK_LEASE_MS: '1500',
  WEBHOOK_RETRY_SECONDS: '0.1,0.1,0.2,0.3,0.3,0.3,0.3,0.3',
  WEBHOOK_PROBE_SECONDS: '0.2',
};
const firstAggregates = 12;
const batch = 30;
/** A worker that wakes up may still repeat the tries that it had begun. */
const begunMax = 8;

/** What a receiver may do with a webhook. `dies` has taken it, and nobody hears of it. */
const behaviours: Record<string, (response: ServerResponse) => void> = {
  hangs: () => undefined,
  fails: (response) => void response.writeHead(500).end(),
  redirects: (response) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
  trickles: (response) => void response.socket?.write('HTTP/1.1 2'),
  dies: (response) => response.destroy(),
};

export const drill: Drill = {
  name: 'webhook-receiver',
  promise:
    'Whatever a receiver or a worker does, each event is delivered at least once, and the first arrivals of each order or reservation are in order.',
  rows: [93],
  sometimes: [...Object.keys(behaviours), 'tried again', 'killed after sending', 'slept through a lease'],
  mutants: [
    {
      name: 'later-events-overtake',
      why: 'an event is sent although one before it was not taken',
      guard: 'webhooks-in-order',
      change: (line) => line.replace(/if \(.*\)$/, 'if (false)'),
    },
    {
      name: 'delivery-not-fenced',
      why: 'a worker that slept through its lease sets the cursor back',
      guard: 'delivery-is-fenced',
      change: (line) => line.replace('fencing_token = $2::bigint', '$2::bigint > 0'),
    },
  ],

  run: async (environment) => {
    const killed = { FAILPOINT: 'delivery.sent:kill9@4' };
    const shop = await environment.open({
      queue: 'postgres',
      workers: 2,
      env,
      envOf: { 'worker-1': killed },
    });
    const receiver = await WebhookReceiver.open();
    const gone = await WebhookReceiver.open();
    try {
      const letGo = shop.keepAlive('worker-1', { FAILPOINT: '' });
      const { body: endpoint } = await shop.client.post('/v1/webhook-endpoints', { url: receiver.url });
      receiver.secrets.push(endpoint.secret);
      gone.answer = (_, response) => void response.writeHead(410).end();
      const { body: refused } = await shop.client.post('/v1/webhook-endpoints', { url: gone.url });
      await misbehaving(environment, shop, receiver, endpoint.id);
      await letGo();
      const now = await endpointNow(shop, refused.id);
      assert.deepEqual([now.status, now.disabledReason], ['disabled', 'gone']);
      await asleep(environment, shop, receiver, endpoint.id);
      await shop.converge();
      await shop.audit();
    } finally {
      await receiver.close();
      await gone.close();
    }
  },
};

const endpointNow = async (shop: DrilledShop, id: string) =>
  (await shop.client.get(`/v1/webhook-endpoints/${id}`)).body;

const setStatus = (shop: DrilledShop, id: string, status: 'enabled' | 'disabled') =>
  shop.client.patch(`/v1/webhook-endpoints/${id}`, { status });

/** The receiver does everything that a receiver may do, and one worker dies between sending and marking. */
async function misbehaving(
  environment: Environment,
  shop: DrilledShop,
  receiver: WebhookReceiver,
  endpointId: string,
): Promise<void> {
  const taken = new Map<string, number[]>();
  const tries = new Map<string, Received[]>();
  const names = Object.keys(behaviours);
  let asked = 0;
  receiver.answer = (received, response) => {
    const { event } = received;
    const before = tries.get(event.id) ?? [];
    tries.set(event.id, [...before, received]);
    // Each behaviour in its turn, and never more than two for one event.
    const name =
      before.length < 2 && environment.random.next() < 0.4 ? names[asked++ % names.length] : undefined;
    if (name) environment.count(name, 1);
    if (name === undefined || name === 'dies') note(taken, event);
    if (name) behaviours[name]!(response);
    else response.end();
  };
  const sku = await shop.product(1_000);
  const ids: string[] = [];
  // All in one batch, with several events of each.
  await setStatus(shop, endpointId, 'disabled');
  for (let nth = 0; nth < firstAggregates; nth++) ids.push((await shop.reserved(sku)).id);
  for (const id of ids) await shop.client.post(`/v1/reservations/${id}/extend`, { ttlSeconds: 900 });
  for (const id of ids) await shop.client.post(`/v1/reservations/${id}/release`, {});
  await setStatus(shop, endpointId, 'enabled');
  await until('every event has been taken', () =>
    Promise.resolve(ids.every((id) => new Set(taken.get(id)).size === 3)),
  );
  for (const id of ids) assert.deepEqual(firstOf(taken.get(id)!), [1, 2, 3], `first arrivals of ${id}`);
  for (const [id, sent] of tries) {
    for (const { headers, verifiedBy } of sent) {
      assert.equal(headers['webhook-id'], id);
      assert.equal(verifiedBy.length, 1, 'each try is signed over its bytes');
    }
    if (sent.length > 1) environment.count('tried again', 1);
  }
  environment.count('killed after sending', environment.facts.deaths ?? 1);
}

const note = (taken: Map<string, number[]>, { aggregateId, sequence }: Received['event']) =>
  void taken.set(aggregateId, [...(taken.get(aggregateId) ?? []), sequence]);

const firstOf = (sequences: number[]) => [...new Set(sequences)];

/** A worker sleeps with a batch in flight, another takes over, and the first wakes up. */
async function asleep(
  environment: Environment,
  shop: DrilledShop,
  receiver: WebhookReceiver,
  endpointId: string,
): Promise<void> {
  receiver.answer = (_, response) => response.end();
  const sku = await shop.product(1_000);
  await until('nothing waits', async () => (await endpointNow(shop, endpointId)).behindSeconds === 0);
  await setStatus(shop, endpointId, 'disabled');
  await shop.terminate('worker-1');
  await shop.terminate('worker-2');
  const reserveMany = async () => {
    const made: string[] = [];
    for (let nth = 0; nth < batch; nth++) made.push((await shop.reserved(sku)).id);
    return made;
  };
  const first = await reserveMany();
  const sleeper = await shop.service.launch('worker', { env: { FAILPOINT: 'delivery.sent:stop@1' } });
  await setStatus(shop, endpointId, 'enabled');
  await shop.stopped(sleeper);
  await shop.service.launch('worker');
  const all = [...first, ...(await reserveMany())];
  const arrived = () => new Set(receiver.received.map(({ event }) => event.aggregateId));
  await until('another worker has delivered', () => Promise.resolve(all.every((id) => arrived().has(id))));
  await until('nothing waits', async () => (await endpointNow(shop, endpointId)).behindSeconds === 0);

  const before = receiver.received.length;
  await shop.thaw(sleeper);
  await until('the sleeper is done', async () => {
    const last = (await shop.reserved(sku)).id;
    await until('one more is delivered', () => Promise.resolve(arrived().has(last)));
    return (await endpointNow(shop, endpointId)).behindSeconds === 0;
  });
  await shop.terminate(sleeper);
  await until('nothing waits', async () => (await endpointNow(shop, endpointId)).behindSeconds === 0);
  const again = receiver.received.slice(before).filter(({ event }) => all.includes(event.aggregateId));
  assert.ok(again.length <= begunMax, `${again.length} events came again after a worker woke up`);
  environment.count('slept through a lease', 1);
}
