import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { AdmissionLimit } from '../../database/admission-limit';
import { type BatchAnswer, Batcher } from '../../database/group-commit';
import { Database, type Tx } from '../../database/database';
import { HoldfastError, unavailable } from '../../errors';
import { type TransactionName, failpoint } from '../../failpoints';
import { publicId } from '../../ids';
import { reserveAgain } from '../../inventory/reservations/order-reservations.repository';
import { receiveSagaMessages } from '../../outbox/outbox.repository';
import { GATEWAY, type PaymentGateway } from '../../payment/gateways/gateway';
import { askProvider } from '../../payment/ask-provider';
import { Installation } from '../../payment/installation';
import { namesOf } from '../../payment/operation-names';
import { type CallResult, type ProviderCall, advance, applyResult, isLateCharge } from './advance';
import { type Checkout, loadCheckouts, saveCheckouts } from './checkout';
import { lastStep, stepNames, stepsOf } from './checkout.saga';
import { codeVersion } from './code-version';
import { orderFactsOf } from '../orders.repository';
import type { Saga } from '../saga-state';
import {
  StaleLease,
  isDue,
  isLeased,
  lockForClaim,
  lockLeased,
  lockSaga,
  saveSagas,
} from './saga.repository';
import { refusedRequests, sagaEvents, stepSeconds } from './saga-metrics';
import type { Reason } from './transition-codes';
import { SagaUpdate, workerName } from './saga-update';

const driver = { codeVersionMax: codeVersion, steps: stepNames };

/** If this many workers died on one saga, the saga is the cause. */
// guard: saga-sweeps-limit
const sweepsMax = 5;

/** Sagas that share a transaction; as many as are usually in flight at one worker. */
const batchSizeMax = 100;

/** A worker that was full waits this long after a place got free before it takes more, so that those that follow share a claim. */
const gatherMs = 20;

interface Claimed {
  moved: boolean;
  call: ProviderCall | undefined;
}

/** What was recorded of a call, or that another transaction holds its saga. */
type Recorded = { next: ProviderCall | undefined } | 'locked';

/**
 * Drives sagas: claim, call the provider, record the result, and so on until each saga ends or must wait.
 *
 * The provider is called between two transactions: the intent is committed before the call, and the result is recorded in
 * the commit that acts on it. An order without trouble takes three commits: claimed and authorization sent; authorized
 * and capture sent; captured and placed. Sagas that are due at the same time share these commits.
 */
@Injectable()
export class SagaRunner {
  private readonly logger = new Logger('saga');
  private readonly driving = new Set<Promise<boolean>>();
  /** Limits how many sagas are driven at once. They wait before they claim, so that no lease expires while one waits. */
  private readonly slots;
  private readonly claims;
  private readonly results;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    @Inject(GATEWAY) private readonly gateway: PaymentGateway,
    private readonly installation: Installation,
  ) {
    // No limit on waiting: the queue's concurrency and the sweeper's batches limit who comes here.
    const waiting = {
      waitingMax: Infinity,
      overloaded: () => unavailable('This worker has more sagas than it can drive.'),
    };
    this.slots = new AdmissionLimit({ ...waiting, name: 'sagas', insideMax: config.paymentConcurrencyMax });
    const options = { ...waiting, sizeMax: batchSizeMax, inFlightMax: 1 };
    this.claims = new Batcher((batch: string[]) => this.claimAll(batch), { ...options, name: 'saga claims' });
    this.results = new Batcher((batch: CallResult[]) => this.recordAll(batch), {
      ...options,
      name: 'saga answers',
    });
  }

  /** How many more sagas can be driven now. */
  get places(): number {
    return this.slots.free;
  }

  /** Resolves when another saga can be driven. */
  async untilPlace(): Promise<void> {
    if (this.places > 0) return;
    await this.slots.run(() => Promise.resolve());
    await new Promise((resolve) => setTimeout(resolve, gatherMs));
  }

  /** Begins to drive these. Resolves when each is claimed or cannot be. */
  async take(orderIds: string[]): Promise<void> {
    await Promise.all(orderIds.map((id) => new Promise<void>((claimed) => void this.drive(id, claimed))));
  }

  /**
   * Drives one order's saga as far as it goes now. Does nothing when it is not due or another worker drives it. True: the
   * saga moved.
   */
  async drive(orderId: string, onClaimed: () => void = () => undefined): Promise<boolean> {
    const run = this.slots.run(() => this.driveToItsEnd(orderId, onClaimed));
    this.driving.add(run);
    try {
      return await run;
    } finally {
      this.driving.delete(run);
    }
  }

  /** Resolves when this worker drives no saga. */
  async idle(): Promise<void> {
    while (this.driving.size > 0) await Promise.allSettled(this.driving);
  }

  private async driveToItsEnd(orderId: string, onClaimed: () => void): Promise<boolean> {
    let call: ProviderCall | undefined;
    try {
      const claimed = await this.claims.add(orderId);
      onClaimed();
      call = claimed.call;
      while (call) call = await this.record(await this.make(call));
      return claimed.moved;
    } catch (error) {
      await this.noteFailure(orderId, call?.fencingToken, error);
      return false;
    } finally {
      onClaimed();
    }
  }

  /** A saga that another transaction holds is recorded alone, so that no other waits with it. */
  private async record(called: CallResult): Promise<ProviderCall | undefined> {
    let [recorded]: Recorded[] = [await this.results.add(called)];
    if (recorded === 'locked') [recorded] = await this.recordEach([called], lockLeased.waiting);
    if (recorded === 'locked') throw new StaleLease(called.call.orderId);
    return recorded!.next;
  }

  private async claimAll(batch: string[]): Promise<BatchAnswer<Claimed>[]> {
    const calls = await this.moveAll('claim-saga', {
      lock: async (tx) => {
        const locked = await lockForClaim(tx, [...new Set(batch)], driver);
        const ids = locked.map(({ orderId }) => orderId);
        // Those that are not due too: their sagas have moved, or the worker that holds the lease reads what was asked for.
        if (locked.length > 0) await receiveSagaMessages(tx, ids, locked[locked.length - 1]!.now);
        return locked.filter(isDue);
      },
      move: async (_, checkout) => {
        checkout.update.claim();
        return checkout.saga.sweeps > sweepsMax ? park(checkout) : advance(checkout, this.config.sagaLeaseMs);
      },
    });
    return batch.map((orderId) => {
      const call = calls.get(orderId);
      // Of two claims of one order, the first takes it.
      const moved = calls.delete(orderId);
      return { answer: { moved, call } };
    });
  }

  private async recordAll(batch: CallResult[]): Promise<BatchAnswer<Recorded>[]> {
    return (await this.recordEach(batch, lockLeased.skipping)).map((answer) => ({ answer }));
  }

  private async recordEach(
    batch: CallResult[],
    lock: (tx: Tx, leases: ProviderCall[]) => Promise<Saga[]>,
  ): Promise<Recorded[]> {
    const resultOf = new Map(batch.map((called) => [called.call.orderId, called]));
    const leases = batch.map(({ call }) => call);
    const calls = await this.moveAll('record-result', {
      lock: (tx) => lock(tx, leases),
      move: async (tx, checkout) => {
        const called = resultOf.get(checkout.saga.orderId)!;
        if (!applyResult(checkout, called, this.config)) return undefined;
        if (isLateCharge(checkout, called)) await this.settleLateCharge(tx, checkout);
        return advance(checkout, this.config.sagaLeaseMs);
      },
    });
    return leases.map(({ orderId }) => (calls.has(orderId) ? { next: calls.get(orderId) } : 'locked'));
  }

  /** Moves every saga that could be locked, in one transaction. Returns the call that each needs next. */
  private async moveAll(
    name: TransactionName,
    how: {
      lock: (tx: Tx) => Promise<Saga[]>;
      move: (tx: Tx, checkout: Checkout) => Promise<ProviderCall | undefined>;
    },
  ): Promise<Map<string, ProviderCall | undefined>> {
    const committed = stepSeconds.startTimer({ step: lastStep });
    const moved = await this.db.transaction(name, async (tx) => {
      const checkouts = await loadCheckouts(tx, await how.lock(tx), stepsOf);
      const calls: (ProviderCall | undefined)[] = [];
      for (const checkout of checkouts) calls.push(await how.move(tx, checkout));
      await saveCheckouts(tx, checkouts);
      return checkouts.map(({ update }, nth) => ({ update, call: calls[nth] }));
    });
    if (moved.some(({ update }) => update.saga.status === 'completed')) committed();
    for (const { update } of moved) this.reportStuck(update);
    return new Map(moved.map(({ update, call }) => [update.saga.orderId, call]));
  }

  /** Makes one call to the provider, without a transaction. Payment tasks make theirs by it too. */
  async make(call: ProviderCall): Promise<CallResult> {
    const { operation } = call;
    await failpoint(`${operation.kind}.before-ask`);
    const received = stepSeconds.startTimer({ step: `${operation.kind}-payment` });
    const sent = this.send(call);
    await failpoint(`${operation.kind}.during-ask`);
    const result = await sent;
    received();
    await failpoint(`${operation.kind}.after-ask`);
    sagaEvents.inc({ event: `${operation.kind}_${result.status}` });
    if (result.status === 'misused') refusedRequests.inc({ code: result.code });
    // guard: fewer-calls-when-busy
    if (result.status === 'unknown' && result.code === 'provider_busy') this.slots.lower();
    // Calls that were held back, or got no answer, do not show that the provider takes more.
    else if (result.status !== 'not-asked' && result.status !== 'unknown') this.slots.raise();
    return { call, result };
  }

  private async send({ operation, naming, ...call }: ProviderCall) {
    const { kind, amount, currency } = operation;
    const { mode, paymentMethod, options, authorization, asksDeadline } = call;
    const installation = naming === 'installation' ? await this.installation.id() : undefined;
    const names = namesOf(operation, installation);
    // The lease outlasts two calls that time out.
    const start = performance.now();
    const mayCallAgain = () => performance.now() - start < this.config.paymentTimeoutMs;
    const request = { ...names, kind, mode, amount, currency, paymentMethod, options, authorization };
    return askProvider(this.gateway, { ...request, asksDeadline }, mayCallAgain);
  }

  /**
   * The order was given up, and its charge arrived late. The order is placed after all if the policy allows it, its stock
   * is still free and the customer did not cancel. Otherwise the money goes back, as for any ended order.
   */
  private async settleLateCharge(tx: Tx, checkout: Checkout): Promise<void> {
    // guard: late-payment-policy
    const mayPlace =
      this.config.latePayment === 'reacquire-else-refund' && checkout.saga.requestedEnd !== 'cancel';
    const again = mayPlace && (await reserveAgain(tx, checkout.order, this.config.reservationTtlSeconds));
    sagaEvents.inc({ event: again ? 'late_placed' : 'late_given_back' });
    if (!again) return;
    checkout.reopen(again);
    checkout.update.apply(
      { type: 'reacquired' },
      { code: 'late_charge', why: 'its charge turned up, and its stock was still there' },
    );
  }

  /**
   * A step that throws costs an attempt and waits for its next run, so that it is neither lost nor repeated at once.
   * While the database is away nothing can be recorded, and nothing must be: the lease expires and the saga is due.
   * `heldToken` is the token of our lease, if we took one.
   */
  private async noteFailure(orderId: string, heldToken: number | undefined, error: unknown): Promise<void> {
    if (error instanceof StaleLease) {
      // The worker that took over continues from what is committed.
      sagaEvents.inc({ event: 'stale_write_refused' });
      return this.logger.warn(error.message);
    }
    if (error instanceof HoldfastError && error.retryable)
      return this.logger.warn(`order ${orderId} waits: ${error.message}`);
    this.logger.error(error, `order ${orderId}`);
    await this.db
      .transaction('note-failure', async (tx) => {
        const saga = await lockSaga(tx, orderId);
        if (!saga || saga.codeVersion > codeVersion) return;
        const held = saga.fencingToken === heldToken;
        if ((isLeased(saga) && !held) || saga.status === 'completed' || saga.status === 'compensated') return;
        const [order] = await orderFactsOf(tx, [orderId]);
        const update = new SagaUpdate(saga, stepsOf(order!));
        if (!held) update.noteLostWorker();
        update.apply({ type: 'failed', counted: held }, failure(error));
        update.giveBackLease();
        await saveSagas(tx, [update], workerName);
      })
      .catch(() => undefined);
  }

  private reportStuck({ saga, records }: SagaUpdate): void {
    if (saga.status !== 'stuck') return;
    sagaEvents.inc({ event: 'stuck' });
    this.logger.error(
      `order ${publicId('ord', saga.orderId)} is stuck at ${saga.step}: ${records.at(-1)?.detail ?? 'see its timeline'}`,
    );
  }
}

/** A bug of ours or a failing machine, not the provider. */
const failure = (error: unknown): Reason => ({
  code: 'step_failed',
  data: { error: error instanceof Error ? error.name : typeof error },
  why: String((error as Error)?.message ?? error),
});

function park({ update }: Checkout): undefined {
  const why = `${sweepsMax} workers took it up and did not come back`;
  update.apply({ type: 'blocked' }, { code: 'workers_lost', data: { workers: sweepsMax }, why });
  update.giveBackLease();
}
