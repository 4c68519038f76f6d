import { Inject, Injectable, Logger } from '@nestjs/common';
import { bulkhead } from 'cockatiel';
import type { Config } from '../../config';
import { CONFIG } from '../../config.module';
import { Database, type Tx } from '../../database/database';
import { HoldfastError } from '../../errors';
import { type TransactionName, failpoint } from '../../failpoints';
import { publicId } from '../../ids';
import { reserveAgain } from '../../inventory/held-stock';
import { receiveMessage } from '../../outbox/outbox';
import { Relay } from '../../outbox/relay';
import { GATEWAY, type GatewayAnswer, type PaymentGateway } from '../../payment/gateways/gateway';
import { type PaymentOperation, markSent } from '../../payment/payment-operations';
import { endOrder, reopenOrder } from '../orders.repository';
import { type Heard, isForgotten, isLateCharge, recordHeard } from './answers';
import { codeVersion, stepNamed, stepNames } from './checkout.saga';
import type { Saga, StepOutcome } from './saga';
import { StaleLease, claimSaga, lockLeased, lockSaga } from './saga.repository';
import { sagaEvents } from './saga-metrics';
import { type SagaEvent, canTurnBack } from './transitions';
import { Turn, workerName } from './turn';

const driver = { owner: workerName, codeVersionMax: codeVersion, steps: stepNames };

/** So many workers took a saga up and did not come back from it: it, and not bad luck, is what ends them. */
const sweepsMax = 5;

/** What the provider is to be asked before the saga can go on. */
interface Question {
  saga: Saga;
  operation: PaymentOperation;
  authorization?: string;
}

/**
 * Drives sagas: claim, ask, record, and so on until the saga ends or has to wait.
 *
 * A step runs in the transaction that holds the saga's row; the provider is asked between two of them. The intent is
 * committed before the first byte leaves, and the answer is recorded in the commit that acts on it. An order that meets
 * no trouble takes three commits: claim and send; authorized and send; captured and placed.
 */
@Injectable()
export class SagaRunner {
  private readonly logger = new Logger('saga');
  private readonly driving = new Set<Promise<boolean>>();
  /** Whoever finds no place waits before it claims, so that no lease runs out in a queue. */
  private readonly places;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    @Inject(GATEWAY) private readonly gateway: PaymentGateway,
    private readonly relay: Relay,
  ) {
    this.places = bulkhead(config.paymentConcurrencyMax, Number.MAX_SAFE_INTEGER);
  }

  /**
   * Drives one order's saga as far as it goes now; does nothing when it is not due or somebody else drives it. With a
   * doorbell, the message is acknowledged in the same commit as the claim. True: the saga moved.
   */
  async drive(orderId: string, doorbell?: { consumer: string; messageId: string }): Promise<boolean> {
    const run = this.places.execute(() => this.driveToItsEnd(orderId, doorbell));
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

  private async driveToItsEnd(
    orderId: string,
    doorbell?: { consumer: string; messageId: string },
  ): Promise<boolean> {
    let question: Question | undefined;
    let moved = false;
    try {
      question = await this.commit('claim-saga', async (tx) => {
        if (doorbell) await receiveMessage(tx, doorbell.consumer, doorbell.messageId);
        const saga = await claimSaga(tx, orderId, driver);
        moved = saga !== undefined;
        return saga && (saga.sweeps > sweepsMax ? this.park(tx, saga) : this.advance(tx, saga));
      });
      while (question) question = await this.askAndRecord(question);
      return moved;
    } catch (error) {
      await this.noteFailure(orderId, question?.saga.fencingToken, error);
      return false;
    }
  }

  private async askAndRecord(question: Question): Promise<Question | undefined> {
    const { saga, operation } = question;
    await failpoint(`${operation.kind}.before-ask`);
    const asking = this.ask(question);
    await failpoint(`${operation.kind}.during-ask`);
    const answer = await asking;
    await failpoint(`${operation.kind}.after-ask`);
    sagaEvents.inc({ event: `${operation.kind}_${answer.status}` });
    return this.commit('record-answer', async (tx) =>
      this.advance(tx, await lockLeased(tx, saga.orderId, saga.fencingToken), { operation, answer }),
    );
  }

  /**
   * A step that throws must neither be lost nor be run again at once for ever: it costs an attempt and waits its turn.
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
      const held = saga?.fencingToken === heldToken;
      if (!saga || (saga.leased && !held) || saga.status === 'completed' || saga.status === 'compensated')
        return;
      const turn = new Turn(saga);
      turn.apply({ type: 'failed', counted: held }, String((error as Error)?.message ?? error));
      await turn.save(tx, { nextRunAt: turn.nextRunAt(), leaseExpiresAt: null });
    }).catch(() => undefined);
  }

  private async commit<T>(name: TransactionName, work: (tx: Tx) => Promise<T>): Promise<T> {
    const result = await this.db.transaction(name, work);
    this.relay.poke();
    return result;
  }

  private async park(tx: Tx, saga: Saga): Promise<undefined> {
    const turn = new Turn(saga);
    turn.apply({ type: 'blocked' }, `${sweepsMax} workers took it up and did not come back`);
    await turn.save(tx, { nextRunAt: null, leaseExpiresAt: null });
    return this.reportStuck(turn);
  }

  /** Runs steps until one has a question for the provider, or the saga has ended or must wait. Saves it once. */
  private async advance(tx: Tx, saga: Saga, heard?: Heard): Promise<Question | undefined> {
    const turn = new Turn(saga);
    const pause = heard && (await recordHeard(tx, turn.saga, heard));
    if (pause) turn.apply(pause.event, pause.why);
    else if (heard && isLateCharge(turn.saga, heard)) await this.settleLateCharge(tx, turn);

    for (let goesOn = !pause; goesOn;) {
      if (turn.saga.wanted === 'cancel' && canTurnBack(turn.saga)) {
        turn.apply({ type: 'turn-back', by: 'cancel' }, 'the customer cancelled');
      }
      const step = stepNamed(turn.saga.step);
      const outcome = turn.saga.endsAs ? await step.compensate(tx, turn.saga) : await step.run(tx, turn.saga);
      if (outcome.kind === 'ask') return this.send(tx, turn, outcome);
      turn.apply(...eventOf(outcome));
      if (turn.saga.status === 'compensated') await endOrder(tx, turn.saga);
      goesOn = turn.nextRun === 'now';
    }
    const wishedMs = heard && 'retryAfterMs' in heard.answer ? heard.answer.retryAfterMs : undefined;
    await turn.save(tx, { nextRunAt: turn.nextRunAt(wishedMs), leaseExpiresAt: null });
    if (turn.saga.status === 'stuck') this.reportStuck(turn);
    return undefined;
  }

  /**
   * The order was given up, and now its charge turns up. If its stock is still there and the customer did not cancel,
   * the order is placed after all, where the policy allows it; else the money goes back like that of any ended order.
   */
  private async settleLateCharge(tx: Tx, turn: Turn): Promise<void> {
    const { reservationId, orderId, wanted } = turn.saga;
    const mayPlace = this.config.latePayment === 'reacquire-else-refund' && wanted !== 'cancel';
    const again =
      mayPlace && (await reserveAgain(tx, reservationId, orderId, this.config.reservationTtlSeconds));
    sagaEvents.inc({ event: again ? 'late_placed' : 'late_given_back' });
    if (!again) return;
    await reopenOrder(tx, orderId, again);
    turn.saga = { ...turn.saga, reservationId: again };
    turn.apply({ type: 'reacquired' }, 'its charge turned up, and its stock was still there');
  }

  /** Commits the intent, under a lease that outlasts the call. The saga is due again the moment that lease ends. */
  private async send(
    tx: Tx,
    turn: Turn,
    outcome: Extract<StepOutcome, { kind: 'ask' }>,
  ): Promise<Question | undefined> {
    if (isForgotten(outcome.operation, turn.saga.now)) {
      turn.apply({ type: 'blocked' }, 'unheard for so long that the provider may have forgotten its key');
      await turn.save(tx, { nextRunAt: null, leaseExpiresAt: null });
      return this.reportStuck(turn);
    }
    turn.apply({ type: 'asked' }, outcome.operation.kind);
    await markSent(tx, outcome.operation, turn.saga.now);
    const leaseEnd = new Date(turn.saga.now.getTime() + this.config.sagaLeaseMs);
    await turn.save(tx, { nextRunAt: leaseEnd, leaseExpiresAt: leaseEnd });
    return { saga: turn.saga, operation: outcome.operation, authorization: outcome.authorization };
  }

  private async ask({ saga, operation, authorization }: Question): Promise<GatewayAnswer> {
    const named = {
      operationId: publicId('pay', operation.id),
      orderId: publicId('ord', saga.orderId),
      amount: operation.amount,
      currency: operation.currency,
    };
    if (operation.kind === 'authorize')
      return this.gateway.authorize({ ...named, paymentMethod: saga.paymentMethod });
    if (!authorization)
      throw new Error(`Bug: ${operation.kind} of ${named.orderId} without an authorization.`);
    return this.gateway[operation.kind]({ ...named, authorization });
  }

  private reportStuck(turn: Turn): undefined {
    sagaEvents.inc({ event: 'stuck' });
    this.logger.error(
      `order ${publicId('ord', turn.saga.orderId)} is stuck at ${turn.saga.step}: ${turn.records.at(-1)?.detail ?? 'see its timeline'}`,
    );
  }
}

function eventOf(outcome: Exclude<StepOutcome, { kind: 'ask' }>): [SagaEvent, string?] {
  switch (outcome.kind) {
    case 'done':
      return [{ type: 'done' }];
    case 'declined':
      return [{ type: 'declined', endsAs: outcome.endsAs }, outcome.why];
    case 'blocked':
      return [{ type: 'blocked' }, outcome.why];
  }
}
