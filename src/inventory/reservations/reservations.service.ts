import { Injectable } from '@nestjs/common';
import { type ReasonAndKey, operatorAction } from '../../audit-log/operator-action';
import { type Principal, ownerFilter } from '../../auth/auth.guard';
import { Database, type Tx } from '../../database/database';
import { type IdempotencyClaim, replayOf } from '../../idempotency/idempotency.repository';
import { publicId } from '../../ids';
import { Relay } from '../../outbox/relay';
import { Contention } from '../allocation/contention';
import { reservationLifetimeExceeded } from '../inventory.errors';
import { giveBack } from '../stock/stock-levels.repository';
import { type LinesChange, changeLines } from './reservation-changes';
import { expireAllDue } from './reservation-expiry';
import {
  announce,
  asWritten,
  inFlight,
  isDue,
  next,
  noSuchReservation,
  refuseConfirmed,
  refuseEnded,
  refuseUnlessActive,
  type Reservation,
} from './reservation';
import type { ReservationRequest } from './reservation-request';
import { changeStatus, extendExpiry, findReservation, lockReservation } from './reservations.repository';
import { type OpenIntake, StockIntake } from './stock-intake';

type Creation = ReservationRequest & { claim: IdempotencyClaim };

/** Reservations that shops make and end themselves. What a saga does to an order's reservation is in `order-reservations.ts`. */
@Injectable()
export class ReservationsService {
  private readonly intake: OpenIntake<Creation>;

  constructor(
    private readonly db: Database,
    private readonly relay: Relay,
    private readonly stock: StockIntake,
    private readonly contention: Contention,
  ) {
    this.intake = stock.open({
      name: 'reservations',
      transaction: 'reserve',
      reservationOf: (creation) => creation,
      write: (tx, made) =>
        announce(
          tx,
          'reservation.created',
          made.map(({ reserved: { id, principal, expiresAt } }) => ({
            id,
            principal,
            orderId: null,
            version: 1,
            expiresAt,
          })),
        ),
    });
  }

  /**
   * Takes stock until the TTL ends. `replayed`: this key made the reservation before. `reservation` is there when this
   * request made it and no read is needed to know all of it.
   */
  async create(
    request: ReservationRequest,
    claim: IdempotencyClaim,
  ): Promise<{ id: string; replayed: boolean; reservation?: Reservation }> {
    const { resourceId: id, ...decision } = await this.stock.take(this.intake, { ...request, claim });
    this.relay.poke();
    if (decision.replayed) return { id, replayed: true };
    return { id, replayed: false, reservation: asWritten(decision.decided.reserved) };
  }

  async get(id: string, principal: Principal): Promise<Reservation> {
    const reservation = await findReservation(this.db, id);
    if (!reservation || !mayTouch(reservation, principal)) throw noSuchReservation();
    return reservation;
  }

  /** Moves the end to `ttlSeconds` from now, if that is later. An expired reservation stays expired. */
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
      // The end never moves earlier: a client that asks for less time keeps what it has.
      if (expiresAt <= reservation.expiresAt) return;
      await extendExpiry(tx, reservation, expiresAt);
      await announce(tx, 'reservation.extended', [{ ...next(reservation), expiresAt }]);
    });
  }

  /**
   * Changes the lines by their difference per SKU, all or nothing; the end stays. A repeat under the same key changes
   * nothing.
   */
  async changeLines(
    id: string,
    change: LinesChange,
    key: string,
    principal: Principal,
  ): Promise<{ replayed: boolean }> {
    const request = { id, ...change };
    const claim = { principal: principal.name, operation: 'reservations/change', resourceId: id, request };
    const work = async (tx: Tx) => {
      if (await replayOf(tx, key, claim)) return { replayed: true };
      const reservation = await lockOwn(tx, id, principal);
      refuseUnlessActive(reservation);
      if (await changeLines(tx, reservation, change, this.contention))
        await announce(tx, 'reservation.changed', [next(reservation)]);
      return { replayed: false };
    };
    const { replayed } = await this.stock.change(work);
    this.relay.poke();
    return { replayed };
  }

  /** For shops that charge elsewhere: the stock is sold. A repeat changes nothing. */
  async confirm(id: string, principal: Principal): Promise<void> {
    await this.change(id, principal, async (tx, reservation) => {
      if (reservation.status === 'confirmed') return;
      refuseUnlessActive(reservation);
      await changeStatus(tx, reservation, { to: 'confirmed', endReason: 'confirmed' });
      await announce(tx, 'reservation.confirmed', [next(reservation)]);
    });
  }

  /** Gives the stock back. A repeat, or a release after expiry, changes nothing. */
  async release(id: string, principal: Principal): Promise<void> {
    await this.change(id, principal, async (tx, reservation) => {
      await releaseActive(tx, reservation, 'released by the client');
    });
  }

  /** A release by an operator, recorded in the audit log if it changed anything. True: this key did it before. */
  async forceRelease(id: string, { reason, key }: ReasonAndKey, actor: Principal): Promise<boolean> {
    const { status } = await operatorAction(
      this.db,
      {
        transaction: 'change-reservation',
        actor,
        reason,
        object: { type: 'reservation', id: publicId('rsv', id) },
        once: { key, operation: `reservations/${id}/release` },
      },
      async (tx) => {
        const reservation = await lockOwn(tx, id, actor);
        const isReleased = await releaseActive(tx, reservation, `released by ${actor.name}: ${reason}`);
        if (!isReleased) return undefined;
        const [before, after] = [{ status: reservation.status }, { status: 'released' }];
        return { action: 'reservation.release', before, after };
      },
    );
    this.relay.poke();
    return status === 'replayed';
  }

  /** Ends what is due and puts its stock back on sale; returns how many ended. Safe from any number of processes. */
  expireDue(): Promise<number> {
    return expireAllDue(this.db, () => this.relay.poke());
  }

  private async change(
    id: string,
    principal: Principal,
    work: (tx: Tx, reservation: Reservation) => Promise<void>,
  ): Promise<void> {
    await this.db.transaction('change-reservation', async (tx) => work(tx, await lockOwn(tx, id, principal)));
    this.relay.poke();
  }
}

/** False: it had ended already. Precedence of refusals: confirmed, pinned. */
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

/** Throws when the caller does not own it. */
export async function lockOwn(tx: Tx, id: string, principal: Principal): Promise<Reservation> {
  const reservation = await lockReservation(tx, id);
  if (!reservation || !mayTouch(reservation, principal)) throw noSuchReservation();
  return reservation;
}

const mayTouch = (reservation: Reservation, principal: Principal) =>
  (ownerFilter(principal) ?? reservation.principal) === reservation.principal;
