import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { Database } from '../../database/database';
import { publicId } from '../../ids';
import type { FeedKey } from '../../outbox/event-feed.repository';
import type { ShopEvent } from '../../shop-events/event-objects';
import { EventPages } from '../../shop-events/event-pages';
import { typesNamed } from '../../shop-events/event-types';
import { newestEventOf } from '../../shop-events/shop-feed.repository';
import { type Tried, wasTaken } from '../endpoints/webhook-sender';
import { type EndedDelivery, pruneTaken, recordDeliveries } from './deliveries.repository';
import {
  type ClaimedEndpoint,
  type ReceivingEndpoint,
  freeEndpoint,
  lockEndpoint,
  moveCursor,
  saveHealth,
} from './endpoint-claims.repository';
import { healthAfter, nextTryAt } from './endpoint-health';
import { type ReplayBatch, eventsToReplay, saveReplay } from './replays.repository';
import { Tries, isGone } from './tries';
import { type NewWaiting, insertWaiting, waitingAmong, waitingCounts } from './waiting.repository';

/** Few enough that a receiver which answers slowly does not hold its cursor for long. */
const batchSizeMax = 100;
const replayBatchSizeMax = 20;
/** A batch begins no new try after this share of its lease; the last one still ends within it. */
const beginsWithin = 0.3;
/** How many taken ones are recorded before the oldest are deleted. */
const pruneAfter = 100;

export interface BatchEvent {
  key: FeedKey;
  aggregateId: string;
  view: ShopEvent;
}

/** Each event's try; without one it was not begun. */
type TriedEvents = Map<BatchEvent, Tried>;

/** Delivers from an endpoint's cursor. */
@Injectable()
export class EndpointBatches {
  private isStopped = false;
  private readonly recorded = new Map<string, number>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly pages: EventPages,
    private readonly tries: Tries,
  ) {}

  stop(): void {
    this.isStopped = true;
  }

  /** True: there is more. */
  async deliver(endpoint: ClaimedEndpoint, settled: number): Promise<boolean> {
    const types = endpoint.types && typesNamed(endpoint.types, () => '/types');
    const { events, next } = await this.pages.get(endpoint.principal, {
      after: endpoint.cursor,
      before: settled,
      types,
      limit: batchSizeMax,
    });
    // Past what the types hide, too.
    const newest = () => newestEventOf(this.db, endpoint.principal, settled);
    const end = next ?? (types === null ? events[events.length - 1]?.key : await newest());
    const aggregateIds = [...new Set(events.map(({ aggregateId }) => aggregateId))];
    const held = await waitingAmong(this.db, endpoint.endpointId, aggregateIds);
    const tried = await this.post(
      endpoint,
      events.filter(({ aggregateId }) => !held.has(aggregateId)),
    );
    await this.mark(endpoint, { events, tried, end: end ?? endpoint.cursor });
    return next !== null;
  }

  /** Aggregates side by side, the events of each one after the other until one is not taken. */
  private async post(
    endpoint: ReceivingEndpoint,
    events: BatchEvent[],
    headers?: Record<string, string>,
  ): Promise<TriedEvents> {
    const beganAt = performance.now();
    const tried: TriedEvents = new Map();
    let isOver = false;
    const groups = byAggregate(events).values();
    const lane = async () => {
      for (const group of groups)
        for (const event of group) {
          isOver ||=
            this.isStopped || performance.now() - beganAt > this.config.webhookLeaseMs * beginsWithin;
          if (isOver) break;
          const outcome = await this.tries.send(endpoint, event.view, headers);
          tried.set(event, outcome);
          isOver ||= isGone(outcome);
          // guard: webhooks-in-order
          if (!wasTaken(outcome)) break;
        }
    };
    await Promise.all(Array.from({ length: this.config.webhookConcurrencyPerEndpointMax }, lane));
    return tried;
  }

  /**
   * Moves the cursor past the batch, in one commit with a row for each aggregate whose event was not taken. (Also for those
   * that waited before the batch: their rows may have been done with meanwhile.)
   */
  private async mark(
    endpoint: ClaimedEndpoint,
    { events, tried, end }: { events: BatchEvent[]; tried: TriedEvents; end: FeedKey },
  ): Promise<void> {
    const taken = events.filter((event) => tried.has(event) && wasTaken(tried.get(event)!));
    const health = await this.db.transaction('mark-deliveries', async (tx) => {
      const state = await lockEndpoint(tx, endpoint.endpointId);
      if (!state || !(await moveCursor(tx, endpoint, end))) return undefined;
      await insertWaiting(tx, endpoint.endpointId, this.rowsFor(events, tried, state.now));
      await recordDeliveries(
        tx,
        endpoint.endpointId,
        taken.map((event) => deliveredOf(event, tried.get(event)!)),
      );
      const outcomes = {
        tries: [...tried.values()].map(wasTaken),
        isGone: [...tried.values()].some(isGone),
        waiting: await waitingCounts(tx, endpoint.endpointId),
      };
      if (outcomes.tries.length === 0) return undefined;
      const after = healthAfter(state, outcomes, this.tries.rules);
      await saveHealth(tx, endpoint.endpointId, after);
      return after;
    });
    if (health) this.tries.noteHealth(health);
    await this.prune(endpoint.endpointId, taken.length);
  }

  /** The first of each aggregate that was not taken; those that follow it wait behind its row. */
  private rowsFor(events: BatchEvent[], tried: TriedEvents, now: Date): NewWaiting[] {
    const rows = new Map<string, NewWaiting>();
    for (const event of events) {
      const outcome = tried.get(event);
      if (rows.has(event.aggregateId) || (outcome && wasTaken(outcome))) continue;
      rows.set(event.aggregateId, {
        aggregateId: event.aggregateId,
        sequence: event.key.sequence,
        eventId: event.key.id,
        attempts: outcome ? 1 : 0,
        dueAt: outcome ? nextTryAt(now, 1, this.config.webhookRetrySeconds) : now,
        tried: outcome ?? null,
      });
    }
    return [...rows.values()];
  }

  private async prune(endpointId: string, taken: number): Promise<void> {
    const recorded = (this.recorded.get(endpointId) ?? pruneAfter) + taken;
    this.recorded.set(endpointId, recorded < pruneAfter ? recorded : 0);
    if (recorded >= pruneAfter) await pruneTaken(this.db, endpointId);
  }

  /** A few events of a replay, under the endpoint's lease, so that no live event of their aggregates is in flight. */
  async replay(replay: ReplayBatch): Promise<void> {
    const { events, isLast } = await eventsToReplay(this.db, this.pages, replay, replayBatchSizeMax);
    const aggregateIds = [...new Set(events.map(({ aggregateId }) => aggregateId))];
    const held = await waitingAmong(this.db, replay.endpointId, aggregateIds);
    const firstHeld = events.findIndex(({ aggregateId }) => held.has(aggregateId));
    const free = firstHeld < 0 ? events : events.slice(0, firstHeld);
    const tried = await this.post(replay, free, { 'holdfast-replay': publicId('rpl', replay.id) });
    const firstLeft = events.findIndex((event) => !tried.has(event) || !wasTaken(tried.get(event)!));
    const failed = firstLeft < 0 ? undefined : tried.get(events[firstLeft]!);
    await this.db.transaction('mark-deliveries', async (tx) => {
      const state = await lockEndpoint(tx, replay.endpointId);
      if (!state) return;
      const attempts = failed ? (firstLeft === 0 ? replay.attempts : 0) + 1 : 0;
      // Its tries are used up: the replay goes on without it.
      const isGivenUp = attempts > this.config.webhookRetrySeconds.length;
      const doneTo = isGivenUp ? firstLeft + 1 : firstLeft;
      const done = firstLeft < 0 ? events : events.slice(0, doneTo);
      const taken = [...tried.values()].filter(wasTaken).length;
      const isPaused = firstLeft >= 0 && !failed;
      await saveReplay(tx, replay, {
        cursor: done[done.length - 1]?.key ?? null,
        sent: taken,
        attempts: isGivenUp ? 0 : attempts,
        dueAt: failed
          ? nextTryAt(state.now, Math.max(1, attempts), this.config.webhookRetrySeconds)
          : new Date(state.now.getTime() + (isPaused ? this.config.sweepMs : 0)),
        isDone: isLast && done.length === events.length,
      });
      if (isGivenUp)
        await recordDeliveries(tx, replay.endpointId, [
          { ...deliveredOf(events[firstLeft]!, failed!), status: 'given_up', attempts },
        ]);
    });
    await freeEndpoint(this.db, replay);
  }
}

const deliveredOf = ({ key, view }: BatchEvent, tried: Tried): EndedDelivery => ({
  eventId: key.id,
  type: view.type,
  status: 'delivered',
  attempts: 1,
  tried,
});

function byAggregate(events: BatchEvent[]): BatchEvent[][] {
  const groups = new Map<string, BatchEvent[]>();
  for (const event of events)
    groups.set(event.aggregateId, [...(groups.get(event.aggregateId) ?? []), event]);
  return [...groups.values()];
}
