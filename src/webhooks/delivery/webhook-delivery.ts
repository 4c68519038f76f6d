import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { Database } from '../../database/database';
import { isDatabaseAway } from '../../database/pg-errors';
import { outsideRequests } from '../../logger';
import { type PeriodicTask, PeriodicTasks } from '../../periodic/periodic-tasks';
import { EventRounds, type News } from '../../shop-events/event-rounds';
import { EndpointBatches } from './endpoint-batches';
import { anyEnabled, claimCursors } from './endpoint-claims.repository';
import { type ReplayBatch, claimReplays } from './replays.repository';
import { WaitingEvents } from './waiting-events';
import { type ClaimedWaiting, claimProbes, claimWaiting } from './waiting.repository';

/** The first endpoint of all is noticed after so many rounds. */
const idleRounds = 10;
/** How often endpoints are looked at for which no news came: a worker may have died between a round and its claim. */
const lookAgainMs = 5_000;

/**
 * Delivers events to webhook endpoints: at least once, and first arrivals of each aggregate in order.
 *
 * Intake and sagas write nothing for it. A round of the feed says which shops have news; one statement then takes the
 * endpoints that have events after their cursors. A batch is posted, and one commit moves the cursor and writes a row for
 * each aggregate whose event was not taken; those are tried again by themselves while the cursor goes on.
 */
@Injectable()
export class WebhookDelivery {
  private readonly logger = new Logger('webhooks');
  private tasks: PeriodicTask[] = [];
  private stopListening: (() => void) | undefined;
  /** Principals with news, until they were looked at. */
  private news: Set<string> | 'all' = 'all';
  private lookedAtAll = -Infinity;
  private readonly inFlight = new Map<string, number>();
  private readonly running = new Set<Promise<void>>();
  private looking: PeriodicTask | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly rounds: EventRounds,
    private readonly batches: EndpointBatches,
    private readonly waiting: WaitingEvents,
    private readonly periodic: PeriodicTasks,
  ) {}

  start(): void {
    this.looking = this.periodic.start({ name: 'webhooks', run: () => this.look() });
    const due = this.periodic.start({
      name: 'webhooks due',
      // Without endpoints there is next to nothing to look at.
      everyMs: () => (this.stopListening ? 1 : idleRounds) * this.config.sweepMs,
      run: () => this.lookForDue(),
    });
    this.tasks = [this.looking, due];
  }

  /** Resolves when no try is in flight: none lasts longer than WEBHOOK_TIMEOUT_MS. */
  async stop(): Promise<void> {
    this.stopListening?.();
    this.batches.stop();
    this.waiting.stop();
    await Promise.all(this.tasks.splice(0).map((task) => task.stop()));
    await Promise.all(this.running);
  }

  private hear({ types }: News): void {
    if (!types) this.news = 'all';
    else if (this.news !== 'all') for (const principal of types.keys()) this.news.add(principal);
    this.looking?.wake();
  }

  /** After a round with news, and after a batch that did not reach the end. */
  private async look(): Promise<void> {
    const limit = Math.floor(this.freeTries() / this.config.webhookConcurrencyPerEndpointMax);
    if (limit < 1) return;
    const { news } = this;
    if (news !== 'all' && news.size === 0) return;
    this.news = new Set();
    try {
      // Of the last round, and not of the last news: what came while nobody listened is before it.
      const settled = await this.rounds.moment();
      const claimed = await claimCursors(this.db, {
        principals: news === 'all' ? null : [...news],
        settled,
        leaseMs: this.config.webhookLeaseMs,
        limit,
      });
      // There may be more, and a batch may not reach the end.
      if (claimed.length === limit) this.remember(news);
      for (const endpoint of claimed)
        this.run(endpoint.endpointId, this.config.webhookConcurrencyPerEndpointMax, async () => {
          if (await this.batches.deliver(endpoint, settled)) this.remember(new Set([endpoint.principal]));
        });
    } catch (error) {
      this.remember(news);
      throw error;
    }
  }

  private remember(news: Set<string> | 'all'): void {
    if (news === 'all' || this.news === 'all') this.news = 'all';
    else for (const principal of news) this.news.add(principal);
  }

  private async lookForDue(): Promise<void> {
    if (await anyEnabled(this.db)) {
      if (!this.stopListening) this.remember('all');
      this.stopListening ??= this.rounds.listen((news) => this.hear(news));
    } else {
      this.stopListening?.();
      this.stopListening = undefined;
      return;
    }
    if (performance.now() - this.lookedAtAll > lookAgainMs) {
      this.lookedAtAll = performance.now();
      this.remember('all');
    }
    this.looking?.wake();
    const { webhookLeaseMs: leaseMs, webhookProbeSeconds: probeSeconds } = this.config;
    for (const row of await claimProbes(this.db, { leaseMs, probeSeconds })) this.tryRow(row, true);
    await this.claimRows();
    for (const replay of await claimReplays(this.db, { leaseMs, limit: this.freeTries() }))
      this.runReplay(replay);
  }

  private async claimRows(): Promise<void> {
    const limit = this.freeTries();
    if (limit < 1) return;
    const perEndpoint = this.config.webhookConcurrencyPerEndpointMax;
    const busy = [...this.inFlight].filter(([, count]) => count >= perEndpoint).map(([id]) => id);
    const claim = { leaseMs: this.config.webhookLeaseMs, limit, perEndpoint, busy };
    for (const row of await claimWaiting(this.db, claim)) this.tryRow(row, false);
  }

  private tryRow(row: ClaimedWaiting, isProbe: boolean): void {
    this.run(row.endpointId, 1, async () => {
      await this.waiting.deliver(row, isProbe);
      this.looking?.wake();
    });
  }

  private runReplay(replay: ReplayBatch): void {
    this.run(replay.endpointId, 1, () => this.batches.replay(replay));
  }

  private freeTries(): number {
    const taken = [...this.inFlight.values()].reduce((sum, count) => sum + count, 0);
    return this.config.webhookConcurrencyMax - taken;
  }

  /** What fails here is taken up again when its lease ends. */
  private run(endpointId: string, tries: number, work: () => Promise<void>): void {
    this.inFlight.set(endpointId, (this.inFlight.get(endpointId) ?? 0) + tries);
    const running: Promise<void> = outsideRequests(work)
      .catch((error: unknown) => {
        if (!isDatabaseAway(error)) this.logger.error(error, `webhook endpoint ${endpointId}`);
      })
      .finally(() => {
        const left = this.inFlight.get(endpointId)! - tries;
        if (left > 0) this.inFlight.set(endpointId, left);
        else this.inFlight.delete(endpointId);
        this.running.delete(running);
        this.looking?.wake();
      });
    this.running.add(running);
  }
}
