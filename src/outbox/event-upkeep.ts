import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { Database, clockOf } from '../database/database';
import { EventOwners, noteOwnersKnown, ownNewMessages, ownOldMessages } from './event-owners';
import { noteKeptSince, pruneEvents } from './event-pruning';

/** Few enough rows per statement that the upkeep does not compete with buyers. */
const batchSizeMax = 1_000;
const firstId = '00000000-0000-0000-0000-000000000000';
/** Events are kept for so much longer than promised that a reader of the oldest ones is not overtaken. */
const graceDays = 1;
const dayMs = 86_400_000;

/** Fills in whose old messages are, and deletes events after EVENT_RETENTION_DAYS. */
@Injectable()
export class EventUpkeep {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly owners: EventOwners,
  ) {}

  async keepUp(): Promise<void> {
    while ((await ownNewMessages(this.db, batchSizeMax)) === batchSizeMax);
    if (!(await this.owners.areKnown())) await this.ownOld();
    await this.prune();
  }

  private async ownOld(): Promise<void> {
    await inTurns((after) => ownOldMessages(this.db, after, batchSizeMax));
    await noteOwnersKnown(this.db);
  }

  private async prune(): Promise<void> {
    const now = await clockOf(this.db);
    const horizon = new Date(now.getTime() - (this.config.eventRetentionDays + graceDays) * dayMs);
    await noteKeptSince(this.db, horizon);
    await inTurns((after) => pruneEvents(this.db, { horizon, after, limit: batchSizeMax }));
  }
}

/** Batch after batch from the first id, with as much time between them as they take. */
async function inTurns(batch: (after: string) => Promise<string | null>): Promise<void> {
  for (let after: string | null = firstId; after !== null;) {
    const startedAt = performance.now();
    after = await batch(after);
    if (after !== null) await pause(performance.now() - startedAt);
  }
}
