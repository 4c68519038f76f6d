import { hash } from 'node:crypto';
import { type Ledger, scopedKey } from '../ledger/ledger';
import type { Entry, MoneyRequest, SavedError } from '../ledger/records';
import type { Params } from '../stripe/params';
import { invalidRequest, keyInUse, keyReused } from '../stripe/errors';

/**
 * Idempotency keys as Stripe documents them. A key is, in this order:
 *
 * - unknown: the request may begin, and the key is in use until it is saved or released;
 * - in use: 409, the client may try again later;
 * - saved: every retry gets the first response, until the window is over;
 * - forgotten, and so unknown: a retry pays again.
 *
 * A known key with other parameters or another path gets 400: the client has confused two requests, and waiting would not
 * help. Refusals from before execution release the key.
 */
export class IdempotencyKeys {
  private readonly inUse = new Map<string, string>();

  constructor(
    private readonly ledger: Ledger,
    private readonly windowSeconds: number,
  ) {
    for (const { begun } of ledger.begun.values())
      if (begun.key !== undefined) this.inUse.set(scopedKey(begun.key, begun.account), begun.fingerprint);
  }

  /** What was saved, to respond with it again, or undefined when the request is the first and has now begun. */
  begin({ key, account, fingerprint }: MoneyRequest): Entry | SavedError | undefined {
    if (key === undefined) return undefined;
    const scoped = scopedKey(key, account);
    const saved = this.savedUnder(scoped);
    const known = saved?.fingerprint ?? this.inUse.get(scoped);
    if (known !== undefined && known !== fingerprint) throw keyReused(key);
    if (saved) return this.ledger.readSaved(saved.offset);
    if (known !== undefined) throw keyInUse(key);

    this.inUse.set(scoped, fingerprint);
    return undefined;
  }

  /** After execution the ledger knows the key; before it, this makes the key free again. */
  release({ key, account }: MoneyRequest): void {
    if (key !== undefined) this.inUse.delete(scopedKey(key, account));
  }

  private savedUnder(scoped: string): { fingerprint: string; offset: number } | undefined {
    const saved = this.ledger.savedUnder(scoped);
    return saved && Date.now() - saved.at < this.windowSeconds * 1_000 ? saved : undefined;
  }
}

/** The key of a request, if it has one. Stripe accepts requests without a key and executes each of them. */
export function keyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  if (typeof header !== 'string' || header.length > 255) {
    throw invalidRequest('Idempotency keys can have up to 255 characters.');
  }
  return header;
}

/** Equal for requests with the same path and parameters, in whatever order they are encoded. */
export function fingerprintOf(path: string, params: Params): string {
  return hash('sha256', `${path}\n${JSON.stringify(sorted(params))}`, 'base64url').slice(0, 22);
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const names = Object.keys(value).sort();
  return names.map((name) => [name, sorted((value as Record<string, unknown>)[name])]);
}
