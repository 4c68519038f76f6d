import { setTimeout as pause } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { Database, type Tx } from '../../database/database';
import { recordActions } from '../../audit-log/audit-log.repository';
import { type Change, type ReasonAndKey, operatorAction } from '../../audit-log/operator-action';
import type { Principal } from '../../auth/auth.guard';
import { newId, publicId } from '../../ids';
import { Relay } from '../../outbox/relay';
import { releaseNotFound, releaseNotRunning, releaseTokenExpired } from '../inventory.errors';
import type { ReleaseFilterDto } from './releases.dto';
import {
  type ReleaseRow,
  abandonedReleases,
  findRelease,
  forgetCounts,
  insertCount,
  lockRelease,
  nextMembers,
  saveRelease,
} from './releases.repository';
import { announce } from '../reservations/reservation';
import { lockReservations, releaseLocked } from '../reservations/reservation-ends.repository';
import { giveBack } from '../stock/stock-levels.repository';
import { ValidationFailed } from '../../errors';

/** A count gets old; the operator decides within this time or counts again. */
export const tokenLifetimeMs = 600_000;
/** More at once would keep too many ids in one row. */
const membersMax = 200_000;
/** Reservations that share a commit: few enough that a buyer waits only milliseconds for their stock row. */
const batchSizeMax = 25;
/** When a runner does not report within this time, another one takes over its release. */
const leaseMs = 10_000;
/** After each batch the buyers have the stock rows for at least as long as it had them. */
const pauseMsMin = 10;

/**
 * Releases many reservations for an operator: counts first, then ends exactly the counted ones, in small batches with
 * pauses. Reservations that have ended or are pinned by then stay as they are.
 */
@Injectable()
export class Releases implements BeforeApplicationShutdown {
  private readonly logger = new Logger('releases');
  private readonly running = new Map<string, Promise<void>>();
  private stopping = false;

  constructor(
    private readonly db: Database,
    private readonly relay: Relay,
  ) {}

  /** Counts, and changes nothing. */
  async count(filter: ReleaseFilterDto, actor: Principal): Promise<ReleaseRow> {
    return this.db.transaction('change-reservation', async (tx) => {
      const counted = await insertCount(tx, { id: newId(), actor: actor.name, filter, max: membersMax });
      if (counted.reservations > membersMax) throw tooManyToRelease(membersMax);
      await forgetCounts(tx, new Date(counted.now.getTime() - 2 * tokenLifetimeMs));
      return counted;
    });
  }

  /** Begins to release what was counted. The same token again: the release as it stands. */
  async begin(
    id: string,
    { reason, key }: ReasonAndKey,
    actor: Principal,
  ): Promise<{ release: ReleaseRow; replayed: boolean }> {
    const { status } = await operatorAction(
      this.db,
      {
        ...requestOn(id, reason, actor),
        once: { key, operation: 'reservations/release', request: { reason, id } },
        isRepeatable: true,
      },
      async (tx) => {
        const counted = await lockRelease(tx, id);
        if (!counted) throw releaseNotFound('No count has this token. Count again.');
        if (counted.status !== 'counted') return undefined;
        if (counted.now.getTime() - counted.countedAt.getTime() > tokenLifetimeMs)
          throw releaseTokenExpired(
            'It was counted more than 10 min ago. Count again and check the numbers.',
          );
        return this.start(tx, counted, reason, actor);
      },
    );
    void this.run(id);
    return { release: await this.get(id), replayed: status !== 'done' };
  }

  private async start(tx: Tx, counted: ReleaseRow, reason: string, actor: Principal): Promise<Change> {
    const { now, filter, reservations, units, customers, skippedPinned } = counted;
    await saveRelease(tx, {
      ...counted,
      status: 'running',
      reason,
      actor: actor.name,
      startedAt: now,
      leaseExpiresAt: leaseFrom(now),
    });
    return {
      action: 'reservations.release',
      before: { filter, reservations, units, customers, skippedPinned },
      after: { status: 'running' },
    };
  }

  /** Ends it after the batch in hand. What was released stays released. */
  async stop(
    id: string,
    { reason, key }: ReasonAndKey,
    actor: Principal,
  ): Promise<{ release: ReleaseRow; replayed: boolean }> {
    const { status } = await operatorAction(
      this.db,
      { ...requestOn(id, reason, actor), once: { key, operation: `reservations/releases/${id}/stop` } },
      async (tx) => {
        const release = await lockRelease(tx, id);
        if (!release || release.status === 'counted') throw noSuchRelease();
        if (release.status === 'stopped') return undefined;
        if (release.status === 'done')
          throw releaseNotRunning('Every reservation that was counted was looked at.');
        await saveRelease(tx, { ...release, status: 'stopped', endedAt: release.now, leaseExpiresAt: null });
        const [before, after] = [{ status: 'running' }, { status: 'stopped', released: release.released }];
        return { action: 'reservations.release.stop', before, after };
      },
    );
    return { release: await this.get(id), replayed: status !== 'done' };
  }

  /** A started one. */
  async get(id: string): Promise<ReleaseRow> {
    const release = await findRelease(this.db, id);
    if (!release || release.status === 'counted') throw noSuchRelease();
    return release;
  }

  /** Takes over releases that another process left. */
  async resume(): Promise<void> {
    for (const id of await abandonedReleases(this.db)) void this.run(id);
  }

  /** Runs it here to its end, unless it is being run here already. */
  run(id: string): Promise<void> {
    const running = this.running.get(id);
    if (running) return running;
    const run = this.runToItsEnd(id)
      // Its lease expires, and the next process that checks takes over.
      .catch((error: unknown) => this.logger.warn(`release ${id}: ${(error as Error).message}`))
      .finally(() => this.running.delete(id));
    this.running.set(id, run);
    return run;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.running.values());
  }

  private async runToItsEnd(id: string): Promise<void> {
    while (!this.stopping) {
      const startedAt = performance.now();
      const goesOn = await this.db.transaction('change-reservation', (tx) => this.releaseBatch(tx, id));
      this.relay.poke();
      if (!goesOn) return;
      await pause(Math.max(pauseMsMin, performance.now() - startedAt));
    }
  }

  /**
   * One batch, with the progress in the same commit, so that a batch is never done twice, nor counted and not done.
   * False: there is nothing left to do.
   */
  private async releaseBatch(tx: Tx, id: string): Promise<boolean> {
    const release = await lockRelease(tx, id);
    if (release?.status !== 'running') return false;
    const members = await nextMembers(tx, { id, handled: handledOf(release) }, batchSizeMax);
    const found = await lockReservations(tx, members);
    const { now } = (await findRelease(tx, id))!;
    const mine = found.filter(({ status, isDue }) => status === 'active' && !isDue);
    const ids = mine.map((member) => member.id);
    await releaseLocked(tx, mine, `released by ${release.actor}: ${release.reason}`, now);
    await giveBack(tx, ids);
    await announce(
      tx,
      'reservation.released',
      mine.map((member) => ({ ...member, version: member.version + 1 })),
    );
    await recordReleased(tx, release, ids);

    const pinned = found.filter(({ status }) => status === 'pinned').length;
    const after = {
      ...release,
      released: release.released + mine.length,
      unitsReleased: release.unitsReleased + mine.reduce((sum, { units }) => sum + units, 0),
      pinnedMeanwhile: release.pinnedMeanwhile + pinned,
      endedBefore: release.endedBefore + members.length - mine.length - pinned,
    };
    const goesOn = handledOf(after) < release.reservations;
    await saveRelease(
      tx,
      goesOn
        ? { ...after, leaseExpiresAt: leaseFrom(now) }
        : { ...after, status: 'done', endedAt: now, leaseExpiresAt: null },
    );
    return goesOn;
  }
}

/** Each reservation has its own line in the audit log, as if it had been released alone. */
async function recordReleased(tx: Tx, { id, actor, reason }: ReleaseRow, ids: string[]): Promise<void> {
  await recordActions(
    tx,
    { name: actor },
    ids.map((one) => ({
      action: 'reservation.release',
      objectType: 'reservation',
      objectId: publicId('rsv', one),
      reason: reason ?? undefined,
      before: { status: 'active' },
      after: { status: 'released', release: publicId('rel', id) },
    })),
  );
}

const requestOn = (id: string, reason: string, actor: Principal) => ({
  transaction: 'change-reservation' as const,
  actor,
  reason,
  object: { type: 'release' as const, id: publicId('rel', id) },
});

export const handledOf = ({ released, endedBefore, pinnedMeanwhile }: ReleaseRow) =>
  released + endedBefore + pinnedMeanwhile;

const leaseFrom = (now: Date) => new Date(now.getTime() + leaseMs);

const noSuchRelease = () => releaseNotFound('No release has this id. Look at the list of releases.');

const tooManyToRelease = (max: number) =>
  new ValidationFailed({
    pointer: '/filter',
    code: 'too_many',
    detail: `More than ${max} reservations match. Narrow the filter, and release the rest afterwards.`,
  });
