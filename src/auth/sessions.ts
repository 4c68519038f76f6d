import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { parseCookie, stringifySetCookie } from 'cookie';
import type { FastifyRequest } from 'fastify';
import type { Config } from '../config/config';
import { CONFIG } from '../config/config.module';
import { Database } from '../database/database';
import { ApiKeys, type Principal, digest } from './api-keys';

const cookieName = 'holdfast_session';

/** However often it is renewed, a session ends this long after its key was typed in. */
const lifetimeDaysMax = 7;

export interface LiveSession {
  principal: Principal;
  expiresInSeconds: number;
}

/**
 * A browser's stand-in for a key: the key is sent once, and from then on a cookie that scripts cannot read.
 *
 * Sessions are rows, looked at anew at every call, so that they hold at every API process and end everywhere at the
 * moment of the sign-out, of the expiry, or of their key's revocation. Of cookie and key only digests are kept.
 */
@Injectable()
export class Sessions {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly keys: ApiKeys,
  ) {}

  /** A session for a key that was just looked up: the cookie's value, and what it stands for. */
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

  /** Undefined: there was none, it has ended, or its key was revoked. */
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

  /** Whose the live sessions among these digests are, as of now. */
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
   * Starts its time again. Undefined: it has ended, also when a sign-out came first. Nothing is read after the write, so
   * a sign-out that follows cannot leave this call without an answer.
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

  /** For `Set-Cookie`. Without a value: the browser forgets it. */
  cookie(token?: string): string {
    return stringifySetCookie({
      name: cookieName,
      value: token ?? '',
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      // Whoever tries it out at home has no certificate.
      secure: this.config.production,
      maxAge: token ? this.config.sessionSeconds : 0,
    });
  }
}

/** What the browser sent of it. */
export function sessionToken(request: FastifyRequest): string | undefined {
  const value = parseCookie(request.headers.cookie ?? '')[cookieName];
  return value && /^[\w-]{43}$/.test(value) ? value : undefined;
}
