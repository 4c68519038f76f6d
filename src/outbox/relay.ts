import { Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type Database, type Tx, columnsOf } from '../database/database';
import { failpoint } from '../failpoints';
import type { PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { type QueuedMessage, jobOf } from '../queue/message-jobs';
import { type NewJob, type QueueName, Queues, queueNames } from '../queue/queues';
import { outsideRequests } from '../logger';
import { type MessageType, claimLeaseMs, messageRoutes } from './outbox.repository';

/** Small enough to be sent within the claim's lease, large enough that the cost per round does not matter. */
const batchSizeMax = 200;
/** Most of what a process sends for itself is applied by then, and needs no mark. Well below the claim's lease. */
const ownMarkMs = 1_000;
/** The least time between two tries while a queue is away. */
const pauseAfterFailureMs = 1_000;
/** How many seconds are remembered so that each gets one alarm only. */
const alarmsRememberedMax = 4_096;

export interface RelaySettings {
  enabled: boolean;
  /** A message that was sent and is not applied after this time is sent again. */
  resendMs: number;
  /** A round that sent something is followed by the next after this time, so that what a crowd commits shares a job. */
  gatherMs?: number;
}

export interface ClaimedMessage {
  id: string;
  aggregateId: string;
  type: MessageType;
  epoch: number;
  /** When the reservation in this message ends, and the database's clock to count from. */
  expiresAt: string | null;
  now: Date;
}

/**
 * Moves messages from the outbox to the queues: claim, send, mark. Each round adds one job per queue. What wakes no
 * consumer is acknowledged by the mark, once the alarm that it asks for is added.
 *
 * Of each aggregate only the oldest message that is neither sent nor applied may be claimed, so an aggregate's messages
 * leave in order whatever the number of relays. A crash between any two of the three sends a message twice and never
 * not at all.
 */
export class Relay {
  private readonly logger = new Logger('relay');
  private readonly alarms = new LRUCache<number, true>({ max: alarmsRememberedMax });
  private running: Promise<void> | undefined;
  private wanted = false;
  private polling: PeriodicTask | undefined;
  private failure: Error | undefined;
  private pausedUntil = 0;
  private nextRoundAt = 0;
  /** Claimed from their birth, by what this process committed. */
  private own: ClaimedMessage[] = [];
  private unmarked: ClaimedMessage[] = [];
  private marking: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly db: Database,
    private readonly queues: Queues,
    private readonly settings: RelaySettings = { enabled: true, resendMs: 60_000 },
  ) {}

  /** Whether a commit of this process may claim its messages from their birth, to give them to `poke`. */
  get sendsOwn(): boolean {
    return this.settings.enabled && !this.stopped && !this.isPaused;
  }

  /**
   * Called after a commit that wrote messages, with the one that it claimed itself or without. Never waits and never throws;
   * the poll covers what it misses.
   */
  poke(own?: ClaimedMessage): void {
    if (own && !this.isPaused) this.own.push(own);
    else this.wanted = this.settings.enabled;
    if (!this.isPaused) this.begin();
  }

  private get isPaused(): boolean {
    return performance.now() < this.pausedUntil;
  }

  /**
   * A task for messages without a poke: those of processes that died, and those that were sent but not applied. It runs
   * when it is woken.
   */
  start(tasks: PeriodicTasks): PeriodicTask | undefined {
    if (this.settings.enabled) this.polling = tasks.start({ name: 'relay', run: () => this.poll() });
    return this.polling;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.polling?.stop();
    await this.running;
    await this.markOwn();
  }

  /** The task's pause after a failure replaces the one between pokes. */
  private async poll(): Promise<void> {
    this.wanted = true;
    this.begin();
    await this.running;
    if (this.failure) throw this.failure;
  }

  private begin(): void {
    if (!this.settings.enabled || this.running || this.stopped) return;
    this.running = outsideRequests(() => this.drain()).finally(() => {
      this.running = undefined;
      // Poked between the end of the loop and this line.
      if (this.hasWork && !this.isPaused) this.begin();
    });
  }

  private async drain(): Promise<void> {
    try {
      while (this.hasWork && !this.stopped) {
        const startedAt = await this.gather();
        const claims = this.wanted;
        this.wanted = false;
        const own = this.own.splice(0, batchSizeMax);
        const claimed = await this.round(own, claims);
        // The next message of an aggregate could not be claimed in this round.
        if (claimed > 0) this.wanted = true;
        if (claimed + own.length > 0)
          this.nextRoundAt = claimed === batchSizeMax ? 0 : startedAt + (this.settings.gatherMs ?? 0);
      }
      this.failure = undefined;
    } catch (error) {
      this.failure = error as Error;
      this.pausedUntil = performance.now() + pauseAfterFailureMs;
      // Their claims end, and then they are due for every relay.
      this.own = [];
      if (!this.polling) this.logger.warn(`messages wait in the outbox: ${this.failure.message}`);
    }
  }

  private get hasWork(): boolean {
    return this.wanted || this.own.length > 0;
  }

  private async gather(): Promise<number> {
    const pauseMs = this.nextRoundAt - performance.now();
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    return performance.now();
  }

  /** One round that claims; returns how many messages it took up. */
  runOnce(own?: ClaimedMessage): Promise<number> {
    return this.round(own ? [own] : [], true);
  }

  private async round(own: ClaimedMessage[], claims: boolean): Promise<number> {
    const claimed = claims ? await this.db.transaction('claim-messages', (tx) => claimMessages(tx)) : [];
    const messages = [...own, ...claimed];
    if (messages.length === 0) return 0;
    await this.queues.add([...wakeUpJobs(messages), ...this.alarmsFor(messages)]);
    await failpoint('relay.sent');
    this.markLater(own);
    if (claimed.length > 0) await markRelayed(this.db, claimed, this.settings.resendMs);
    await failpoint('relay.marked');
    return claimed.length;
  }

  private markLater(own: ClaimedMessage[]): void {
    if (own.length === 0) return;
    this.unmarked.push(...own);
    this.marking ??= setTimeout(() => void this.markOwn(), ownMarkMs).unref();
  }

  /** Those that are applied need no mark. Without theirs the others are sent again, as after a crash. */
  private async markOwn(): Promise<void> {
    clearTimeout(this.marking);
    this.marking = undefined;
    const own = this.unmarked.splice(0);
    if (own.length > 0) await markRelayed(this.db, own, this.settings.resendMs).catch(() => undefined);
  }

  private alarmsFor(messages: ClaimedMessage[]): NewJob[] {
    return messages.flatMap(
      ({ expiresAt, now }) => this.alarmFor(Date.parse(expiresAt ?? ''), now.getTime()) ?? [],
    );
  }

  /**
   * One alarm per second in which anything expires, not one per reservation: those of a flash sale end together. Seconds
   * of the database's clock, so that processes whose clocks differ agree on them.
   */
  private alarmFor(expiresAtMs: number, nowMs: number): NewJob | undefined {
    const second = Math.ceil(expiresAtMs / 1_000);
    if (Number.isNaN(second) || this.alarms.has(second)) return undefined;
    this.alarms.set(second, true);
    return {
      queue: 'expiry',
      id: `alarm-${second}`,
      name: 'reservations.due',
      data: { messageId: null, aggregateId: null },
      delayMs: Math.max(0, second * 1_000 - nowMs),
    };
  }
}

/** The queue that a message wakes, if any. */
function queueOf({ type }: { type: MessageType }): QueueName | undefined {
  const route = messageRoutes[type];
  return route === 'alarm' || route === 'feed' ? undefined : route;
}

/** One job for each queue. */
function wakeUpJobs(messages: ClaimedMessage[]): NewJob[] {
  return queueNames.flatMap((queue) => {
    const own = messages.filter((message) => queueOf(message) === queue);
    return own.length === 0 ? [] : jobOf(queue, own.map(queued));
  });
}

const queued = ({ id: messageId, aggregateId, type, epoch }: ClaimedMessage): QueuedMessage => ({
  messageId,
  aggregateId,
  type,
  epoch,
});

/** A message that a relay may have to send, without its order within its aggregate; for the sweeper's look. */
export const dueMessage = `
  SELECT id FROM outbox
   WHERE applied_at IS NULL AND next_relay_at <= statement_timestamp()
     AND type IN (${Object.keys(messageRoutes)
       .map((type) => `'${type}'`)
       .join(', ')})
   ORDER BY next_relay_at`;

/** `coalesce` forces the lookup of an aggregate's earlier messages by its id: docs/decisions/0025. */
async function claimMessages(tx: Tx): Promise<ClaimedMessage[]> {
  const due = await tx.rows<ClaimedMessage>(
    `
    WITH due AS MATERIALIZED (
      SELECT o.id, o.aggregate_id, o.sequence, o.type, o.relay_epoch, o.payload, o.next_relay_at
        FROM outbox o
       WHERE o.applied_at IS NULL
         AND o.next_relay_at <= statement_timestamp()
         AND o.type = ANY ($2::text[])
         AND NOT EXISTS (SELECT FROM outbox earlier
                          WHERE earlier.aggregate_id = o.aggregate_id
                            /* guard: messages-in-order */
                            AND earlier.sequence < o.sequence
                            AND coalesce(earlier.relayed_at, earlier.applied_at) IS NULL)
       ORDER BY o.next_relay_at
       LIMIT $1::int
         FOR UPDATE SKIP LOCKED
    )
    SELECT id, aggregate_id AS "aggregateId", type, relay_epoch + 1 AS epoch, clock_timestamp() AS now,
           payload ->> 'expiresAt' AS "expiresAt"
      FROM due
     ORDER BY next_relay_at
    `,
    // A type that only newer code knows is left for newer code to send.
    [batchSizeMax, Object.keys(messageRoutes)],
  );
  if (due.length === 0) return [];
  await tx.affected(
    `
    UPDATE outbox SET relay_epoch = relay_epoch + 1, next_relay_at = $2::timestamptz
     WHERE id = ANY ($1::uuid[])
    `,
    [due.map((message) => message.id), new Date(due[due.length - 1]!.now.getTime() + claimLeaseMs)],
  );
  return due;
}

/**
 * Only under the epoch of our claim: a relay that took over marks for itself. What is applied needs no mark, and what wakes
 * no consumer is applied by it. A message that became a dead letter before its mark (`infinity`) stays one. Outside a
 * transaction and timed from the claim: a few milliseconds do not matter here.
 *
 * A message that is sent but not applied after `resendMs` was lost by the queue or by a consumer that died. It is sent
 * again under a new job id.
 */
async function markRelayed(db: Database, messages: ClaimedMessage[], resendMs: number): Promise<void> {
  const claimedAt = messages[messages.length - 1]!.now;
  await db.rows(
    `
    WITH locked AS MATERIALIZED (
      SELECT o.id, m.done
        FROM outbox o
        JOIN unnest($1::uuid[], $2::int[], $5::boolean[]) AS m (id, epoch, done) ON o.id = m.id AND o.relay_epoch = m.epoch
       WHERE coalesce(o.applied_at, 'infinity') = 'infinity'
       ORDER BY o.id
         FOR UPDATE OF o
    )
    UPDATE outbox o
       SET relayed_at = coalesce(o.relayed_at, $3::timestamptz),
           applied_at = CASE WHEN locked.done THEN coalesce(o.applied_at, $3::timestamptz) ELSE o.applied_at END,
           next_relay_at = CASE WHEN o.next_relay_at = 'infinity' THEN o.next_relay_at ELSE $4::timestamptz END
      FROM locked
     WHERE o.id = locked.id
    `,
    [
      ...columnsOf(messages, 'id', 'epoch'),
      claimedAt,
      // guard: unapplied-messages-are-resent
      new Date(claimedAt.getTime() + resendMs),
      messages.map((message) => queueOf(message) === undefined),
    ],
  );
}
