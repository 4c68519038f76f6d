import { randomUUID } from 'node:crypto';
import type { Database, Tx } from '../../../database/database';
import { sqlStateOf } from '../../../database/pg-errors';
import { unavailable } from '../../../errors';
import { failpoint } from '../../../failpoints';
import {
  type StockDemand,
  type StockGrant,
  availableInPool,
  takeUnderLock,
} from '../../stock/stock-levels.repository';
import type { StockStrategy, SurroundedRequest, Surroundings, Taker } from './strategy';

/** Far longer than a checkout's transaction takes; a holder that sleeps through it has lost the lease, whether or not it knows. */
const leaseTtlMs = 2_000;
/** A buyer who waits longer than this had better try again later. */
const waitMsMax = 3_000;
/** The longest pause between two tries to get a lease; drawn at random each time. */
const pauseMsMax = 10;
/** A request that loses its lease this often met real rivals. */
const triesMax = 5;
/** check_violation: it read under its lease, and a buyer who needs no lease took the last units before it wrote. */
const checkViolation = '23514';

/**
 * A lock that expires: the holder of the SKU's lease may take its stock, and a holder that dies loses it when the time is
 * up. This is what locks in Redis or etcd are, kept here in a table.
 *
 * And it shows why such a lock is not enough. A holder that sleeps past the end of its lease wakes up believing it still
 * has it; only the stock row can tell. So each lease has a fencing token, the row remembers the newest it has seen, and
 * refuses an older one. (After Martin Kleppmann, "How to do distributed locking".)
 */
export class Lease implements StockStrategy {
  readonly name = 'lease';

  /** Gets the leases of the SKUs, in ascending order, before the transaction begins, and gives them back after it. */
  async around<T>(request: SurroundedRequest, run: (added: Surroundings) => Promise<T>): Promise<T> {
    const { db, skus } = request;
    for (let tries = 1; ; tries++) {
      const owner = randomUUID();
      const leaseTokens = new Map<string, number>();
      try {
        for (const sku of [...skus].sort()) leaseTokens.set(sku, await acquire(request, sku, owner));
        return await run({ leaseTokens });
      } catch (error) {
        if (!(error instanceof LeaseLost) && sqlStateOf(error) !== checkViolation) throw error;
        if (tries === triesMax) throw tooMany(skus);
      } finally {
        if (leaseTokens.size > 0) await release(db, skus, owner).catch(() => undefined);
      }
    }
  }

  async take(tx: Tx, demands: StockDemand[], taker: Taker): Promise<StockGrant[]> {
    const tokens = taker.leaseTokens;
    // The transaction began before its SKU was switched to this strategy: without a lease it needs a row lock.
    if (!tokens || !demands.every(({ sku }) => tokens.has(sku))) return takeUnderLock(tx, demands);
    const grants: StockGrant[] = [];
    for (const demand of demands) grants.push(await this.takeOne(tx, demand, tokens.get(demand.sku)!, taker));
    return grants;
  }

  /**
   * Read, then write: the lease keeps other buyers out in between, and the token keeps out a holder that lost it. Those who
   * need no lease are found by the row's CHECK, or took what is now needed as safety stock, which no CHECK keeps.
   */
  private async takeOne(
    tx: Tx,
    { sku, pool, quantity }: StockDemand,
    token: number,
    { onConflict }: Taker,
  ): Promise<StockGrant> {
    const available = await availableInPool(tx, sku, pool);
    if (available < quantity) return { taken: false, available };
    await failpoint('lease.stock-read');
    const [row] = await tx.rows<{ fencingToken: number }>(
      `
      UPDATE stock_levels
         SET reserved = reserved + $3::int,
             version = version + 1,
             fencing_token = fencing_token + 1,
             lease_token = $4::bigint
       WHERE sku = $1::text AND pool = $2::text
         /* guard: lease-fencing-token */
         AND lease_token <= $4::bigint
         AND (safety_stock = 0 OR on_hand - reserved - safety_stock >= $3::int)
      RETURNING fencing_token AS "fencingToken"
      `,
      [sku, pool, quantity, token],
    );
    if (row) return { taken: true, parts: [{ pool, quantity, fencingToken: row.fencingToken }] };
    onConflict(sku);
    throw new LeaseLost(`The lease of ${sku} went to another holder before its stock was taken.`);
  }
}

/** The lease went to another holder while this one slept. Nothing was written; a new lease may be acquired. */
class LeaseLost extends Error {}

async function acquire({ db, onConflict }: SurroundedRequest, sku: string, owner: string): Promise<number> {
  const giveUpAt = performance.now() + waitMsMax;
  for (;;) {
    const [clock] = await db.rows<{ now: Date }>('SELECT clock_timestamp() AS now');
    const [lease] = await db.rows<{ token: number }>(
      `
      INSERT INTO leases (name, owner, token, taken_at, expires_at)
      VALUES ($1::text, $2::uuid, 1, $3::timestamptz, $4::timestamptz)
          ON CONFLICT (name) DO UPDATE
         SET owner = excluded.owner,
             token = leases.token + 1,
             taken_at = excluded.taken_at,
             expires_at = excluded.expires_at
       WHERE leases.expires_at <= excluded.taken_at
      RETURNING token
      `,
      [sku, owner, clock!.now, new Date(clock!.now.getTime() + leaseTtlMs)],
    );
    if (lease) return lease.token;
    onConflict(sku);
    if (performance.now() > giveUpAt) throw tooMany([sku]);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMsMax));
  }
}

/** Gives back what this owner still has; a lease that went to another holder is left alone. */
async function release(db: Database, skus: string[], owner: string): Promise<void> {
  await db.rows(
    `UPDATE leases SET expires_at = taken_at WHERE name = ANY ($1::text[]) AND owner = $2::uuid`,
    [skus, owner],
  );
}

const tooMany = (skus: string[]) =>
  unavailable(
    `Too many buyers want ${skus.join(', ')} at once. Nothing was taken; send the same request again in a second.`,
  );
