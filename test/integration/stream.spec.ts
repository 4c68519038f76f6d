import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Database } from '../../src/database/database';
import { notFound } from '../../src/errors';
import { StreamTopics } from '../../src/http/event-stream';
import { openApis } from '../support/api';
import { Browser, ours } from '../support/browser';
import { EventStream } from '../support/event-stream';
import { until } from '../support/until';

let api: NestFastifyApplication;
let base: string;
let close: () => Promise<void>;
const asked = { counter: 0, missing: 0 };
beforeAll(async () => {
  const opened = await openApis(1);
  [api] = opened.apis as [NestFastifyApplication];
  close = () => opened.close();
  const topics = api.get(StreamTopics);
  topics.offer('counter', async (argument) => ({ argument, count: ++asked.counter }));
  topics.offer('clock', async () => Date.now());
  topics.offer('still', async () => 'the same');
  topics.offer('missing', async () => {
    asked.missing += 1;
    throw notFound('It is not here.');
  });
  await api.listen(0, '127.0.0.1');
  base = await api.getUrl();
});
afterAll(() => close());

const opened: EventStream[] = [];
afterEach(() => opened.splice(0).forEach((stream) => stream.leave()));

async function follow(
  topics: string[],
  headers: Record<string, string> = { authorization: 'Bearer hf_dev_viewer' },
) {
  const query = topics.map((topic) => `topics=${encodeURIComponent(topic)}`).join('&');
  const stream = await EventStream.open(`${base}/v1/admin/stream?${query}`, headers);
  opened.push(stream);
  return stream;
}

async function session(): Promise<Browser> {
  const browser = new Browser();
  expect((await browser.signIn(api, 'hf_dev_viewer')).statusCode).toBe(201);
  return browser;
}

describe('the stream', () => {
  it('sends hello, then whole values of the requested topics and their arguments', async () => {
    const stream = await follow(['counter:a=1,2&b', 'still']);

    expect(stream.contentType).toBe('text/event-stream; charset=utf-8');
    const [hello] = await stream.messages('hello', 1);
    expect(hello).toMatchObject({ value: { version: expect.any(String), build: expect.any(String) } });
    const counts = await stream.messages('counter:a=1,2&b', 2);
    expect(counts[0]).toMatchObject({ at: expect.any(String), value: { argument: 'a=1,2&b' } });
    expect(counts[1].value.count).toBe(counts[0].value.count + 1);
  });

  it('sends an unchanged value once', async () => {
    const stream = await follow(['counter', 'still']);
    await stream.messages('counter', 3);

    expect(stream.received.filter(({ topic }) => topic === 'still')).toHaveLength(1);
  });

  it('computes a topic once for all subscribers, and not at all without any', async () => {
    const streams = [await follow(['counter']), await follow(['counter']), await follow(['counter'])];
    const firsts = await Promise.all(streams.map((stream) => stream.messages('counter', 3)));

    const last = (messages: any[]) => messages.map(({ value }) => value.count);
    for (const counts of firsts.map(last))
      expect(firsts.map(last).flat()).toEqual(expect.arrayContaining(counts));
    const values = new Set(firsts.map(last).flat());
    expect(values.size).toBeLessThanOrEqual(4);

    streams.forEach((stream) => stream.leave());
    const clock = await follow(['clock']);
    await until('nobody computes it', async () => {
      const before = asked.counter;
      await clock.messages('clock', clock.received.length + 2);
      return asked.counter === before;
    });
  });

  it('continues when a topic fails, and sends the reason', async () => {
    const stream = await follow(['missing', 'counter']);
    const [problem] = await stream.messages('missing', 1);

    expect(problem.problem).toEqual({ status: 404, code: 'not_found', detail: 'It is not here.' });
    await stream.messages('counter', 2);
  });

  it('sends the overview every second, so that it is visibly live', async () => {
    const stream = await follow(['overview']);
    const [first, second] = await stream.messages('overview', 2);

    expect(first.value.object).toBe('overview');
    expect(Date.parse(second.at)).toBeGreaterThan(Date.parse(first.at));
  });

  it.each([
    ['no topic', [], 'topics_count'],
    ['more than eight', Array.from({ length: 9 }, (_, nth) => `counter:${nth}`), 'topics_count'],
    ['an unknown topic', ['weather'], 'unknown_topic'],
  ])('is refused with %s', async (_, topics, code) => {
    const stream = await follow(topics);

    expect(stream.status).toBe(422);
    expect(JSON.parse(await stream.text()).errors[0].code).toBe(code);
  });

  it('is open to viewers and admins', async () => {
    expect((await follow(['still'], {})).status).toBe(401);
    expect((await follow(['still'], { authorization: 'Bearer hf_dev_client' })).status).toBe(403);
  });

  it.each([
    ['its user signs out', (browser: Browser) => browser.send(api, 'DELETE', '/v1/admin/session')],
    [
      'its session expires',
      () => api.get(Database).rows(`UPDATE sessions SET expires_at = $1`, [new Date(0)]),
    ],
  ])('ends with a goodbye when %s', async (_, end) => {
    const browser = await session();
    const stream = await follow(['still'], { ...ours, cookie: browser.cookie! });
    expect((await stream.messages('hello', 1))[0].value.expiresInSeconds).toBeGreaterThan(28_000);

    await end(browser);

    expect((await stream.messages('bye', 1))[0].value).toEqual({ reason: 'session-ended' });
    await stream.ended;
  });

  it('ends with its process without delaying it', async () => {
    const { apis, close: closeOther } = await openApis(1);
    await apis[0]!.listen(0, '127.0.0.1');
    const stream = await EventStream.open(`${await apis[0]!.getUrl()}/v1/admin/stream?topics=overview`, {
      authorization: 'Bearer hf_dev_viewer',
    });
    await stream.messages('overview', 1);

    await closeOther();

    await stream.ended;
  });
});
