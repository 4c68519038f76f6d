import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { Config } from '../config/config';
import { CONFIG } from '../config/config.module';
import { Database } from '../database/database';
import { unauthenticated } from '../errors';

export type Role = 'client' | 'viewer' | 'admin';

/** Who calls: `name` scopes idempotency keys and ownership, `role` what may be done. */
export interface Principal {
  name: string;
  role: Role;
}

export const digest = (key: string) => hash('sha256', key);

/** A revoked key works at most this much longer. */
const cacheMs = 10_000;
const cacheSizeMax = 10_000;

/**
 * Keys to principals: the three bootstrap keys of the settings, then the table `api_keys`.
 *
 * Keys are compared by their SHA-256 only; they are random and long, so a slow hash would buy nothing, and a look-up by
 * digest gives an attacker's stopwatch nothing to measure.
 */
@Injectable()
export class ApiKeys {
  private readonly bootstrap = new Map<string, Principal>();
  /** By digest. Guesses are cached too, or they would be a way to load the database. */
  private readonly cache = new LRUCache<string, { principal: Principal | undefined }>({
    max: cacheSizeMax,
    ttl: cacheMs,
  });

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly db: Database,
  ) {
    for (const role of ['admin', 'viewer', 'client'] as const) {
      this.bootstrap.set(digest(config.bootstrapKeys[role]), { name: `bootstrap-${role}`, role });
    }
  }

  async find(key: string): Promise<Principal> {
    const sha256 = digest(key);
    const principal = this.bootstrap.get(sha256) ?? (await this.remembered(sha256));
    if (!principal) throw unauthenticated('This key is not known or was revoked.');
    return principal;
  }

  /** As it is at this moment, for those who must hear of a revocation at once. Undefined: not known, or revoked. */
  async findNow(sha256: string): Promise<Principal | undefined> {
    return this.bootstrap.get(sha256) ?? (await this.fromTable(sha256));
  }

  /** The same for many, by their digests; those that are not known or were revoked are missing. */
  async findAllNow(sha256s: string[]): Promise<Map<string, Principal>> {
    const found = new Map<string, Principal>();
    for (const sha256 of sha256s) {
      const principal = this.bootstrap.get(sha256);
      if (principal) found.set(sha256, principal);
    }
    const others = sha256s.filter((sha256) => !found.has(sha256));
    if (others.length === 0) return found;
    const rows = await this.db.rows<Principal & { sha256: string }>(
      `
      SELECT encode(key_sha256, 'hex') AS sha256, name, role
        FROM api_keys
       WHERE key_sha256 IN (SELECT decode(sha256, 'hex') FROM unnest($1::text[]) AS wanted (sha256))
         AND revoked_at IS NULL
      `,
      [others],
    );
    for (const { sha256, name, role } of rows) found.set(sha256, { name, role });
    return found;
  }

  private async remembered(sha256: string): Promise<Principal | undefined> {
    const cached = this.cache.get(sha256);
    if (cached) return cached.principal;
    const principal = await this.fromTable(sha256);
    this.cache.set(sha256, { principal });
    return principal;
  }

  private async fromTable(sha256: string): Promise<Principal | undefined> {
    const [principal] = await this.db.rows<Principal>(
      `SELECT name, role FROM api_keys WHERE key_sha256 = decode($1::text, 'hex') AND revoked_at IS NULL`,
      [sha256],
    );
    return principal;
  }
}
