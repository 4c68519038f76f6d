import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../../config/config';
import { CONFIG } from '../../config/config.module';
import { type BatchAnswer, Batcher } from '../../database/group-commit';
import { Database, type Isolation, type Tx } from '../../database/database';
import { unavailable } from '../../errors';
import { operatorAction } from '../../audit-log/operator-action';
import { type Principal, ownerFilter } from '../../auth/auth.guard';
import { type Decision, type IdempotencyClaim, decideOnce, replayOf } from '../../idempotency/idempotency';
import { publicId } from '../../ids';
import { Relay } from '../../outbox/relay';
import { Admission, type Alone, intakeBatching } from '../allocation/admission';
import { watchIntake } from '../allocation/demand';
import { InsufficientStock, type Shortfall, reservationLifetimeExceeded } from '../inventory.errors';
import { type LinesChange, changeLines } from './reservation-changes';
import { expireAllDue, expireDueOf } from './reservation-expiry';
import { announce } from './reservation-messages';
import {
  inFlight,
  isDue,
  noSuchReservation,
  refuseConfirmed,
  refuseEnded,
  refuseUnlessActive,
} from './reservation-rules';
import {
  type Reservation,
  changeStatus,
  extendExpiry,
  findReservation,
  lockReservation,
} from './reservations.repository';
import { reserveAlone, reserveTogether } from './reserve';
import type { ReservationRequest } from './reservation-request';
import type { Entered } from '../allocation/strategies/strategy';
import { giveBack, readLevels } from '../stock/stock-levels';
import { gather } from '../stock/transfers';

/** How often a buyer who is short looks again while units come free; whoever loses that often met real rivals. */
const shortTriesMax = 3;

type Creation = ReservationRequest & { claim: IdempotencyClaim };

/** `replayed`: this key had made it before. */
export interface Created {
  id: string;
  replayed: boolean;
}

const created = ({ resourceId, replayed }: Exclude<Decision<object>, { refused: unknown }>): Created => ({
  id: resourceId,
  replayed,
});

/** Reservations that shops make and end themselves. What an order's saga does to its reservation is in `order-reservations.ts`. */
@Injectable()
export class ReservationsService {
  private readonly batcher: Batcher<Creation, Created>;
  /** Buyers who are short of the same SKUs at the same time are served by one look. */
  private readonly looks: Batcher<Shortfall[], boolean>;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly admission: Admission,
    private readonly relay: Relay,
  ) {
    this.batcher = new Batcher((batch) => this.createBatch(batch), intakeBatching('reservations', config));
    this.looks = new Batcher((batch) => this.mayFit(batch), intakeBatching('expiry looks', config));
  }

  /** Takes stock until the TTL ends. The same key and body again: the same reservation as it stands now. */
  async create(request: ReservationRequest, claim: IdempotencyClaim): Promise<Created> {
    const creation = { ...request, claim };
    const skus = request.lines.map(({ sku }) => sku);
    const take = () =>
      this.admission.admit(skus, {
        together: (lane) => this.batcher.add(creation, lane),
        alone: (way) => this.createAlone(creation, way),
      });
    const created = await watchIntake(skus, () => this.expiringWhenShort(take));
    this.relay.poke();
    return created;
  }

  private createAlone(creation: Creation, way?: Alone): Promise<Created> {
    return this.transact(async (tx) => {
      const [decision] = await this.createAll(tx, [creation], way?.entered);
      if ('refused' in decision!) throw decision.refused;
      return created(decision!);
    }, way?.isolation);
  }

  private async createBatch(batch: Creation[]): Promise<BatchAnswer<Created>[]> {
    // A lone one may leave rows behind when it is refused, so it is refused by throwing.
    if (batch.length === 1) return [{ answer: await this.createAlone(batch[0]!) }];
    const decisions = await this.transact((tx) => this.createAll(tx, batch));
    return decisions.map((decision) =>
      'refused' in decision ? { error: decision.refused } : { answer: created(decision) },
    );
  }

  private createAll(tx: Tx, creations: Creation[], entered?: Entered) {
    return decideOnce(tx, creations, async (first) => {
      const lifetimeSecondsMax = this.config.reservationLifetimeSecondsMax;
      const outcomes =
        creations.length === 1
          ? [await reserveAlone(tx, first[0]!, lifetimeSecondsMax, entered)]
          : await reserveTogether(tx, first, lifetimeSecondsMax);
      const reserved = outcomes.flatMap((outcome) => ('reserved' in outcome ? [outcome.reserved] : []));
      await announce(
        tx,
        'reservation.created',
        reserved.map(({ id, expiresAt }) => ({ id, orderId: null, version: 1, expiresAt })),
      );
      return outcomes;
    });
  }

  private transact<T>(work: (tx: Tx) => Promise<T>, isolation?: Isolation): Promise<T> {
    return this.db.transaction('reserve', work, { isolation, rerunWhenCommitIsUnknown: true });
  }

  /**
   * Runs `take`; when stock is short, ends the due reservations of these SKUs and runs it again, so that a buyer never
   * waits for the sweeper. Expiring has a transaction of its own: it locks reservations before stock rows. It refuses
   * nobody whose units are there, only out of reach.
   */
  async expiringWhenShort<T>(take: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await take();
      } catch (error) {
        if (!(error instanceof InsufficientStock)) throw error;
        if (tries === shortTriesMax) throw error.isTrue ? error : overtaken();
        // A unit that was seen, and is gone when we look again, makes that refusal a lie: the next one is true.
        if (!(await this.looks.add(error.shortfalls)) && error.isTrue) throw error;
      }
    }
  }

  /** Ends what is due of these SKUs; true when by now, by our hand or another's, there is as much as was asked for. */
  private async mayFit(batch: Shortfall[][]): Promise<BatchAnswer<boolean>[]> {
    const skus = [...new Set(batch.flat().map(({ sku }) => sku))];
    await expireDueOf(this.db, skus, () => this.relay.poke());
    const levels = await readLevels(this.db, skus);
    const available = new Map(levels.map((level) => [level.sku, level.onHand - level.reserved]));
    const fits = ({ sku, requested, held = 0 }: Shortfall) => (available.get(sku) ?? 0) + held >= requested;
    // Summed over pools, and a strategy looks only where the stock belongs.
    await gather(this.db, [
      ...new Set(
        batch
          .flat()
          .filter(fits)
          .map(({ sku }) => sku),
      ),
    ]);
    return batch.map((shortfalls) => ({ answer: shortfalls.every(fits) }));
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
      // Never nearer: a client that asks for less than it has keeps what it has.
      if (expiresAt <= reservation.expiresAt) return;
      await extendExpiry(tx, reservation, expiresAt);
      await announce(tx, 'reservation.extended', [{ ...next(reservation), expiresAt }]);
    });
  }

  /**
   * Changes its lines by their difference per SKU, all or nothing; its end stays. The same key and body again: the
   * reservation as it stands now.
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
      if (await changeLines(tx, reservation, change))
        await announce(tx, 'reservation.changed', [next(reservation)]);
      return { replayed: false };
    };
    const take = () =>
      this.admission.passAlone(() =>
        this.db.transaction('change-lines', work, { rerunWhenCommitIsUnknown: true }),
      );
    const { replayed } = await watchIntake([], () => this.expiringWhenShort(take));
    this.relay.poke();
    return { replayed };
  }

  /** For shops that charge elsewhere: the stock is sold. Again: the same answer. */
  async confirm(id: string, principal: Principal): Promise<void> {
    await this.change(id, principal, async (tx, reservation) => {
      if (reservation.status === 'confirmed') return;
      refuseUnlessActive(reservation);
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

  /** The same by an operator's hand, kept in the audit log when it changed anything. True: this key did it before. */
  async forceRelease(
    id: string,
    { reason, key }: { reason: string; key?: string },
    actor: Principal,
  ): Promise<boolean> {
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

const overtaken = () =>
  unavailable(
    'Others were faster, and units have come free since. Nothing was taken; send the same request again in a second.',
  );

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

async function lockOwn(tx: Tx, id: string, principal: Principal): Promise<Reservation> {
  const reservation = await lockReservation(tx, id);
  if (!reservation || !mayTouch(reservation, principal)) throw noSuchReservation();
  return reservation;
}

const mayTouch = (reservation: Reservation, principal: Principal) =>
  (ownerFilter(principal) ?? reservation.principal) === reservation.principal;

const next = ({ id, orderId, version }: Reservation) => ({ id, orderId, version: version + 1 });
