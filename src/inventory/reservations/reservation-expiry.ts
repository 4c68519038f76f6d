import type { Database, Tx } from '../../database/database';
import { isDatabaseAway } from '../../database/pg-errors';
import { publicId } from '../../ids';
import { announce } from './reservation-messages';
import {
  type ExpiredReservation,
  type SetAside,
  expireDueRows,
  expireDueRowsOf,
  skusOf,
} from './reservations.repository';
import { giveBack } from '../stock/stock-levels';

/** A thousand buyers' time may end in the same second; each pass ends so many and lets others at the stock rows. */
const batchSizeMax = 500;

/**
 * Ends what is due and puts its stock back on sale; returns how many reservations ended.
 *
 * When a batch fails it is halved until the reservation that fails is alone. That one is set aside for this pass, and
 * with it its SKU if it has only one, so that the trouble of one SKU does not keep all others off sale. Throws the first
 * failure when everything else has ended.
 */
export async function expireAllDue(db: Database, onEnded: () => void): Promise<number> {
  const aside: SetAside = { ids: [], skus: [] };
  let failure: Error | undefined;
  let total = 0;
  for (let size = batchSizeMax; ;) {
    let batch: ExpiredReservation[] = [];
    try {
      batch = [];
      await endBatch(db, async (tx) => (batch = await expireDueRows(tx, size, aside)));
    } catch (error) {
      if (isDatabaseAway(error) || batch.length === 0) throw error;
      if (batch.length === 1) {
        failure ??= failureOf(batch[0]!, error as Error);
        await setAside(db, batch[0]!, aside);
      }
      size = Math.ceil(batch.length / 2);
      continue;
    }
    total += batch.length;
    if (batch.length > 0) onEnded();
    if (batch.length < size) break;
    size = Math.min(2 * size, batchSizeMax);
  }
  if (failure) throw failure;
  return total;
}

/** The same for these SKUs alone, because a buyer is short of them. */
export async function expireDueOf(db: Database, skus: string[], onEnded: () => void): Promise<void> {
  for (;;) {
    const ended = await endBatch(db, (tx) => expireDueRowsOf(tx, skus, batchSizeMax));
    if (ended > 0) onEnded();
    if (ended < batchSizeMax) return;
  }
}

const endBatch = (db: Database, end: (tx: Tx) => Promise<ExpiredReservation[]>): Promise<number> =>
  db.transaction('expire', async (tx) => {
    const rows = await end(tx);
    // guard: expiry-returns-stock
    await giveBack(
      tx,
      rows.map((row) => row.id),
    );
    await announce(tx, 'reservation.expired', rows);
    return rows.length;
  });

const failureOf = ({ id }: ExpiredReservation, error: Error) =>
  new Error(`reservation ${publicId('rsv', id)} could not expire: ${error.message}`, { cause: error });

async function setAside(db: Database, { id }: ExpiredReservation, aside: SetAside): Promise<void> {
  aside.ids.push(id);
  const skus = await skusOf(db, id);
  if (skus.length === 1) aside.skus.push(...skus);
}
