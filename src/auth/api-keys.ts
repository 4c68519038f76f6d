import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { In, IsNull } from 'typeorm';
import { type Cell, reservedCellNames } from '../config/cell';
import { CONFIG, type Config } from '../config/config';
import { Database, type Queryable } from '../database/database';
import { type HoldfastError, unauthenticated, wrongCell } from '../errors';
import { ApiKeyEntity, type Role } from './auth.entity';

/** The caller: `name` scopes idempotency keys and ownership, `role` what it may do. */
export interface Principal {
  name: string;
  role: Role;
  /** The connected account that its orders are charged at; by default our own. */
  stripeAccount?: string | null;
}

export const digest = (key: string) => hash('sha256', key);

/** A key names its cell, so that a proxy can route by it. */
const cellNameIn = (key: string): string | undefined => /^hf_([a-z][a-z0-9]{0,15})_/.exec(key)?.[1];

/** Where the orders of this name are charged, for an operator who acts for the shop. Null: at our own account. */
export async function stripeAccountOf(queryable: Queryable, name: string): Promise<string | null> {
  const [key] = await queryable.rows<{ account: string | null }>(
    `SELECT stripe_account AS account FROM api_keys WHERE name = $1::text`,
    [name],
  );
  return key?.account ?? null;
}

/** A revoked key works at most this much longer. */
export const cacheMs = 10_000;
const cacheSizeMax = 10_000;

/**
 * Finds the principal of a key: first the three bootstrap keys of the settings, then the table `api_keys`.
 *
 * Keys are looked up by their SHA-256. They are random and long, so a slow hash would add nothing, and a lookup by digest
 * leaks nothing through timing.
 */
@Injectable()
export class ApiKeys {
  private readonly bootstrap = new Map<string, Principal>();
  private readonly cell: Cell;
  /** By digest. Guesses are cached too, or they would be a way to load the database. */
  private readonly cache = new LRUCache<string, { principal: Principal | undefined }>({
    max: cacheSizeMax,
    ttl: cacheMs,
  });

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly db: Database,
  ) {
    this.cell = config.cell;
    for (const role of ['admin', 'viewer', 'client'] as const) {
      this.bootstrap.set(digest(config.bootstrapKeys[role]), { name: `bootstrap-${role}`, role });
    }
  }

  async find(key: string, sha256 = digest(key)): Promise<Principal> {
    const principal = this.bootstrap.get(sha256) ?? (await this.remembered(sha256));
    if (!principal) throw this.unknown(key, 'This key is not known or was revoked.');
    return principal;
  }

  /**
   * Why a key that is not known here is refused. One that names another cell may be right there; a key that is known here is
   * served whatever it names, because the keys of the settings and of earlier builds name no cell.
   */
  unknown(key: string, detail: string): HoldfastError {
    const name = cellNameIn(key);
    if (name === undefined || name === this.cell.name || reservedCellNames.includes(name))
      return unauthenticated(detail);
    return wrongCell(
      `This key names the cell ${name}, and this is ${this.cell.name}. Nothing was done. Send the request to the address of ${name}.`,
      { cell: name },
    );
  }

  /** Without the cache, where a revocation must count at once. Undefined: not known, or revoked. */
  async findNow(sha256: string): Promise<Principal | undefined> {
    return this.bootstrap.get(sha256) ?? (await this.fromTable(sha256));
  }

  /** The same for many digests. Unknown and revoked ones are missing from the result. */
  async findAllNow(sha256s: string[]): Promise<Map<string, Principal>> {
    const found = new Map<string, Principal>();
    for (const sha256 of sha256s) {
      const principal = this.bootstrap.get(sha256);
      if (principal) found.set(sha256, principal);
    }
    const others = sha256s.filter((sha256) => !found.has(sha256));
    if (others.length === 0) return found;
    const rows = await this.db.entities((manager) =>
      manager.find(ApiKeyEntity, {
        select: { keySha256: true, name: true, role: true, stripeAccount: true },
        where: { keySha256: In(others.map((sha256) => Buffer.from(sha256, 'hex'))), revokedAt: IsNull() },
      }),
    );
    for (const { keySha256, ...principal } of rows) found.set(keySha256.toString('hex'), principal);
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
    const row = await this.db.entities((manager) =>
      manager.findOne(ApiKeyEntity, {
        select: { name: true, role: true, stripeAccount: true },
        where: { keySha256: Buffer.from(sha256, 'hex'), revokedAt: IsNull() },
      }),
    );
    return row ?? undefined;
  }
}
