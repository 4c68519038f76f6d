import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { Database, type Tx } from '../../database/database';
import { renderEvents } from '../../shop-events/event-objects';
import { typesNamed } from '../../shop-events/event-types';
import { type Tried, wasTaken } from '../endpoints/webhook-sender';
import { recordDeliveries } from './deliveries.repository';
import { type EndpointState, type Health, lockEndpoint, saveHealth } from './endpoint-claims.repository';
import { healthAfter, isToBeGivenUp, nextTryAt } from './endpoint-health';
import { Tries, isGone } from './tries';
import {
  type ClaimedWaiting,
  deleteWaiting,
  dueNow,
  eventBySequence,
  holdsRow,
  moveOn,
  nextPassedOver,
  putOff,
  waitingCounts,
} from './waiting.repository';

/** What followed from a try. */
interface Followed {
  /** The aggregate's next event, which is tried at once. */
  next: { sequence: number; eventId: string } | undefined;
  health: Health | undefined;
  isGivenUp: boolean;
}

/** Tries events again that were not taken, and after them those of their aggregates that came meanwhile. */
@Injectable()
export class WaitingEvents {
  private isStopped = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly tries: Tries,
  ) {}

  stop(): void {
    this.isStopped = true;
  }

  async deliver(claimed: ClaimedWaiting, isProbe: boolean): Promise<void> {
    for (let row: ClaimedWaiting | undefined = claimed; row && !this.isStopped;) {
      const event = await eventBySequence(this.db, row.aggregateId, row.sequence);
      const [view] = event ? await renderEvents(this.db, [event]) : [];
      const tried: Tried | undefined = view && (await this.tries.send(row, view));
      const { next, health, isGivenUp } = await this.mark(row, { tried, type: event?.type ?? '', isProbe });
      if (health) this.tries.noteHealth(health);
      if (isGivenUp) this.tries.noteGivenUp();
      row = next && tried && wasTaken(tried) ? { ...row, ...next, attempts: 0 } : undefined;
    }
  }

  /** `tried` is undefined when the event is not there any more (a restore): then there is nothing to wait for. */
  private mark(
    row: ClaimedWaiting,
    { tried, type, isProbe }: { tried: Tried | undefined; type: string; isProbe: boolean },
  ): Promise<Followed> {
    return this.db.transaction('mark-deliveries', async (tx) => {
      const state = await lockEndpoint(tx, row.endpointId);
      if (!state || !(await holdsRow(tx, row)))
        return { next: undefined, health: undefined, isGivenUp: false };
      if (!tried) return { next: await this.passOn(tx, row, state), health: undefined, isGivenUp: false };
      if (wasTaken(tried)) {
        await recordDeliveries(tx, row.endpointId, [
          { eventId: row.eventId, type, status: 'delivered', attempts: row.attempts + 1, tried },
        ]);
        const next = await this.passOn(tx, row, state);
        if (isProbe) await dueNow(tx, row.endpointId, state.now);
        return { next, health: await this.saveHealth(tx, row, { state, tried, isProbe }), isGivenUp: false };
      }
      const attempts = row.attempts + (isProbe ? 0 : 1);
      const schedule = this.config.webhookRetrySeconds;
      const isGivenUp = !isProbe && isToBeGivenUp({ attempts, firstTriedAt: row.createdAt }, state, schedule);
      if (isGivenUp) {
        await recordDeliveries(tx, row.endpointId, [
          { eventId: row.eventId, type, status: 'given_up', attempts, tried },
        ]);
        await this.passOn(tx, row, state);
      } else {
        const dueAt = nextTryAt(state.now, Math.max(1, attempts), schedule);
        await putOff(tx, row, { attempts, dueAt, tried });
      }
      return {
        next: undefined,
        health: await this.saveHealth(tx, row, { state, tried, isProbe }),
        isGivenUp,
      };
    });
  }

  /** To the aggregate's next event that waits behind this one, if there is any. */
  private async passOn(tx: Tx, row: ClaimedWaiting, state: EndpointState): Promise<Followed['next']> {
    const types = state.types && typesNamed(state.types, () => '/types');
    const { aggregateId, sequence } = row;
    const next = await nextPassedOver(tx, { aggregateId, sequence, types, cursor: state.cursor });
    if (next) await moveOn(tx, row, { ...next, now: state.now, leaseMs: this.config.webhookLeaseMs });
    else await deleteWaiting(tx, row);
    return next;
  }

  private async saveHealth(
    tx: Tx,
    { endpointId }: ClaimedWaiting,
    { state, tried, isProbe }: { state: EndpointState; tried: Tried; isProbe: boolean },
  ): Promise<Health> {
    const outcomes = {
      tries: [wasTaken(tried)],
      isGone: isGone(tried),
      waiting: await waitingCounts(tx, endpointId),
    };
    const before = isProbe ? { ...state, probeAt: state.now } : state;
    const health = healthAfter(before, outcomes, this.tries.rules);
    await saveHealth(tx, endpointId, health);
    return health;
  }
}
