import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database';
import { unavailable } from '../../errors';
import { codeVersion } from './code-version';

/** Silent for longer, a worker is taken for gone. Several heartbeats, so that one that was late is not. */
export const aliveSeconds = 30;

/** How old the answer may be: workers come and go in a deploy, which takes longer. */
const freshMs = 1_000;

/**
 * Workers of earlier builds beside this one. They leave its sagas alone, but compare payments: they would take a charge for a
 * stray one, and void an authorization that is to be captured when the goods ship.
 */
@Injectable()
export class OldWorkers {
  private known: { found: Promise<string[]>; until: number } | undefined;

  constructor(private readonly db: Database) {}

  /** Throws 503 while one runs, for what they would harm. */
  async refuseWhileThereAre(what: string): Promise<void> {
    // guard: old-workers-are-waited-for
    const old = await this.find();
    if (old.length > 0)
      throw unavailable(
        `Workers of an earlier build are still running (${old.join(', ')}), and would mistake the payment of an order with ${what}. Nothing was stored; send the same request again when the deploy is over.`,
      );
  }

  /** A worker that does not tell its version is of a build before they did. */
  private find(): Promise<string[]> {
    const now = performance.now();
    if (this.known && now < this.known.until) return this.known.found;
    const found = this.db
      .rows<{ id: string }>(
        `
        SELECT id
          FROM workers
         WHERE beat_at > clock_timestamp() - $1::int * interval '1 second'
           AND coalesce((facts ->> 'codeVersion')::int, 0) < $2::int
         ORDER BY id
         LIMIT 3
        `,
        [aliveSeconds, codeVersion],
      )
      .then((rows) => rows.map(({ id }) => id));
    found.catch(() => (this.known = undefined));
    this.known = { found, until: now + freshMs };
    return found;
  }
}
