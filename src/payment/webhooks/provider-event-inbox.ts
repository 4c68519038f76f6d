import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database';
import { type BatchAnswer, Batcher } from '../../database/group-commit';
import { unavailable } from '../../errors';
import { type ProviderEvent, storeProviderEvents } from './provider-events.repository';

/** Each has at most a megabyte, usually two or three kilobytes. */
const groupSizeMax = 100;

/**
 * The provider waits seconds for its answer. In this time others join the group, and the worker that asked the provider
 * usually records the response, so that nothing waits for the event any more.
 */
const gatherMs = 20;

/** More is a flood: the provider sends what was refused again. */
const waitingMax = 5_000;

/** Stores events in groups: those that arrive while a group is stored form the next one. */
@Injectable()
export class ProviderEventInbox {
  private readonly groups: Batcher<ProviderEvent, void>;

  constructor(private readonly db: Database) {
    this.groups = new Batcher((events) => this.storeAll(events), {
      name: 'webhooks',
      sizeMax: groupSizeMax,
      inFlightMax: 1,
      gatherMs,
      waitingMax,
      overloaded: () =>
        unavailable('Too many webhooks are waiting to be stored. Send this one again in a second.'),
    });
  }

  /** Resolves when the event is committed; an event that the database refuses fails no other. */
  store(event: ProviderEvent): Promise<void> {
    return this.groups.add(event);
  }

  private async storeAll(events: ProviderEvent[]): Promise<BatchAnswer<void>[]> {
    await storeProviderEvents(this.db, events);
    return events.map(() => ({ answer: undefined }));
  }
}
