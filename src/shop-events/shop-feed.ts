import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { EventStreams } from '../auth/event-streams';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import type { FeedKey } from '../outbox/event-feed.repository';
import { EventFeed } from '../outbox/event-feed';
import type { MessageType } from '../outbox/outbox.repository';
import { type EventCursor, cursorText, cursorTooOld, cursorUnknown, readCursor } from './event-cursor';
import type { ShopEventList } from './event-objects';
import { EventPages } from './event-pages';
import { EventRounds } from './event-rounds';
import { beforeAll, beforeMoment, isKept, namesAnEvent, newestEventOf } from './shop-feed.repository';
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

/** The events of a shop, page by page: settled, in order, and each with its order or reservation as it stands. */
@Injectable()
export class ShopFeed {
  private readonly waiters: Waiters;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly feed: EventFeed,
    private readonly pages: EventPages,
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
        const page = await this.page(reader, await this.rounds.moment());
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

  private async page(reader: ShopReader, settled: number): Promise<ShopEventList> {
    const { principal, cursor, types, aggregateId, limit } = reader;
    const horizon = settled - this.config.eventRetentionDays * day;
    if (cursor === 'latest') return this.pageAt(principal, await this.newest(principal, settled), settled);
    const given = cursor === undefined ? undefined : readCursor(principal, cursor);
    if (given) await this.refuseIfUnusable(principal, given, { settled, horizon });
    const after = given?.key ?? beforeAll;
    const { events, next } = await this.pages.get(principal, {
      after,
      before: settled,
      types,
      aggregateId,
      limit,
    });
    const data = events.map(({ view }) => view);
    if (next) {
      const seenUntil = Math.max(next.createdMicros, horizon + graceMicros);
      return {
        object: 'list',
        data,
        hasMore: true,
        nextCursor: cursorText(principal, { key: next, seenUntil }),
      };
    }
    // With a filter, events that it hides need not be passed over again.
    const isFiltered = types !== null || aggregateId !== null;
    const seen = events[events.length - 1]?.key ?? (namesAnEvent(after) ? after : null);
    const end = isFiltered || seen === null ? await this.newest(principal, settled) : seen;
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
