import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { AdmissionLimit } from '../../database/admission-limit';
import { Database, type Tx } from '../../database/database';
import { type BatchAnswer, Batcher, type BatcherOptions } from '../../database/group-commit';
import { unavailable } from '../../errors';
import { failpoint } from '../../failpoints';
import { type Decision, type IdempotencyClaim, decideOnce } from '../../idempotency/idempotency.repository';
import { Relay } from '../../outbox/relay';
import { CurrentStrategies, isGrouped } from '../allocation/current-strategies';
import { DemandMetrics } from '../allocation/demand-metrics';
import type { Surroundings } from '../allocation/strategies/strategy';
import { InsufficientStock, type Shortfall } from '../inventory.errors';
import { availableIn } from '../products/pools';
import { readLevels } from '../stock/stock-levels.repository';
import { gather } from '../stock/transfers';
import { expireDueOf } from './reservation-expiry';
import type { ReservationRequest } from './reservation-request';
import type { Reserved } from './reservation';
import { StockReserver } from './stock-reserver';

/** Batches that one process may have in flight. Two cores commit no more at once, and each SKU has one lane only. */
const lanesMax = 4;
/** Beyond this a larger batch only makes its first requests wait for its last. */
const batchSizeMax = 256;
/** Connections that single requests leave to the lanes, and to requests that confirm, cancel, pay or read. */
const connectionsLeft = 2 * lanesMax;
/** How often a request that is short of stock tries again while units come free; losing that often means real rivals. */
const shortTriesMax = 3;

interface KeyedRequest {
  claim: IdempotencyClaim;
  lines: { sku: string }[];
}

/** A kind of request that takes stock: what it asks for, and what it writes beside its reservation. */
export interface IntakeKind<Q extends KeyedRequest> {
  name: 'orders' | 'reservations';
  transaction: 'intake' | 'reserve';
  reservationOf(request: Q): ReservationRequest;
  /** Writes what belongs to the new reservations, in their transaction. */
  write(tx: Tx, made: { request: Q; reserved: Reserved }[]): Promise<void>;
}

/** A kind with its own groups of requests. */
export interface OpenIntake<Q extends KeyedRequest> extends IntakeKind<Q> {
  groups: Batcher<Q, Accepted>;
}

type Decided = Decision<{ reserved: Reserved }>;
/** An accepted request: done before under the same key, or decided now. */
export type Accepted = Exclude<Decided, { refused: unknown }>;

/**
 * Takes stock inside a request, for orders and reservations alike. All that such a request writes is written in one
 * transaction: idempotency key, stock, reservation, and what its kind adds. All of it is there or none of it.
 *
 * Requests whose SKUs are all grouped share a transaction with others of their lane. All others are single: they wait at
 * the admission limit and have their own transaction. A SKU is always in the same lane, so that no two batches of a process
 * wait for each other at one stock row.
 *
 * take → retryWhenShort → admit → takeSingle or takeGroup → decide. `decide` claims the idempotency keys (`decideOnce`),
 * takes stock and inserts reservations (`StockReserver`), and lets the kind write the rest.
 */
@Injectable()
export class StockIntake {
  private readonly limit: AdmissionLimit;
  /** Requests that are short of stock at the same time share one search. */
  private readonly searches: Batcher<Shortfall[], boolean>;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly relay: Relay,
    private readonly strategies: CurrentStrategies,
    private readonly demand: DemandMetrics,
    private readonly reserver: StockReserver,
  ) {
    const { databasePoolMax, intakeWaitMsMax, intakeWaitingMax } = config;
    this.limit = new AdmissionLimit({
      name: 'alone',
      insideMax: Math.max(1, databasePoolMax - connectionsLeft),
      waitingMax: intakeWaitingMax,
      // guard: intake-wait-limit
      waitMsMax: intakeWaitMsMax,
      overloaded: busy,
    });
    this.searches = new Batcher((batch) => this.search(batch), this.grouping('expiry looks'));
  }

  /** Once for each kind, by the service that has it. */
  open<Q extends KeyedRequest>(kind: IntakeKind<Q>): OpenIntake<Q> {
    const opened: OpenIntake<Q> = {
      ...kind,
      groups: new Batcher((batch) => this.takeGroup(opened, batch), this.grouping(kind.name)),
    };
    return opened;
  }

  /** Takes the stock of one request, or throws why not; a refusal leaves nothing behind, its key included. */
  take<Q extends KeyedRequest>(kind: OpenIntake<Q>, request: Q): Promise<Accepted> {
    const skus = request.lines.map(({ sku }) => sku);
    const taking = this.retryWhenShort(() => this.admit(kind, request, skus));
    return this.demand.watch(skus, taking);
  }

  /**
   * For the change of a reservation, which takes stock under its own locks: it waits with single requests, and is run
   * again when stock is short.
   */
  change<T extends { replayed: boolean }>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const changing = this.retryWhenShort(() =>
      this.limit.run(() => this.db.transaction('change-lines', work, { rerunWhenCommitIsUnknown: true })),
    );
    return this.demand.watch([], changing);
  }

  /**
   * Runs `take`; when stock is short, ends the due reservations of these SKUs and runs it again, so that a buyer never
   * waits for the sweeper. Expiring has its own transaction: it locks reservations before stock rows. A buyer is not
   * refused while the units are in another pool.
   */
  async retryWhenShort<T>(take: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await take();
      } catch (error) {
        if (!(error instanceof InsufficientStock)) throw error;
        if (tries === shortTriesMax) throw error.isConfirmed ? error : lostEachTime();
        // Not confirmed: all pools together had enough when they were read, so try again.
        if (!(await this.searches.add(error.shortfalls)) && error.isConfirmed) throw error;
      }
    }
  }

  /**
   * Decides requests in the order of the array and writes the accepted ones with a handful of statements. A single
   * refused request may leave rows behind, so its caller rolls back; of several, refused ones leave none.
   */
  decide<Q extends KeyedRequest>(
    tx: Tx,
    kind: IntakeKind<Q>,
    requests: Q[],
    added?: Surroundings,
  ): Promise<Decided[]> {
    return decideOnce(tx, requests, async (first) => {
      await failpoint(`${kind.transaction}.key-claimed`);
      const wanted = first.map((request) => kind.reservationOf(request));
      const outcomes =
        requests.length === 1
          ? [await this.reserver.single(tx, wanted[0]!, added)]
          : await this.reserver.grouped(tx, wanted);
      await failpoint(`${kind.transaction}.stock-taken`);
      const made = first.flatMap((request, nth) => {
        const outcome = outcomes[nth]!;
        return 'reserved' in outcome ? [{ request, reserved: outcome.reserved }] : [];
      });
      if (made.length > 0) await kind.write(tx, made);
      return outcomes;
    });
  }

  /** A request that waited while its SKUs became grouped shares a transaction after all. */
  private async admit<Q extends KeyedRequest>(
    kind: OpenIntake<Q>,
    request: Q,
    skus: string[],
  ): Promise<Accepted> {
    const arrival = await this.strategies.arrive(skus);
    try {
      const single = isGrouped(arrival.names)
        ? undefined
        : await this.limit.run(async () =>
            (await this.strategies.areGrouped(skus))
              ? undefined
              : this.strategies.surround(arrival, (added) => this.takeSingle(kind, request, added)),
          );
      return single ?? (await kind.groups.add(request, laneOf(skus)));
    } finally {
      arrival.leave();
    }
  }

  private takeSingle<Q extends KeyedRequest>(
    kind: OpenIntake<Q>,
    request: Q,
    added?: Surroundings,
  ): Promise<Accepted> {
    const work = async (tx: Tx) => {
      const [decision] = await this.decide(tx, kind, [request], added);
      if ('refused' in decision!) throw decision.refused;
      return decision!;
    };
    // The key is part of it, so running it again after a lost COMMIT finds what the first run made.
    const options = { isolation: added?.isolation, rerunWhenCommitIsUnknown: true };
    return this.db.transaction(kind.transaction, work, options);
  }

  private async takeGroup<Q extends KeyedRequest>(
    kind: OpenIntake<Q>,
    batch: Q[],
  ): Promise<BatchAnswer<Accepted>[]> {
    // A single refused request may leave rows behind, so it is refused by throwing.
    if (batch.length === 1) return [{ answer: await this.takeSingle(kind, batch[0]!) }];
    const decisions = await this.db.transaction(kind.transaction, (tx) => this.decide(tx, kind, batch), {
      rerunWhenCommitIsUnknown: true,
    });
    return decisions.map((decision) =>
      'refused' in decision ? { error: decision.refused } : { answer: decision },
    );
  }

  /** Ends the due reservations of these SKUs. True if now, by this or another process, there is as much as was asked for. */
  private async search(batch: Shortfall[][]): Promise<BatchAnswer<boolean>[]> {
    const skus = [...new Set(batch.flat().map(({ sku }) => sku))];
    await expireDueOf(this.db, skus, () => this.relay.poke());
    const levels = await readLevels(this.db, skus);
    const available = new Map(levels.map((level) => [level.sku, availableIn(level)]));
    const fits = ({ sku, requested, held = 0 }: Shortfall) => (available.get(sku) ?? 0) + held >= requested;
    // `available` is summed over pools, and a strategy searches only the pools where the stock belongs.
    const fitting = batch.flat().filter(fits);
    await gather(this.db, [...new Set(fitting.map(({ sku }) => sku))]);
    return batch.map((shortfalls) => ({ answer: shortfalls.every(fits) }));
  }

  private grouping(name: string): BatcherOptions {
    const { intakeWaitingMax: waitingMax } = this.config;
    return { name, sizeMax: batchSizeMax, inFlightMax: lanesMax, waitingMax, overloaded: busy };
  }
}

const laneOf = (skus: string[]) => String(hash('sha1', [...skus].sort()[0]!, 'buffer')[0]! % lanesMax);

const busy = () =>
  unavailable(
    'More buyers are waiting than can be served soon. Nothing was taken; send the same request again in a second.',
  );

const lostEachTime = () =>
  unavailable(
    'Other buyers were faster, and units have become available since. Nothing was taken; send the same request again in a second.',
  );
