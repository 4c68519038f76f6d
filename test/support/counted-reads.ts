import { Database, type TransactionOptions, type Tx } from '../../src/database/database';
import type { TransactionName } from '../../src/failpoints';

/** A database that counts the rows which its statements read, including those that a filter discards. */
export class CountedReads extends Database {
  private read = 0;

  /** The rows that the work read. One at a time, because concurrent work is counted too. */
  async by(work: () => Promise<unknown>): Promise<number> {
    const before = this.read;
    await work();
    return this.read - before;
  }

  override rows<R>(sql: string, parameters?: unknown[]): Promise<R[]> {
    // Any name will do: nothing is planted under it.
    return this.transaction('claim-messages', (tx) => tx.rows<R>(sql, parameters));
  }

  override transaction<T>(
    name: TransactionName,
    work: (tx: Tx) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    const counted = async (tx: Tx): Promise<T> => {
      const before = await readSoFar(tx);
      const result = await work(tx);
      this.read += (await readSoFar(tx)) - before;
      return result;
    };
    return super.transaction(name, counted, options);
  }
}

/** By this connection, since it last reported its statistics. */
async function readSoFar(tx: Tx): Promise<number> {
  const [tables] = await tx.rows<{ read: number }>(
    `SELECT coalesce(sum(idx_tup_fetch), 0)::int + coalesce(sum(seq_tup_read), 0)::int AS read FROM pg_stat_xact_user_tables`,
  );
  return tables!.read;
}
