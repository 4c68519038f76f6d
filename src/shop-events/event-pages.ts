import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Database } from '../database/database';
import type { FeedKey } from '../outbox/event-feed.repository';
import { EventOwners } from '../outbox/event-owners';
import { type ShopEvent, renderEvents } from './event-objects';
import { type ShopPage, eventsOfPrincipal, eventsWithoutIndex } from './shop-feed.repository';

export interface EventPage {
  /** At most the limit, each with what is shown of it. */
  events: { key: FeedKey; aggregateId: string; view: ShopEvent }[];
  /** Where the next page begins; null: there are no more events before the moment of this one. */
  next: FeedKey | null;
}

/** Readers and endpoints of one shop that wait together ask for the same page in the same round. */
const rememberedMax = 32;

/** Pages of a shop's events with their objects. Those who ask for the same page of the same moment share it. */
@Injectable()
export class EventPages {
  private readonly pages = new LRUCache<string, Promise<EventPage>>({ max: rememberedMax });

  constructor(
    private readonly db: Database,
    private readonly owners: EventOwners,
  ) {}

  get(principal: string, page: ShopPage): Promise<EventPage> {
    const { after, before, types, aggregateId, limit } = page;
    const key = JSON.stringify([principal, after, before, types, aggregateId ?? null, limit]);
    const known = this.pages.get(key);
    if (known) return known;
    const read = this.read(principal, page);
    this.pages.set(key, read);
    read.catch(() => this.pages.delete(key));
    return read;
  }

  private async read(principal: string, page: ShopPage): Promise<EventPage> {
    const find = (await this.owners.areKnown()) ? eventsOfPrincipal : eventsWithoutIndex;
    const { events, cutAt } = await find(this.db, principal, page);
    const shown = events.slice(0, page.limit);
    const views = await renderEvents(this.db, shown);
    const last = events.length > page.limit ? shown[shown.length - 1]! : cutAt;
    return {
      events: shown.map((event, nth) => ({
        key: keyOf(event),
        aggregateId: event.aggregateId,
        view: views[nth]!,
      })),
      next: last && keyOf(last),
    };
  }
}

export const keyOf = ({ createdMicros, sequence, id }: FeedKey): FeedKey => ({ createdMicros, sequence, id });
