import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { EventStreams } from '../auth/event-streams';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import type { FeedKey } from '../outbox/event-feed.repository';
import { EventFeed } from '../outbox/event-feed';
import { EventOwners } from '../outbox/event-owners';
import type { MessageType } from '../outbox/outbox.repository';
import { type EventCursor, cursorText, cursorTooOld, cursorUnknown, readCursor } from './event-cursor';
import { type ShopEventList, renderEvents } from './event-objects';
import { EventRounds } from './event-rounds';
import {
  beforeAll,
  beforeMoment,
  eventsOfPrincipal,
  eventsWithoutIndex,
  isKept,
  namesAnEvent,
  newestEventOf,
} from './shop-feed.repository';
import { Waiters } from './waiters';

export interface ShopReader {
  principal: string;
  cursor: string | undefined;
  /** Null: all. */
  types: readonly MessageType[] | null;
  aggregateId: string | null;
  limit: number;
}

const second = 1_000_000;
const day = 86_400 * second;
/** A reader of events that are older than promised has so much time for its next page. They are kept for a day longer. */
const graceMicros = 3_600 * second;
/** A promoted standby's clock may be behind by as much: see `newest-event.ts`. */
const clockBehindMax = 600 * second;
/** Readers of one shop that wait together ask for the same page in the same round. */
const pagesRememberedMax = 32;

/** The events of a shop, page by page: settled, in order, and each with its order or reservation as it stands. */
@Injectable()
export class ShopFeed {
  private readonly waiters: Waiters;
  private readonly pages = new LRUCache<string, Promise<ShopEventList>>({ max: pagesRememberedMax });

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly feed: EventFeed,
    private readonly owners: EventOwners,
    private readonly rounds: EventRounds,
    private readonly streams: EventStreams,
  ) {
    this.waiters = new Waiters(rounds);
  }

  async read(reader: ShopReader): Promise<ShopEventList> {
    return this.page(reader, await this.feed.settledNow());
  }

  /** The same, but waits for the first event, at most so long. All who wait see what a round has found at once. */
  async await(reader: ShopReader, waitMs: number, request: FastifyRequest): Promise<ShopEventList> {
    let endWait = () => {};
    const release = this.streams.hold(request, () => endWait());
    const waiter = this.waiters.add(reader, waitMs);
    endWait = () => waiter.end();
    // The request's own `close` comes when it has been read.
    const { socket } = request.raw;
    socket.once('close', endWait);
    try {
      for (;;) {
        const news = waiter.next();
        const page = await this.pageOnce(reader, await this.rounds.moment());
        if (page.data.length > 0 || page.hasMore || waiter.hasEnded || reader.cursor === 'latest')
          return page;
        await news;
      }
    } finally {
      socket.off('close', endWait);
      waiter.end();
      release();
    }
  }

  private pageOnce(reader: ShopReader, settled: number): Promise<ShopEventList> {
    const { principal, cursor, types, aggregateId, limit } = reader;
    const key = JSON.stringify([settled, principal, cursor, types, aggregateId, limit]);
    const known = this.pages.get(key);
    if (known) return known;
    const page = this.page(reader, settled);
    this.pages.set(key, page);
    page.catch(() => this.pages.delete(key));
    return page;
  }

  private async page(reader: ShopReader, settled: number): Promise<ShopEventList> {
    const { principal, cursor, limit } = reader;
    const horizon = settled - this.config.eventRetentionDays * day;
    if (cursor === 'latest') return this.pageAt(principal, await this.newest(principal, settled), settled);
    const after = cursor === undefined ? undefined : readCursor(principal, cursor);
    if (after) await this.refuseIfUnusable(principal, after, { settled, horizon });
    const key = after?.key ?? beforeAll;
    const { events, cutAt } = await this.events({ ...reader, after: key, before: settled });
    const shown = events.slice(0, limit);
    const data = await renderEvents(this.db, shown);
    const last = cutAt ?? shown[limit - 1];
    const hasMore = events.length > limit || cutAt !== null;
    if (hasMore) {
      const seenUntil = Math.max(last!.createdMicros, horizon + graceMicros);
      return {
        object: 'list',
        data,
        hasMore,
        nextCursor: cursorText(principal, { key: keyOf(last!), seenUntil }),
      };
    }
    // With a filter, events that it hides need not be passed over again.
    const isFiltered = reader.types !== null || reader.aggregateId !== null;
    const seen = shown[shown.length - 1] ?? (namesAnEvent(key) ? key : null);
    const end = isFiltered || seen === null ? await this.newest(principal, settled) : keyOf(seen);
    return { ...this.pageAt(principal, end, settled), data };
  }

  private pageAt(principal: string, key: FeedKey, settled: number): ShopEventList {
    return {
      object: 'list',
      data: [],
      hasMore: false,
      nextCursor: cursorText(principal, { key, seenUntil: settled }),
    };
  }

  private async events(page: Parameters<typeof eventsOfPrincipal>[2] & { principal: string }) {
    const read = (await this.owners.areKnown()) ? eventsOfPrincipal : eventsWithoutIndex;
    return read(this.db, page.principal, page);
  }

  private async newest(principal: string, settled: number): Promise<FeedKey> {
    return (await newestEventOf(this.db, principal, settled)) ?? beforeMoment(settled - clockBehindMax);
  }

  private async refuseIfUnusable(
    principal: string,
    { key, seenUntil }: EventCursor,
    { settled, horizon }: { settled: number; horizon: number },
  ): Promise<void> {
    const oldestCursor = cursorText(principal, { key: beforeAll, seenUntil: settled });
    if (Math.max(key.createdMicros, seenUntil) < horizon)
      throw cursorTooOld(
        `Events are kept for ${this.config.eventRetentionDays} days, and this cursor is older. Go on with \`oldestCursor\`, and compare the orders of the time between with yours.`,
        { oldestCursor },
      );
    if (namesAnEvent(key) && key.createdMicros >= horizon && !(await isKept(this.db, key.id)))
      throw cursorUnknown(
        'The database was probably restored to an earlier time. Go on with `oldestCursor`: you will see events again, which you know by their ids.',
        { oldestCursor },
      );
  }
}

const keyOf = ({ createdMicros, sequence, id }: FeedKey): FeedKey => ({ createdMicros, sequence, id });
