import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../config';
import { CONFIG } from '../config.module';
import { Database, type Tx } from '../database/database';
import { recordAction } from '../http/admin-actions';
import { type Principal, ownerFilter } from '../http/auth';
import { type IdempotencyClaim, alreadyDone, claimKeys, reusedKey } from '../idempotency/idempotency';
import { newId, publicId } from '../ids';
import { appendMessages, type MessageType } from '../outbox/outbox';
import { Relay } from '../outbox/relay';
import { InsufficientStock, reservationHasOrder, reservationLifetimeExceeded } from './inventory.errors';
import { inFlight, isDue, noSuchReservation, refuseConfirmed, refuseEnded } from './reservation-rules';
import {
  type Reservation,
  changeStatus,
  expireDueRows,
  extendExpiry,
  findReservation,
  lockReservation,
} from './reservations.repository';
import { type ReservationRequest, reserve } from './reserve';
import { giveBack } from './stock-levels';

/** A thousand buyers' time may end in the same second; each pass ends so many and lets others at the stock rows. */
const expireBatchSizeMax = 200;

/** Reservations that shops make and end themselves. What an order's saga does to its reservation is in `held-stock.ts`. */
@Injectable()
export class ReservationsService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly relay: Relay,
  ) {}

  /** Takes stock until the TTL ends. The same key and body again: the same reservation as it stands now. */
  async create(
    request: ReservationRequest,
    claim: IdempotencyClaim,
  ): Promise<{ id: string; replayed: boolean }> {
    const answer = await this.expiringWhenShort(request, () =>
      this.db.transaction(
        async (tx) => {
          const [found] = await claimKeys(tx, [claim]);
          if (!found!.first) {
            if ('reused' in found!) throw reusedKey();
            return { id: found!.resourceId, replayed: true };
          }
          const [outcome] = await reserve(tx, [request], this.config.reservationLifetimeSecondsMax);
          if ('refused' in outcome!) throw outcome.refused;
          await announce(
            tx,
            'reservation.created',
            [{ id: request.id, orderId: null, version: 1 }],
            outcome!.reserved.expiresAt,
          );
          return { id: request.id, replayed: false };
        },
        { rerunWhenCommitIsUnknown: true },
      ),
    );
    this.relay.poke();
    return answer;
  }

  /**
   * Runs `take`; when stock is short, ends the due reservations of these SKUs and runs it once more, so that a buyer
   * never waits for the sweeper. Expiring has a transaction of its own: it locks reservations before stock rows.
   */
  async expiringWhenShort<T>({ lines }: { lines: { sku: string }[] }, take: () => Promise<T>): Promise<T> {
    try {
      return await take();
    } catch (error) {
      if (!(error instanceof InsufficientStock)) throw error;
      const freed = await this.expireDue([...new Set(lines.map((line) => line.sku))].sort());
      if (freed === 0) throw error;
      return take();
    }
  }

  async get(id: string, principal: Principal): Promise<Reservation> {
    const reservation = await findReservation(this.db, id);
    if (!reservation || !mayTouch(reservation, principal)) throw noSuchReservation();
    return reservation;
  }

  /** Moves the end to `ttlSeconds` from now, if that is later. An expired reservation never comes back to life. */
  async extend(id: string, ttlSeconds: number, principal: Principal): Promise<void> {
    await this.change(id, principal, async (tx, reservation) => {
      refuseEnded(reservation);
      if (reservation.status === 'pinned') throw inFlight(reservation);
      const expiresAt = new Date(reservation.now.getTime() + ttlSeconds * 1_000);
      if (expiresAt > reservation.maxExpiresAt) {
        throw reservationLifetimeExceeded(
          `It can last until ${reservation.maxExpiresAt.toISOString()} at most. Ask for a shorter time, or check out now.`,
          { maxExpiresAt: reservation.maxExpiresAt.toISOString() },
        );
      }
      await extendExpiry(tx, reservation, expiresAt);
      await announce(tx, 'reservation.extended', [next(reservation)], expiresAt);
    });
  }

  /** For shops that charge elsewhere: the stock is sold. Again: the same answer. */
  async confirm(id: string, principal: Principal): Promise<void> {
    await this.change(id, principal, async (tx, reservation) => {
      if (reservation.status === 'confirmed') return;
      refuseEnded(reservation);
      if (reservation.status === 'pinned') throw inFlight(reservation);
      if (reservation.orderId) {
        throw reservationHasOrder(
          `Order ${publicId('ord', reservation.orderId)} will confirm it when its charge is captured.`,
        );
      }
      await changeStatus(tx, reservation, { to: 'confirmed', endReason: 'confirmed' });
      await announce(tx, 'reservation.confirmed', [next(reservation)]);
    });
  }

  /** Gives the stock back. Again, or after it expired: the same answer, for there is nothing left to give. */
  async release(id: string, principal: Principal): Promise<void> {
    await this.change(id, principal, async (tx, reservation) => {
      await releaseActive(tx, reservation, 'released by the client');
    });
  }

  /** The same by an operator's hand, kept in the audit log when it changed anything. */
  async forceRelease(
    id: string,
    { reason, key }: { reason: string; key?: string },
    actor: Principal,
  ): Promise<void> {
    await this.change(id, actor, async (tx, reservation) => {
      const operation = `reservations/${id}/release`;
      if (
        await alreadyDone(tx, key, {
          principal: actor.name,
          operation,
          resourceId: newId(),
          request: { reason },
        })
      )
        return;
      if (!(await releaseActive(tx, reservation, `released by ${actor.name}: ${reason}`))) return;
      await recordAction(tx, actor, {
        action: 'reservation.release',
        objectType: 'reservation',
        objectId: publicId('rsv', id),
        reason,
        before: { status: reservation.status },
        after: { status: 'released' },
      });
    });
  }

  /** Ends what is due and puts its stock back on sale; returns how many ended. Safe from any number of processes. */
  async expireDue(skus: string[] | null = null): Promise<number> {
    let total = 0;
    for (;;) {
      const ended = await this.db.transaction(async (tx) => {
        const rows = await expireDueRows(tx, expireBatchSizeMax, skus);
        await giveBack(
          tx,
          rows.map((row) => row.id),
        );
        await announce(tx, 'reservation.expired', rows);
        return rows.length;
      });
      total += ended;
      if (ended > 0) this.relay.poke();
      if (ended < expireBatchSizeMax) return total;
    }
  }

  private async change(
    id: string,
    principal: Principal,
    work: (tx: Tx, reservation: Reservation) => Promise<void>,
  ): Promise<void> {
    await this.db.transaction(async (tx) => {
      const reservation = await lockReservation(tx, id);
      if (!reservation || !mayTouch(reservation, principal)) throw noSuchReservation();
      await work(tx, reservation);
    });
    this.relay.poke();
  }
}

/** False: there was nothing left to give back. Precedence of refusals: confirmed, pinned. */
async function releaseActive(tx: Tx, reservation: Reservation, endReason: string): Promise<boolean> {
  if (reservation.status === 'released' || reservation.status === 'expired' || isDue(reservation))
    return false;
  refuseConfirmed(reservation);
  if (reservation.status === 'pinned') throw inFlight(reservation);
  await changeStatus(tx, reservation, { to: 'released', endReason });
  await giveBack(tx, [reservation.id]);
  await announce(tx, 'reservation.released', [next(reservation)]);
  return true;
}

const mayTouch = (reservation: Reservation, principal: Principal) =>
  (ownerFilter(principal) ?? reservation.principal) === reservation.principal;

const next = (reservation: Reservation) => ({ ...reservation, version: reservation.version + 1 });

async function announce(
  tx: Tx,
  type: MessageType,
  reservations: { id: string; orderId: string | null; version: number }[],
  expiresAt?: Date,
): Promise<void> {
  await appendMessages(
    tx,
    reservations.map(({ id, orderId, version }) => ({
      aggregateType: 'reservation',
      aggregateId: id,
      sequence: version,
      type,
      payload: { orderId, expiresAt: expiresAt?.toISOString() },
    })),
  );
}
