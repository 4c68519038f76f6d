import { EventStream } from '../../test/support/event-stream';
import type { Site } from '../environment';

export interface Watched<T> {
  result: T;
  /** Overview messages per second and tab, on average. */
  updatesPerSecond: number;
}

/** Does the work while dashboards are open, each with its own stream like a browser tab. */
export async function whileWatched<T>(site: Site, tabs: number, work: () => Promise<T>): Promise<Watched<T>> {
  const [api = ''] = site.apis;
  const headers = { authorization: 'Bearer hf_dev_viewer', accept: 'text/event-stream' };
  const streams = await Promise.all(
    Array.from({ length: tabs }, () => EventStream.open(`${api}/v1/admin/stream?topics=overview`, headers)),
  );
  try {
    const before = await Promise.all(streams.map(newest));
    const result = await work();
    const after = await Promise.all(streams.map(newest));
    const rates = after.map(({ nth, at }, stream) => (nth - before[stream]!.nth) / (at - before[stream]!.at));
    return { result, updatesPerSecond: 1_000 * mean(rates) };
  } finally {
    for (const stream of streams) stream.leave();
  }
}

/** Waits for the next message: a rate from message to message is exact and hides no pause at the end. */
async function newest(stream: EventStream): Promise<{ nth: number; at: number }> {
  const received = stream.received.filter(({ topic }) => topic === 'overview').length;
  const messages = (await stream.messages('overview', received + 1)) as { at: string }[];
  return { nth: messages.length, at: Date.parse(messages.at(-1)!.at) };
}

const mean = (numbers: number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
