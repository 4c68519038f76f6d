import { Injectable } from '@nestjs/common';
import { Database, clockOf } from '../database/database';
import { HoldfastError, declareProblem } from '../errors';

/** Typing errors have room; a search for keys has none. */
const failuresMax = 5;
const windowSeconds = 60;

export class SignInLimited extends HoldfastError {
  static readonly kind = declareProblem({
    code: 'sign_in_limited',
    status: 429,
    title: 'Too many failed sign-ins',
    retryable: true,
    retryAfterSeconds: windowSeconds,
  });
  readonly code = SignInLimited.kind.code;
  readonly status = SignInLimited.kind.status;
  readonly title = SignInLimited.kind.title;
  override readonly retryable = true;

  constructor(override readonly retryAfterSeconds: number) {
    super(`Too many tries. Wait ${retryAfterSeconds} s.`);
  }

  override facts() {
    return { retryAfterSeconds: this.retryAfterSeconds };
  }
}

/**
 * Failed sign-ins of one address, counted in the database and so over all API processes.
 *
 * A try is counted before its key is looked at, so that many at once are no way around it, and the count is taken back
 * when the key was right. An address that has used up its tries is refused with the right key too: else the refusal would
 * tell which key it is.
 */
@Injectable()
export class SignInLimit {
  private tidyAt = 0;

  constructor(private readonly db: Database) {}

  async beginTry(address: string): Promise<void> {
    if (performance.now() >= this.tidyAt) await this.forgetQuiet();
    const now = await clockOf(this.db);
    const windowStart = new Date(now.getTime() - windowSeconds * 1_000);
    const [row] = await this.db.rows<{ failures: number; since: Date }>(
      `
      INSERT INTO sign_in_failures (address, failures, since)
      VALUES ($1::text, 1, $2::timestamptz)
          ON CONFLICT (address) DO UPDATE
         SET failures = CASE WHEN sign_in_failures.since < $3::timestamptz THEN 1 ELSE sign_in_failures.failures + 1 END,
             since = CASE WHEN sign_in_failures.since < $3::timestamptz THEN $2::timestamptz ELSE sign_in_failures.since END
      RETURNING failures, since
      `,
      [address, now, windowStart],
    );
    if (row!.failures <= failuresMax) return;
    const seconds = Math.ceil((row!.since.getTime() - windowStart.getTime()) / 1_000);
    throw new SignInLimited(Math.max(1, seconds));
  }

  async succeeded(address: string): Promise<void> {
    await this.db.rows(`DELETE FROM sign_in_failures WHERE address = $1::text`, [address]);
  }

  /** Addresses that were quiet since, or a search from many would fill the table. */
  private async forgetQuiet(): Promise<void> {
    this.tidyAt = performance.now() + windowSeconds * 1_000;
    const before = new Date((await clockOf(this.db)).getTime() - windowSeconds * 1_000);
    await this.db.rows(`DELETE FROM sign_in_failures WHERE since < $1::timestamptz`, [before]);
  }
}
