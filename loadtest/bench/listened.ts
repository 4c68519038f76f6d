import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listening } from '../bench-ratios';
import type { Site } from '../environment';
import { brokenInvariants } from '../sale';
import { type Bench, at } from './measuring';
import { manyBuyers, metered, placed } from './placing';

const endpoints = 2;
const readers = 10;

/** Whole purchases while nobody hears of them, and while two webhook endpoints and ten readers of the event feed do. */
export async function listened(bench: Bench): Promise<void> {
  for (const queue of bench.queues)
    await at(bench, { queue }, (site) =>
      metered(site, async (meter) => {
        const measure = (heard: 'heard' | 'unheard') =>
          placed(bench, site, { meter, buyers: manyBuyers, where: listening(heard, queue) });
        await measure('unheard');
        const listeners = await Listeners.begin(site);
        try {
          await measure('heard');
          bench.results.add(`webhooks taken, ${listening('heard', queue)}`, listeners.taken, '');
          bench.results.add(`events read, ${listening('heard', queue)}`, listeners.read, '');
        } finally {
          await listeners.end();
        }
        bench.results.fail(await brokenInvariants(site.admin));
      }),
    );
}

/** Shops' receivers and readers, which do nothing with what they get. */
class Listeners {
  taken = 0;
  read = 0;
  private readonly stopping = new AbortController();
  private reading: Promise<void>[] = [];
  private readonly server = createServer((request, response) => {
    this.taken += 1;
    request.resume();
    response.end();
  });
  private readonly made: string[] = [];

  private constructor(private readonly site: Site) {}

  static async begin(site: Site): Promise<Listeners> {
    const listeners = new Listeners(site);
    const { server } = listeners;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (let nth = 0; nth < endpoints; nth++)
      listeners.made.push(await listeners.call<{ id: string }>('POST', '', { url }).then(({ id }) => id));
    listeners.reading = Array.from({ length: readers }, () => listeners.follow());
    return listeners;
  }

  async end(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.reading);
    for (const id of this.made) await this.call('DELETE', `/${id}`);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    let cursor = 'latest';
    while (!signal.aborted) {
      const answer = await fetch(`${this.site.apis[0]}/v1/events?limit=100&cursor=${cursor}`, {
        headers: { ...headers, prefer: 'wait=30' },
        signal,
      }).catch(() => undefined);
      if (!answer) return;
      const page = (await answer.json()) as { data: unknown[]; nextCursor: string };
      this.read += page.data.length;
      cursor = page.nextCursor;
    }
  }

  private async call<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${this.site.apis[0]}/v1/webhook-endpoints${path}`, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }
}

const headers = { authorization: 'Bearer hf_dev_client' };
