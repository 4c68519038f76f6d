import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Coalesced } from '../coalesced';
import { Database } from '../database/database';
import type { PeriodicTasks } from '../periodic/periodic-tasks';
import {
  type FeedEvent,
  type FeedPage,
  eventsBefore,
  eventsOf,
  lookAtWriters,
} from './event-feed.repository';

/** So old is at most the last settled moment when a writer begins that stays open for long. */
const lookEveryMs = 5_000;
/** Most transactions are over within milliseconds, and a reader rather waits than misses what it has just caused. */
const settleMsMax = 200;
const settleLookMs = 20;
/** Enough for an hour of regular looks; then every other one is forgotten. */
const marksMax = 1_000;

/** Our own transactions are over within seconds. */
const lagSecondsMax = 60;

const lag = new Gauge({
  name: 'holdfast_event_feed_lag_seconds',
  help: 'For how long a transaction that is still open has kept new events out of the event feed.',
});

/** All writers that had begun by this moment have lower transaction ids. */
interface Mark {
  micros: number;
  xid: number;
}

/**
 * The public event feed: oldest first, and those of each aggregate in order.
 *
 * An aggregate's messages are written one after the other under its lock, so the database's clock gives their order. (Not
 * transaction ids: one may be given before the wait for that lock.) A message is shown once no open transaction can add
 * an older one, so that nothing appears later before what was already shown.
 *
 * Each look reads a moment and a transaction id. The moment is settled when all transactions with lower ids have ended: a
 * writer has its id, from the lock or the key that it takes first, before it dates a message. Ids count for the whole
 * server, so an open write in any of its databases holds the feed back, and so does a forgotten prepared transaction.
 */
@Injectable()
export class EventFeed {
  private settledMicros = 0;
  /** Moments that are not settled, oldest first. */
  private marks: Mark[] = [];
  private newest: Mark = { micros: 0, xid: 0 };
  private readonly looking = new Coalesced(() => this.look());

  constructor(private readonly db: Database) {}

  start(tasks: PeriodicTasks): void {
    tasks.start({ name: 'event feed', everyMs: lookEveryMs, run: () => this.watch() });
  }

  /** One more than `limit`, if there are more. `after` is the key of the last one already seen. */
  async read(aggregateId: string | null, page: FeedPage): Promise<FeedEvent[]> {
    if (aggregateId !== null) return eventsOf(this.db, aggregateId, page);
    await this.looking.run();
    const before = this.settledMicros;
    const events = await eventsBefore(this.db, before, page);
    if (events.length > page.limit) return events;
    const settled = await this.settledNow();
    return settled === before ? events : eventsBefore(this.db, settled, page);
  }

  /** A moment in microseconds of the database's clock before which no more events turn up. For readers that come again. */
  async settled(): Promise<number> {
    await this.looking.run();
    return this.settledMicros;
  }

  /** The same for a reader that wants what it has just caused: it waits a little for writers that are under way. */
  async settledNow(): Promise<number> {
    await this.looking.run();
    await this.waitUntilSettled(this.newest.micros);
    return this.settledMicros;
  }

  /** Throws when new events have been held back for too long, so that /health/ready names it as a failing task. */
  async watch(): Promise<void> {
    await this.looking.run();
    const seconds = Math.floor(this.lagSeconds());
    if (seconds > lagSecondsMax)
      throw new Error(
        `New events have been held back for ${seconds} s by a transaction that stays open on this server. Find it in pg_stat_activity (backend_xid) or pg_prepared_xacts, and end it.`,
      );
  }

  private async waitUntilSettled(micros: number): Promise<void> {
    for (let waitedMs = 0; this.settledMicros < micros && waitedMs < settleMsMax; waitedMs += settleLookMs) {
      await pause(settleLookMs);
      await this.looking.run();
    }
  }

  private async look(): Promise<void> {
    const { micros, xid, xmin } = await lookAtWriters(this.db);
    // After a failover or a restore that lost transactions, ids are given again.
    if (xid < this.newest.xid) {
      this.settledMicros = 0;
      this.marks = [];
    }
    this.newest = { micros, xid };
    this.marks.push(this.newest);
    for (const mark of this.marks) if (mark.xid <= xmin) this.settledMicros = mark.micros;
    this.marks = this.marks.filter((mark) => mark.xid > xmin);
    if (this.marks.length > marksMax) this.marks = this.marks.filter((_, nth) => nth % 2 === 0);
    lag.set(this.lagSeconds());
  }

  private lagSeconds(): number {
    const [oldest = this.newest] = this.marks;
    return (this.newest.micros - oldest.micros) / 1_000_000;
  }
}
