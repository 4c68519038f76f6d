import type { EventType, ShopEvent, ShopEventList } from './api.js';
import { OutcomeUnknown } from './errors.js';
import type { Transport } from './transport.js';

export interface EventOptions {
  /** Where to go on: the `cursor` of an earlier feed. Without: the oldest that is kept; `latest`: from now on. */
  cursor?: string;
  types?: (EventType | 'order.*' | 'reservation.*')[];
  /** An order or a reservation. */
  aggregateId?: string;
  /** Events per request, up to 100. */
  limit?: number;
  /** False: end when there are no more events, instead of waiting for the next. */
  follow?: boolean;
  /** Ends the loop. */
  signal?: AbortSignal;
}

/** A proxy closes a silent connection soon after. */
const waitSeconds = 30;

/**
 * Events of the shop, in order per order or reservation, over any number of broken connections and restarts of the service.
 * `cursor` moves on when a page of events was handled, so the one that goes on there misses nothing and may see some again.
 */
export class EventFeed implements AsyncIterable<ShopEvent> {
  /** Where to go on. Store it after an event was handled. Undefined: at the oldest. */
  cursor: string | undefined;

  constructor(
    private readonly transport: Transport,
    private readonly options: EventOptions,
  ) {
    this.cursor = options.cursor;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ShopEvent> {
    for await (const { data } of this.pages()) yield* data;
  }

  /** The same in pages: handle one, store `nextCursor`, take the next. */
  async *pages(): AsyncGenerator<ShopEventList> {
    const { follow = true, signal } = this.options;
    while (signal?.aborted !== true) {
      const page = await this.next(follow ? waitSeconds : 0);
      if (page === undefined) return;
      if (page.data.length > 0) yield page;
      // Only now: the loop asks for more when it is done with this page.
      this.cursor = page.nextCursor;
      if (!follow && !page.hasMore) return;
    }
  }

  /** Tries until there is an answer; undefined: the signal came first. */
  private async next(wait: number): Promise<ShopEventList | undefined> {
    const { types, aggregateId, limit, signal, follow = true } = this.options;
    const query = { cursor: this.cursor, types: types?.join(','), aggregateId, limit };
    while (true) {
      try {
        const request = { method: 'GET', path: '/v1/events', query, waitSeconds: wait, signal } as const;
        return (await this.transport.send<ShopEventList>(request)).body;
      } catch (error) {
        if (signal?.aborted === true) return undefined;
        // The feed that follows outlives any outage.
        if (!follow || !(error instanceof OutcomeUnknown)) throw error;
      }
    }
  }
}
