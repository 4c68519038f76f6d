import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { outsideRequests } from '../logger';
import { EventFeed } from '../outbox/event-feed';
import type { MessageType } from '../outbox/outbox.repository';
import { type PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { newsBetween } from './shop-feed.repository';

export interface News {
  /** The settled moment of this round, in microseconds. */
  settled: number;
  /** Types of new events by principal; undefined: anything may be new. */
  types: ReadonlyMap<string, ReadonlySet<MessageType>> | undefined;
}

export type NewsListener = (news: News) => void;

/** A reader that comes back soon finds the rounds still running. */
const lingerMs = 5_000;

/**
 * Looks for new events of all shops, once per round and process while anybody listens, so that a reader or an endpoint that
 * waits costs no statement.
 */
@Injectable()
export class EventRounds implements OnModuleDestroy {
  private readonly listeners = new Set<NewsListener>();
  private task: PeriodicTask | undefined;
  private isRunning = false;
  private neededAt = -Infinity;
  private settled: number | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly feed: EventFeed,
    private readonly tasks: PeriodicTasks,
  ) {}

  /** `listener` hears of every round from now on, the first time without knowing what is new. Returns how to stop. */
  listen(listener: NewsListener): () => void {
    this.listeners.add(listener);
    this.neededAt = performance.now();
    this.run();
    return () => {
      this.neededAt = performance.now();
      this.listeners.delete(listener);
    };
  }

  /** The settled moment of the last round; without rounds, the present one. */
  async moment(): Promise<number> {
    return this.settled ?? (await this.feed.settledNow());
  }

  async onModuleDestroy(): Promise<void> {
    await this.task?.stop();
  }

  private run(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    outsideRequests(() => {
      if (this.task) this.task.start();
      else
        this.task = this.tasks.start({
          name: 'event rounds',
          everyMs: this.config.eventRoundMs,
          run: () => this.round(),
        });
    });
  }

  private async round(): Promise<void> {
    if (this.listeners.size === 0 && performance.now() - this.neededAt > lingerMs) return this.rest();
    const from = this.settled;
    const settled = await this.feed.settled();
    if (settled === from) return;
    // The first round, or the first after a failover that set the feed back.
    const isContinued = from !== undefined && settled > from;
    const types = isContinued ? await newsBetween(this.db, from, settled) : undefined;
    this.settled = settled;
    if (types?.size === 0) return;
    for (const listener of [...this.listeners]) listener({ settled, types });
  }

  private rest(): void {
    this.isRunning = false;
    this.settled = undefined;
    void this.task?.stop();
  }
}
