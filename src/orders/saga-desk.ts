import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../database/database';
import { unavailable } from '../errors';
import { recordAction } from '../http/admin-actions';
import type { Principal } from '../http/auth';
import { alreadyDone } from '../idempotency/idempotency';
import { newId, publicId } from '../ids';
import { undoReservation } from '../inventory/held-stock';
import { Relay } from '../outbox/relay';
import { operationsOf } from '../payment/payment-operations';
import { isForgotten, isUnheard } from './checkout-saga/answers';
import { codeVersion } from './checkout-saga/checkout.saga';
import type { Saga } from './checkout-saga/saga';
import { lockSaga } from './checkout-saga/saga.repository';
import { Turn } from './checkout-saga/turn';
import { noSuchOrder } from './orders.service';
import { sagaDriven, sagaGoesBack, sagaNotStuck, sagaSettled } from './orders.errors';
import { endOrder } from './orders.repository';

/**
 * What an operator can do about a saga.
 *
 * retry       ask again now, under the same keys, so it cannot charge twice
 * compensate  undo everything, whatever step it is at: refund or void, stock back on sale, order rejected as cancelled
 * resolve     the order was settled elsewhere, or is given up: it ends now and its stock goes back on sale. No money that
 *             was heard of is moved; what was never heard goes on being asked for, and a charge that turns up is treated
 *             as late (LATE_PAYMENT)
 */
export type DeskAct = 'retry' | 'compensate' | 'resolve';

/** The stuck-saga desk. Every act is checked and recorded under the saga's lock, and done at most once per key. */
@Injectable()
export class SagaDesk {
  constructor(
    private readonly db: Database,
    private readonly relay: Relay,
  ) {}

  /** True: this key did it before. Precedence of refusals: no such order, settled, driven right now, not possible. */
  async act(
    act: DeskAct,
    orderId: string,
    { reason, key }: { reason: string; key?: string },
    actor: Principal,
  ): Promise<boolean> {
    const replayed = await this.db.transaction(
      'desk',
      async (tx) => {
        const request = {
          principal: actor.name,
          operation: `orders/${orderId}/saga/${act}`,
          resourceId: newId(),
        };
        if (await alreadyDone(tx, key, { ...request, request: { reason } })) return true;
        await this.move(tx, act, orderId, reason, actor);
        return false;
      },
      { rerunWhenCommitIsUnknown: key !== undefined },
    );
    this.relay.poke();
    return replayed;
  }

  private async move(tx: Tx, act: DeskAct, orderId: string, reason: string, actor: Principal): Promise<void> {
    const saga = await lockSaga(tx, orderId);
    if (!saga) throw noSuchOrder();
    refuse(act, saga);

    const turn = new Turn(saga);
    const detail = `${act} by ${actor.name}: ${reason}`;
    if (act === 'retry') turn.apply({ type: 'retried' }, detail);
    if (act === 'compensate') turn.apply({ type: 'compensated-by-hand' }, detail);
    if (act === 'resolve') await giveUp(tx, turn, detail);
    await turn.save(tx, { nextRunAt: turn.nextRunAt(), leaseExpiresAt: null });
    await recordAction(tx, actor, {
      action: `saga.${act}`,
      objectType: 'order',
      objectId: publicId('ord', orderId),
      reason,
      before: shown(saga),
      after: shown(turn.saga),
    });
  }
}

/** The order ends before its money is settled; the saga goes on while a charge may still turn up. */
async function giveUp(tx: Tx, turn: Turn, detail: string): Promise<void> {
  const { orderId, reservationId, now } = turn.saga;
  const operations = await operationsOf(tx, orderId);
  const unheard = operations.some((operation) => isUnheard(operation) && !isForgotten(operation, now));
  turn.apply({ type: 'given-up', unheard }, detail);
  await undoReservation(tx, reservationId, orderId, `order given up: ${detail}`);
  await endOrder(tx, turn.saga);
}

function refuse(act: DeskAct, saga: Saga & { leased: boolean }): void {
  if (saga.codeVersion > codeVersion)
    throw unavailable('A newer version of this service drives the order. Ask again in a second.');
  if (saga.status === 'completed' || saga.status === 'compensated') {
    throw sagaSettled(
      saga.status === 'completed'
        ? 'The order is placed. To give it back, cancel or refund it.'
        : 'Everything is undone already.',
    );
  }
  if (saga.leased)
    throw sagaDriven('A worker is asking the provider at this moment. Look again in a few seconds.');
  if (act === 'compensate' && saga.endsAs)
    throw sagaGoesBack('It is being compensated already. Retry it, or mark it as resolved.');
  if (act === 'resolve' && saga.status !== 'stuck' && saga.attempt === 0)
    throw sagaNotStuck('It is neither stuck nor waiting for an answer. Compensate it, or let it run.');
}

const shown = ({ status, step, attempt, endsAs }: Saga) => ({ status, step, attempt, endsAs });
