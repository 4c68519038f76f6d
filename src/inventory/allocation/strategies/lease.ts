import { randomUUID } from 'node:crypto';
import type { Database, Tx } from '../../../database/database';
import { unavailable } from '../../../errors';
import { failpoint } from '../../../failpoints';
import { noteConflict } from '../contention';
import { takeTogether } from '../../stock/stock-levels';
import type { Entered, StockStrategy, Taker } from './strategy';
import type { StockDemand, StockGrant } from '../../stock/stock-grants';

/** Far longer than a checkout's transaction takes; whoever sleeps through it has lost the lease, whether or not it knows. */
const leaseTtlMs = 2_000;
/** A buyer who waits longer than this is better told to come back. */
const waitMsMax = 3_000;
/** The longest pause between two asks for a lease that somebody has; drawn anew each time. */
const pauseMsMax = 10;

/**
 * A lock with an end: whoever has the SKU's lease may take its stock, and a holder that dies loses it by time alone. It is
 * what locks in Redis or etcd are, kept here in a table of its own.
 *
 * And it shows why such a lock is not enough. A holder that sleeps past its lease's end wakes up believing; only the stock
 * row can tell it the truth. So each lease has a fencing token, the row remembers the newest it has seen, and refuses an
 * older one. (After Martin Kleppmann, "How to do distributed locking".)
 */
export class Lease implements StockStrategy {
  readonly name = 'lease';

  /** Gets the leases of these SKUs, in ascending order, before any transaction begins. */
  async enter(db: Database, skus: string[]): Promise<Entered> {
    const owner = randomUUID();
    const tokens = new Map<string, number>();
    const leave = async () => {
      if (tokens.size > 0) await release(db, [...tokens.keys()], owner).catch(() => undefined);
    };
    try {
      for (const sku of [...skus].sort()) tokens.set(sku, await acquire(db, sku, owner));
    } catch (error) {
      await leave();
      throw error;
    }
    return { tokens, leave };
  }

  async take(tx: Tx, demands: StockDemand[], { entered }: Taker): Promise<StockGrant[]> {
    // Begun before its SKU was switched to this: without the lease only the row's own lock makes it right.
    if (!entered || !demands.every(({ sku }) => entered.tokens.has(sku)))
      return (await takeTogether(tx, [demands]))[0] as StockGrant[];
    const grants: StockGrant[] = [];
    for (const demand of demands)
      grants.push(await this.takeOne(tx, demand, entered.tokens.get(demand.sku)!));
    return grants;
  }

  /** Read, then write: the lease keeps other buyers out in between, and the token keeps out whoever only thinks it has it. */
  private async takeOne(tx: Tx, { sku, pool, quantity }: StockDemand, token: number): Promise<StockGrant> {
    const [seen] = await tx.rows<{ available: number }>(
      `SELECT on_hand - reserved AS available FROM stock_levels WHERE sku = $1::text AND pool = $2::text`,
      [sku, pool],
    );
    if (!seen || seen.available < quantity) return { taken: false, available: seen?.available ?? 0 };
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
      RETURNING fencing_token AS "fencingToken"
      `,
      [sku, pool, quantity, token],
    );
    if (row) return { taken: true, parts: [{ pool, quantity, fencingToken: row.fencingToken }] };
    noteConflict(sku, this.name);
    throw new LeaseLost(sku);
  }
}

/** The lease went to another while its holder slept. Nothing was written; a new lease may be asked for. */
export class LeaseLost extends Error {
  constructor(sku: string) {
    super(`The lease of ${sku} went to another holder before its stock was taken.`);
  }
}

async function acquire(db: Database, sku: string, owner: string): Promise<number> {
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
    noteConflict(sku, 'lease');
    if (performance.now() > giveUpAt)
      throw unavailable(
        `Too many buyers want ${sku} at once. Nothing was taken; send the same request again in a second.`,
      );
    await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMsMax));
  }
}

/** Gives back what is still ours; a lease that went to another is left alone. */
async function release(db: Database, skus: string[], owner: string): Promise<void> {
  await db.rows(
    `UPDATE leases SET expires_at = taken_at WHERE name = ANY ($1::text[]) AND owner = $2::uuid`,
    [skus, owner],
  );
}
