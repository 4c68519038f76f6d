import { EventStream } from '../../test/support/event-stream';
import type { Site } from '../stand';

export interface Watched<T> {
  result: T;
  /** Messages of the overview that each onlooker got, on average, in a second. */
  updatesPerSecond: number;
}

/** Does the work while so many dashboards are open, each with a stream of its own, as a browser's tab has one. */
export async function whileWatched<T>(
  site: Site,
  onlookers: number,
  work: () => Promise<T>,
): Promise<Watched<T>> {
  const [api = ''] = site.apis;
  const headers = { authorization: 'Bearer hf_dev_viewer', accept: 'text/event-stream' };
  const streams = await Promise.all(
    Array.from({ length: onlookers }, () =>
      EventStream.open(`${api}/v1/admin/stream?topics=overview`, headers),
    ),
  );
  try {
    await Promise.all(streams.map((stream) => stream.messages('overview', 1)));
    const before = heard(streams);
    const startedAt = performance.now();
    const result = await work();
    const seconds = (performance.now() - startedAt) / 1_000;
    return { result, updatesPerSecond: (heard(streams) - before) / streams.length / seconds };
  } finally {
    for (const stream of streams) stream.leave();
  }
}

const heard = (streams: EventStream[]): number =>
  streams.reduce((sum, { received }) => sum + received.filter(({ topic }) => topic === 'overview').length, 0);
