import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { parseCookie, stringifySetCookie } from 'cookie';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config/config';
import { Database, clockOf } from '../database/database';
import { HoldfastError, declareProblem } from '../errors';
import { ApiKeys, type Principal, digest } from './api-keys';

const cookieName = 'holdfast_session';

/** A session ends this long after the sign-in, however often it is renewed. */
const lifetimeDaysMax = 7;

export interface LiveSession {
  principal: Principal;
  expiresInSeconds: number;
}

/**
 * Sessions of browsers. A browser sends its key once and gets a cookie that scripts cannot read.
 *
 * A session is a row that every call reads. It works at every API process, and a sign-out, an expiry or a revoked key ends
 * it everywhere at once. Only digests of cookie and key are stored.
 */
@Injectable()
export class Sessions {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly keys: ApiKeys,
  ) {}

  /** `token` is the value of the cookie. Also deletes expired sessions. */
  async begin(key: string, principal: Principal): Promise<LiveSession & { token: string }> {
    const token = randomBytes(32).toString('base64url');
    const { sessionSeconds } = this.config;
    await this.db.rows(
      `
      INSERT INTO sessions (token_sha256, key_sha256, expires_at)
      VALUES (decode($1::text, 'hex'), decode($2::text, 'hex'), clock_timestamp() + $3::int * interval '1 second')
      `,
      [digest(token), digest(key), sessionSeconds],
    );
    await this.db.rows(
      `
      DELETE FROM sessions
       WHERE token_sha256 IN (
               SELECT token_sha256
                 FROM sessions
                WHERE expires_at < statement_timestamp()
                  FOR UPDATE SKIP LOCKED
             )
      `,
    );
    return { token, principal, expiresInSeconds: sessionSeconds };
  }

  /** Undefined: there is none, it has ended, or its key was revoked. */
  async find(token: string): Promise<LiveSession | undefined> {
    const [row] = await this.db.rows<{ keySha256: string; expiresInSeconds: number }>(
      `
      SELECT encode(key_sha256, 'hex') AS "keySha256",
             ceil(extract(epoch FROM expires_at - clock_timestamp()))::int AS "expiresInSeconds"
        FROM sessions
       WHERE token_sha256 = decode($1::text, 'hex') AND expires_at > clock_timestamp()
      `,
      [digest(token)],
    );
    if (!row) return undefined;
    const principal = await this.keys.findNow(row.keySha256);
    return principal && { principal, expiresInSeconds: row.expiresInSeconds };
  }

  /** The principals of the live sessions among these digests. */
  async findAll(sha256s: string[]): Promise<Map<string, Principal>> {
    if (sha256s.length === 0) return new Map();
    const rows = await this.db.rows<{ sha256: string; keySha256: string }>(
      `
      SELECT encode(token_sha256, 'hex') AS sha256, encode(key_sha256, 'hex') AS "keySha256"
        FROM sessions
       WHERE token_sha256 IN (SELECT decode(sha256, 'hex') FROM unnest($1::text[]) AS wanted (sha256))
         AND expires_at > clock_timestamp()
      `,
      [sha256s],
    );
    const principals = await this.keys.findAllNow([...new Set(rows.map(({ keySha256 }) => keySha256))]);
    return new Map(
      rows.flatMap(({ sha256, keySha256 }) => {
        const principal = principals.get(keySha256);
        return principal ? [[sha256, principal] as const] : [];
      }),
    );
  }

  /**
   * Undefined: it has ended. Nothing is read after the write, so a concurrent sign-out cannot leave this call without a
   * result.
   */
  async renew(token: string): Promise<LiveSession | undefined> {
    const [row] = await this.db.rows<{ now: Date; endsAt: Date }>(
      `
      SELECT clock_timestamp() AS now,
             least(clock_timestamp() + $2::int * interval '1 second', created_at + $3::int * interval '1 day') AS "endsAt"
        FROM sessions
       WHERE token_sha256 = decode($1::text, 'hex')
      `,
      [digest(token), this.config.sessionSeconds, lifetimeDaysMax],
    );
    if (!row) return undefined;
    const [renewed] = await this.db.rows<{ keySha256: string }>(
      `
      UPDATE sessions SET expires_at = $2::timestamptz
       WHERE token_sha256 = decode($1::text, 'hex') AND expires_at > $3::timestamptz
      RETURNING encode(key_sha256, 'hex') AS "keySha256"
      `,
      [digest(token), row.endsAt, row.now],
    );
    const principal = renewed && (await this.keys.findNow(renewed.keySha256));
    const expiresInSeconds = Math.floor((row.endsAt.getTime() - row.now.getTime()) / 1_000);
    return principal && { principal, expiresInSeconds };
  }

  async end(token: string): Promise<void> {
    await this.db.rows(`DELETE FROM sessions WHERE token_sha256 = decode($1::text, 'hex')`, [digest(token)]);
  }

  /** For `Set-Cookie`. Without a token it deletes the cookie. */
  cookie(token?: string): string {
    return stringifySetCookie({
      name: cookieName,
      value: token ?? '',
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      // Development has no certificate.
      secure: this.config.production,
      maxAge: token ? this.config.sessionSeconds : 0,
    });
  }
}

/** The token in the request's cookie. */
export function sessionToken(request: FastifyRequest): string | undefined {
  const value = parseCookie(request.headers.cookie ?? '')[cookieName];
  return value && /^[\w-]{43}$/.test(value) ? value : undefined;
}

/** Enough for typing errors, too few to guess keys. */
const failuresMax = 5;
const windowSeconds = 60;

export class SignInLimited extends HoldfastError {
  static readonly type = declareProblem(429, 'sign_in_limited', 'Too many failed sign-ins', {
    retryable: true,
    retryAfterSeconds: windowSeconds,
  });

  constructor(retryAfterSeconds: number) {
    const type = { ...SignInLimited.type, retryAfterSeconds };
    super(type, `Too many tries. Wait ${retryAfterSeconds} s.`, { retryAfterSeconds });
  }
}

/**
 * Limits failed sign-ins per address, over all API processes: they are counted in the database, by its clock.
 *
 * A try is counted before its key is looked up, so that parallel tries cannot pass the limit, and the count is deleted when
 * the key was right. Beyond the limit the right key is refused too, or the refusal would reveal it.
 */
@Injectable()
export class SignInLimit {
  private tidyAt = 0;

  constructor(private readonly db: Database) {}

  async beginTry(address: string): Promise<void> {
    if (performance.now() >= this.tidyAt) await this.deleteOld();
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

  /** Otherwise guesses from many addresses would fill the table. */
  private async deleteOld(): Promise<void> {
    this.tidyAt = performance.now() + windowSeconds * 1_000;
    const before = new Date((await clockOf(this.db)).getTime() - windowSeconds * 1_000);
    await this.db.rows(`DELETE FROM sign_in_failures WHERE since < $1::timestamptz`, [before]);
  }
}
