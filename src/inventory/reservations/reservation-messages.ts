import type { Tx } from '../../database/database';
import { type MessageType, appendMessages } from '../../outbox/outbox';

/** A reservation as its message tells of it, after the change. */
export interface Told {
  id: string;
  orderId: string | null;
  version: number;
  expiresAt?: Date;
}

/** Writes what became of reservations that no saga moved, in the transaction that did it. */
export async function announce(tx: Tx, type: MessageType, reservations: Told[]): Promise<void> {
  await appendMessages(
    tx,
    reservations.map(({ id, orderId, version, expiresAt }) => ({
      aggregateType: 'reservation',
      aggregateId: id,
      sequence: version,
      type,
      payload: { orderId, expiresAt: expiresAt?.toISOString() },
    })),
  );
}
