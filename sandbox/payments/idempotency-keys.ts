import { createHash } from 'node:crypto';
import type { Entry, Ledger } from '../ledger/ledger';
import type { Params } from '../stripe/params';
import { invalidRequest, keyInUse, keyReused } from '../stripe/errors';

/**
 * Idempotency as Stripe documents it. A key is, in this order:
 *
 * - unknown: the request may begin, and the key is in use until it is saved or released;
 * - in use: 409, and asking again later is right;
 * - saved: the first answer again, whatever it was, until the window is over;
 * - forgotten, and so unknown: whoever asks again now pays again.
 *
 * With other parameters or another path a known key is refused with 400, in use or saved: the caller has
 * mixed up two requests, and waiting would not mend that. Refusals from before execution release the key.
 */
export class IdempotencyKeys {
  private readonly inUse = new Map<string, string>();

  constructor(
    private readonly ledger: Ledger,
    private readonly windowSeconds: number,
  ) {
    for (const { begun } of ledger.begun.values())
      if (begun.key !== undefined) this.inUse.set(begun.key, begun.fingerprint);
  }

  /** The saved entry to answer again, or undefined when the request is the first and has now begun. */
  begin(key: string, fingerprint: string): Entry | undefined {
    const saved = this.savedUnder(key);
    const known = saved?.fingerprint ?? this.inUse.get(key);
    if (known !== undefined && known !== fingerprint) throw keyReused(key);
    if (saved) return this.ledger.read(saved.offset);
    if (known !== undefined) throw keyInUse(key);

    this.inUse.set(key, fingerprint);
    return undefined;
  }

  /** After execution the ledger knows the key; before it, the key is free again. Harmless to repeat. */
  release(key: string): void {
    this.inUse.delete(key);
  }

  private savedUnder(key: string): { fingerprint: string; offset: number } | undefined {
    const saved = this.ledger.savedKeys.get(key);
    return saved && Date.now() - saved.at < this.windowSeconds * 1_000 ? saved : undefined;
  }
}

/** The key of a request, or undefined: Stripe takes requests without one, and so repeats them. */
export function keyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  if (typeof header !== 'string' || header.length > 255) {
    throw invalidRequest('Idempotency keys can have up to 255 characters.');
  }
  return header;
}

/** Equal for requests that ask for the same thing, in whatever order a client encodes its parameters. */
export function fingerprintOf(path: string, params: Params): string {
  return createHash('sha256')
    .update(`${path}\n${JSON.stringify(sorted(params))}`)
    .digest('base64url')
    .slice(0, 22);
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const names = Object.keys(value).sort();
  return names.map((name) => [name, sorted((value as Record<string, unknown>)[name])]);
}
