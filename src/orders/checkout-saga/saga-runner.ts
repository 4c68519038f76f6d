import { Inject, Injectable, Logger } from '@nestjs/common';
import { bulkhead } from 'cockatiel';
import type { Config } from '../../config/config';
import { CONFIG } from '../../config/config.module';
import { type BatchAnswer, Batcher } from '../../database/group-commit';
import { Database, type Tx } from '../../database/database';
import { HoldfastError, unavailable } from '../../errors';
import { type TransactionName, failpoint } from '../../failpoints';
import { publicId } from '../../ids';
import { reserveAgain } from '../../inventory/reservations/order-reservations';
import { receiveMessages } from '../../outbox/outbox';
import { Relay } from '../../outbox/relay';
import { GATEWAY, type GatewayAnswer, type PaymentGateway } from '../../payment/gateways/gateway';
import { namesOf } from '../../payment/payment-operations';
import { type Question, goOn, takeIn } from './advance';
import { type Heard, isLateCharge } from './payment-results';
import { type Checkout, loadCheckouts, saveCheckouts } from './checkout';
import { checkoutSteps, lastStep, stepNames } from './checkout.saga';
import { codeVersion } from './code-version';
import type { Saga } from '../saga-state';
import { StaleLease, isLeased, lockDue, lockLeased, lockSaga, saveSagas } from './saga.repository';
import { sagaEvents, stepSeconds } from './saga-metrics';
import type { Reason } from './transition-codes';
import { SagaUpdate, workerName } from './saga-update';

const driver = { codeVersionMax: codeVersion, steps: stepNames };

/** So many workers took a saga up and did not come back from it: it, and not bad luck, is what ends them. */
// guard: saga-sweeps-limit
const sweepsMax = 5;

/** Sagas that share a transaction; as many as are usually in flight at one worker. */
const batchSizeMax = 100;

/** A message that rang for an order. */
export interface WakeUp {
  consumer: string;
  messageId: string;
}

interface Claim {
  orderId: string;
  wakeUp: WakeUp | undefined;
}

interface Claimed {
  moved: boolean;
  question: Question | undefined;
}

interface Answered extends Heard {
  question: Question;
}

/**
 * Drives sagas: claim, ask, record, and so on until each ends or has to wait.
 *
 * The provider is asked between two transactions: the intent is committed before the first byte leaves, and the answer is
 * recorded in the commit that acts on it. An order that meets no trouble takes part in three commits: claim and send;
 * authorized and send; captured and placed. What is due at the same time shares them, however many orders there are.
 */
@Injectable()
export class SagaRunner {
  private readonly logger = new Logger('saga');
  private readonly driving = new Set<Promise<boolean>>();
  /** Whoever finds no place waits before it claims, so that no lease runs out in a queue. */
  private readonly places;
  private readonly claims;
  private readonly answers;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    @Inject(GATEWAY) private readonly gateway: PaymentGateway,
    private readonly relay: Relay,
  ) {
    this.places = bulkhead(config.paymentConcurrencyMax, Number.MAX_SAFE_INTEGER);
    const options = {
      sizeMax: batchSizeMax,
      inFlightMax: 1,
      // The places above bound what can wait here.
      waitingMax: Number.MAX_SAFE_INTEGER,
      overloaded: () => unavailable('This worker has more sagas than it can drive.'),
    };
    this.claims = new Batcher((batch: Claim[]) => this.claimAll(batch), { ...options, name: 'saga claims' });
    this.answers = new Batcher((batch: Answered[]) => this.recordAll(batch), {
      ...options,
      name: 'saga answers',
    });
  }

  /**
   * Drives one order's saga as far as it goes now; does nothing when it is not due or somebody else drives it. With a
   * wake-up job, the message is acknowledged in the same commit as the claim. True: the saga moved.
   */
  async drive(orderId: string, wakeUp?: WakeUp): Promise<boolean> {
    const run = this.places.execute(() => this.driveToItsEnd(orderId, wakeUp));
    this.driving.add(run);
    try {
      return await run;
    } finally {
      this.driving.delete(run);
    }
  }

  /** Resolves when no saga is being driven here any more. */
  async idle(): Promise<void> {
    while (this.driving.size > 0) await Promise.allSettled(this.driving);
  }

  private async driveToItsEnd(orderId: string, wakeUp?: WakeUp): Promise<boolean> {
    let question: Question | undefined;
    try {
      const claimed = await this.claims.add({ orderId, wakeUp });
      question = claimed.question;
      while (question) question = await this.answers.add(await this.ask(question));
      return claimed.moved;
    } catch (error) {
      await this.noteFailure(orderId, question?.fencingToken, error);
      return false;
    }
  }

  private async claimAll(batch: Claim[]): Promise<BatchAnswer<Claimed>[]> {
    const ids = [...new Set(batch.map(({ orderId }) => orderId))];
    const questions = await this.moveAll('claim-saga', {
      lock: async (tx) => {
        await acknowledge(tx, batch);
        return lockDue(tx, ids, driver);
      },
      move: async (_, checkout) => {
        checkout.update.claim();
        return checkout.saga.sweeps > sweepsMax ? park(checkout) : goOn(checkout, this.config.sagaLeaseMs);
      },
    });
    return batch.map(({ orderId }) => {
      const question = questions.get(orderId);
      // A second request for the same order finds it taken.
      const moved = questions.delete(orderId);
      return { answer: { moved, question } };
    });
  }

  private async recordAll(batch: Answered[]): Promise<BatchAnswer<Question | undefined>[]> {
    const heardOf = new Map(batch.map((answered) => [answered.question.orderId, answered]));
    const leases = batch.map(({ question }) => question);
    const questions = await this.moveAll('record-result', {
      lock: (tx) => lockLeased(tx, leases),
      move: async (tx, checkout) => {
        const heard = heardOf.get(checkout.saga.orderId)!;
        if (!takeIn(checkout, heard)) return undefined;
        if (isLateCharge(checkout, heard)) await this.settleLateCharge(tx, checkout);
        return goOn(checkout, this.config.sagaLeaseMs);
      },
    });
    return leases.map(({ orderId }) =>
      questions.has(orderId) ? { answer: questions.get(orderId) } : { error: new StaleLease(orderId) },
    );
  }

  /** Moves every saga that could be locked, in one transaction; returns what is to be asked for each. */
  private async moveAll(
    name: TransactionName,
    how: {
      lock: (tx: Tx) => Promise<Saga[]>;
      move: (tx: Tx, checkout: Checkout) => Promise<Question | undefined>;
    },
  ): Promise<Map<string, Question | undefined>> {
    const committed = stepSeconds.startTimer({ step: lastStep });
    const moved = await this.commit(name, async (tx) => {
      const checkouts = await loadCheckouts(tx, await how.lock(tx), checkoutSteps);
      const questions: (Question | undefined)[] = [];
      for (const checkout of checkouts) questions.push(await how.move(tx, checkout));
      await saveCheckouts(tx, checkouts);
      return checkouts.map(({ update }, nth) => ({ update, question: questions[nth] }));
    });
    if (moved.some(({ update }) => update.saga.status === 'completed')) committed();
    for (const { update } of moved) this.reportStuck(update);
    return new Map(moved.map(({ update, question }) => [update.saga.orderId, question]));
  }

  private async ask(question: Question): Promise<Answered> {
    const { operation } = question;
    await failpoint(`${operation.kind}.before-ask`);
    const heard = stepSeconds.startTimer({ step: `${operation.kind}-payment` });
    const asking = this.call(question);
    await failpoint(`${operation.kind}.during-ask`);
    const answer = await asking;
    heard();
    await failpoint(`${operation.kind}.after-ask`);
    sagaEvents.inc({ event: `${operation.kind}_${answer.status}` });
    return { question, operation, answer };
  }

  private async call({ operation, paymentMethod, authorization }: Question): Promise<GatewayAnswer> {
    const { amount, currency } = operation;
    const request = { ...namesOf(operation), amount, currency };
    if (operation.kind === 'authorize') return this.gateway.authorize({ ...request, paymentMethod });
    if (!authorization) throw new Error(`Bug: ${request.key} has no authorization.`);
    return this.gateway[operation.kind]({ ...request, authorization });
  }

  /**
   * The order was given up, and now its charge turns up. If its stock is still there and the customer did not cancel,
   * the order is placed after all, where the policy allows it; else the money goes back like that of any ended order.
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
   * A step that throws must neither be lost nor be run again at once for ever: it costs an attempt and waits for its next run.
   * While the database is away nothing can be noted, and nothing needs to be: the lease ends and the saga is due.
   * `heldToken` is that of our lease, if we got as far as taking one.
   */
  private async noteFailure(orderId: string, heldToken: number | undefined, error: unknown): Promise<void> {
    if (error instanceof StaleLease) {
      // Whoever took over goes on from what is committed; there is nothing left for us to write.
      sagaEvents.inc({ event: 'stale_write_refused' });
      return this.logger.warn(error.message);
    }
    if (error instanceof HoldfastError && error.retryable)
      return this.logger.warn(`order ${orderId} waits: ${error.message}`);
    this.logger.error(error, `order ${orderId}`);
    await this.commit('note-failure', async (tx) => {
      const saga = await lockSaga(tx, orderId);
      if (!saga || saga.codeVersion > codeVersion) return;
      const held = saga.fencingToken === heldToken;
      if ((isLeased(saga) && !held) || saga.status === 'completed' || saga.status === 'compensated') return;
      const update = new SagaUpdate(saga, checkoutSteps);
      if (!held) update.noteLostWorker();
      update.apply({ type: 'failed', counted: held }, failure(error));
      update.giveBackLease();
      await saveSagas(tx, [update], workerName);
    }).catch(() => undefined);
  }

  private async commit<T>(name: TransactionName, work: (tx: Tx) => Promise<T>): Promise<T> {
    const result = await this.db.transaction(name, work);
    this.relay.poke();
    return result;
  }

  private reportStuck({ saga, records }: SagaUpdate): void {
    if (saga.status !== 'stuck') return;
    sagaEvents.inc({ event: 'stuck' });
    this.logger.error(
      `order ${publicId('ord', saga.orderId)} is stuck at ${saga.step}: ${records.at(-1)?.detail ?? 'see its timeline'}`,
    );
  }
}

async function acknowledge(tx: Tx, batch: Claim[]): Promise<void> {
  const wakeUps = batch.flatMap(({ wakeUp }) => wakeUp ?? []);
  for (const consumer of [...new Set(wakeUps.map((wakeUp) => wakeUp.consumer))].sort()) {
    const own = wakeUps.filter((wakeUp) => wakeUp.consumer === consumer);
    await receiveMessages(
      tx,
      consumer,
      own.map(({ messageId }) => messageId),
    );
  }
}

/** Our own fault, or the machine's: nothing that the provider said. */
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
