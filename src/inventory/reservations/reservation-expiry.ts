import type { Database, Tx } from '../../database/database';
import { isDatabaseAway } from '../../database/pg-errors';
import { HoldfastError } from '../../errors';
import { publicId } from '../../ids';
import { announce } from './reservation';
import {
  type ExpiredReservation,
  type SetAside,
  expireDueRows,
  expireDueRowsOf,
  skusOf,
} from './reservations.repository';
import { giveBack } from '../stock/stock-levels.repository';

/** A thousand reservations may expire in the same second; between batches of this size others get at the stock rows. */
const batchSizeMax = 500;

/** Ends what is due and puts its stock back on sale; returns how many reservations ended. Throws the first failure then. */
export async function expireAllDue(db: Database, onEnded: () => void): Promise<number> {
  const { total, failure } = await endInBatches(db, {
    end: expireDueRows,
    onEnded,
    isForAll: isDatabaseAway,
  });
  if (failure) throw failure;
  return total;
}

/**
 * The same for SKUs that a buyer is short of. A reservation that cannot expire does not fail the buyer's request: the
 * sweeper's next pass meets it too, and reports it. A 503 goes to the buyer at once, without waiting for a lock again.
 */
export async function expireDueOf(db: Database, skus: string[], onEnded: () => void): Promise<void> {
  await endInBatches(db, {
    end: (tx, limit, aside) => expireDueRowsOf(tx, { skus, limit, aside }),
    onEnded,
    isForAll: (error) => error instanceof HoldfastError,
  });
}

interface Expiry {
  end: (tx: Tx, limit: number, aside: SetAside) => Promise<ExpiredReservation[]>;
  onEnded: () => void;
  /** An error that smaller batches would meet too. */
  isForAll: (error: unknown) => boolean;
}

/**
 * When a batch fails it is halved until the failing reservation is alone. That one is left out of this pass, and its SKU
 * too if it has only one, so that one broken SKU does not keep all others off sale.
 */
async function endInBatches(
  db: Database,
  { end, onEnded, isForAll }: Expiry,
): Promise<{ total: number; failure: Error | undefined }> {
  const aside: SetAside = { ids: [], skus: [] };
  let failure: Error | undefined;
  let total = 0;
  for (let size = batchSizeMax; ;) {
    let batch: ExpiredReservation[] = [];
    try {
      await endBatch(db, async (tx) => (batch = await end(tx, size, aside)));
    } catch (error) {
      if (isForAll(error) || batch.length === 0) throw error;
      if (batch.length === 1) {
        failure ??= failureOf(batch[0]!, error as Error);
        await setAside(db, batch[0]!, aside);
      }
      size = Math.ceil(batch.length / 2);
      continue;
    }
    total += batch.length;
    if (batch.length > 0) onEnded();
    if (batch.length < size) return { total, failure };
    size = Math.min(2 * size, batchSizeMax);
  }
}

const endBatch = (db: Database, end: (tx: Tx) => Promise<ExpiredReservation[]>): Promise<void> =>
  db.transaction('expire', async (tx) => {
    const rows = await end(tx);
    const ids = rows.map((row) => row.id);
    await announce(tx, 'reservation.expired', rows);
    // Last, because buyers wait for the stock rows from here to the commit.
    // guard: expiry-returns-stock
    await giveBack(tx, ids);
  });

const failureOf = ({ id }: ExpiredReservation, error: Error) =>
  new Error(`reservation ${publicId('rsv', id)} could not expire: ${error.message}`, { cause: error });

async function setAside(db: Database, { id }: ExpiredReservation, aside: SetAside): Promise<void> {
  aside.ids.push(id);
  const skus = await skusOf(db, id);
  if (skus.length === 1) aside.skus.push(...skus);
}
