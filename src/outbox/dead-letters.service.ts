import { Injectable } from '@nestjs/common';
import { Database } from '../database/database';
import { refusal } from '../errors';
import { type ReasonAndKey, operatorAction } from '../audit-log/operator-action';
import type { Principal } from '../auth/auth.guard';
import { type Page, type PageQuery, pageBounds, pageOf } from '../http/paging';
import { parsePublicId, publicId } from '../ids';
import {
  type DeadLetter,
  findLetter,
  listDeadLetters,
  lockLetter,
  sendAgain,
} from './dead-letters.repository';
import { Relay } from './relay';

export const deadLetterNotFound = refusal(404, 'dead_letter_not_found', 'There is no such dead letter');

@Injectable()
export class DeadLetters {
  constructor(
    private readonly db: Database,
    private readonly relay: Relay,
  ) {}

  /** Those that wait for an operator, oldest first. */
  async list(query: PageQuery): Promise<Page<DeadLetter>> {
    const { limit, after } = pageBounds(query);
    return pageOf(
      await listDeadLetters(this.db, limit, after),
      limit,
      ({ id }) => id,
      (letter) => letter,
    );
  }

  /** Has the message sent again. Sent again before: the letter as it is, and nothing is recorded. */
  async retry(
    publicOne: string,
    { reason, key }: ReasonAndKey,
    actor: Principal,
  ): Promise<{ letter: DeadLetter; replayed: boolean }> {
    const id = parsePublicId('evt', publicOne);
    if (!id) throw noSuchLetter();
    const { status } = await operatorAction(
      this.db,
      {
        transaction: 'dead-letter',
        actor,
        reason,
        object: { type: 'dead_letter', id: publicId('evt', id) },
        once: { key, operation: `dead-letters/${id}/retry` },
      },
      async (tx) => {
        const letter = await lockLetter(tx, id);
        if (!letter) throw noSuchLetter();
        if (letter.retriedAt) return undefined;
        await sendAgain(tx, letter);
        const { attempts, diedAt, now } = letter;
        return {
          action: 'dead-letter.retry',
          before: { attempts, diedAt, retriedAt: null },
          after: { retriedAt: now },
        };
      },
    );
    this.relay.poke();
    const letter = await findLetter(this.db, id);
    if (!letter) throw noSuchLetter();
    return { letter, replayed: status === 'replayed' };
  }
}

const noSuchLetter = () =>
  deadLetterNotFound('No dead letter has this id. Look at the list of dead letters.');
