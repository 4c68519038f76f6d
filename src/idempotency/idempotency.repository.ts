import { hash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { type Queryable, type Tx, columnsOf } from '../database/database';
import { LostRace } from '../database/pg-errors';
import { type HoldfastError, refusal } from '../errors';

export const idempotencyKeyMissing = refusal(
  400,
  'idempotency_key_missing',
  'An Idempotency-Key header is required',
);
export const idempotencyKeyInvalid = refusal(
  400,
  'idempotency_key_invalid',
  'The Idempotency-Key header cannot be used',
);
export const idempotencyKeyReused = refusal(
  422,
  'idempotency_key_reused',
  'This Idempotency-Key belongs to another request',
);

/** The problems of every call that requires a key. */
export const keyProblems = [idempotencyKeyMissing, idempotencyKeyInvalid, idempotencyKeyReused];

/** A caller's name for one thing it wants done once. */
export interface IdempotencyClaim {
  principal: string;
  operation: string;
  key: string;
  /** SHA-256 of the request: the same key with another fingerprint is a mistake of the caller's. */
  fingerprint: Buffer;
  /** The request's fingerprint by version 1, where that is another: it counts for keys that version 1 wrote. */
  fingerprintV1?: Buffer;
  /** The id that the resource gets if this claim is the first. */
  resourceId: string;
}

/** Version 1 dropped metadata names such as `toString`. Its support can go 72 hours after the last process that writes it. */
const fingerprintVersion = 2;

/** The claim is the first, a copy of the same request, or another request under the same key. */
export type ClaimOutcome =
  { first: true } | { first: false; resourceId: string } | { first: false; reused: true };

/**
 * An idempotency key is a unique row that commits with the resource it names. No response is stored and no request is
 * ever "in progress": a copy waits in the INSERT for the first one's commit, then reads which resource it made.
 *
 * Keys are inserted in ascending order, so that two transactions with several keys cannot deadlock. Of several claims of
 * one key in `claims` the first wins, and the others get its resource.
 */
export async function claimKeys(tx: Tx, claims: IdempotencyClaim[]): Promise<ClaimOutcome[]> {
  // guard: idempotency-key-is-unique
  const names = claims.map(nameOf);
  const firstByName = new Map<string, IdempotencyClaim>();
  claims.forEach((claim, nth) => {
    if (!firstByName.has(names[nth]!)) firstByName.set(names[nth]!, claim);
  });
  const firsts = [...firstByName.values()];
  const inserted = await tx.rows<KeyName>(
    `
    INSERT INTO idempotency_keys (principal, operation, key, fingerprint, resource_id, fingerprint_version)
    SELECT principal, operation, key, decode(fingerprint, 'hex'), resource_id, $6::smallint
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[])
             AS c (principal, operation, key, fingerprint, resource_id)
     ORDER BY principal, operation, key
        ON CONFLICT DO NOTHING
    RETURNING principal, operation, key
    `,
    [...columns(firsts), fingerprintVersion],
  );
  const won = new Set(inserted.map(nameOf));
  const owners = new Map<string, KeyRow>([...firstByName].filter(([name]) => won.has(name)));
  // The INSERT cannot see the rows that it conflicted with; the next statement can, because they are committed.
  const taken = [...firstByName].filter(([name]) => !won.has(name)).map(([, claim]) => claim);
  for (const row of taken.length > 0 ? await findKeys(tx, taken) : []) owners.set(nameOf(row), row);

  return claims.map((claim, nth) => {
    const owner = owners.get(names[nth]!);
    // Pruned or dropped between the two statements: it is free now, so a second run gets it.
    if (!owner) throw new LostRace('An idempotency key went away while it was being claimed.');
    if (owner === claim) return { first: true };
    if (!isSameRequest(owner, claim)) return { first: false, reused: true };
    return { first: false, resourceId: owner.resourceId };
  });
}

const isSameRequest = (owner: KeyRow, claim: IdempotencyClaim): boolean =>
  owner.fingerprint.equals(claim.fingerprint) ||
  (owner.fingerprintVersion === 1 &&
    claim.fingerprintV1 !== undefined &&
    owner.fingerprint.equals(claim.fingerprintV1));

type Refused = { refused: HoldfastError };

/** The outcome for one request: refused, done before, or decided here. */
export type Decision<D> =
  Refused | { resourceId: string; replayed: true } | { resourceId: string; replayed: false; decided: D };

/**
 * Decides each request at most once: claims the keys of all, calls `decide` for the first ones, and drops the keys of the
 * refused, because a refusal creates nothing and its key may be used again. A copy gets the same outcome as its first.
 *
 * A single refused request may leave rows behind, so its caller rolls back; of several, refused ones leave none.
 */
export async function decideOnce<Q extends { claim: IdempotencyClaim }, D extends object>(
  tx: Tx,
  requests: Q[],
  decide: (first: Q[]) => Promise<(Refused | D)[]>,
): Promise<Decision<D>[]> {
  const asked = requests.map((request) => request.claim);
  const claims = await claimKeys(tx, asked);
  const first = requests.filter((_, index) => claims[index]!.first);
  const decisions = first.length > 0 ? await decide(first) : [];
  const byResource = new Map(first.map((request, nth) => [request.claim.resourceId, decisions[nth]!]));
  const refused = first.filter((_, nth) => 'refused' in decisions[nth]!).map((request) => request.claim);
  if (requests.length > 1) await dropKeys(tx, refused);
  return claims.map((claim, index) => {
    if (!claim.first && 'reused' in claim) return { refused: reusedKey() };
    const resourceId = claim.first ? requests[index]!.claim.resourceId : claim.resourceId;
    const decision = byResource.get(resourceId);
    if (decision && 'refused' in decision) return decision;
    return claim.first
      ? { resourceId, replayed: false, decided: decision as D }
      : { resourceId, replayed: true };
  });
}

/** Deletes keys, so that their next request is a first one again. */
export async function dropKeys(tx: Tx, claims: IdempotencyClaim[]): Promise<void> {
  if (claims.length === 0) return;
  const [principals, operations, keys] = columns(claims);
  await tx.affected(
    `
    DELETE FROM idempotency_keys k
     USING unnest($1::text[], $2::text[], $3::text[]) AS c (principal, operation, key)
     WHERE (k.principal, k.operation, k.key) = (c.principal, c.operation, c.key)
    `,
    [principals, operations, keys],
  );
}

/** Returns how many it deleted: as many as `limit` when more may be left. */
export async function deleteOldKeys(queryable: Queryable, hours: number, limit: number): Promise<number> {
  const deleted = await queryable.rows(
    `
    DELETE FROM idempotency_keys
     WHERE (principal, operation, key) IN (SELECT principal, operation, key FROM idempotency_keys
                                            WHERE created_at < statement_timestamp() - $1::int * interval '1 hour'
                                            LIMIT $2::int)
    RETURNING key
    `,
    [hours, limit],
  );
  return deleted.length;
}

async function findKeys(queryable: Queryable, claims: IdempotencyClaim[]): Promise<KeyRow[]> {
  const [principals, operations, keys] = columns(claims);
  return queryable.rows<KeyRow>(
    `
    SELECT k.principal, k.operation, k.key, k.fingerprint, k.resource_id AS "resourceId",
           k.fingerprint_version AS "fingerprintVersion"
      FROM idempotency_keys k
      JOIN unnest($1::text[], $2::text[], $3::text[]) AS c (principal, operation, key) USING (principal, operation, key)
    `,
    [principals, operations, keys],
  );
}

/** A key of this batch has no version: it was written by this build. */
type KeyRow = IdempotencyClaim & { fingerprintVersion?: number };
type KeyName = Pick<KeyRow, 'principal' | 'operation' | 'key'>;

const nameOf = (claim: KeyName) => `${claim.principal}\n${claim.operation}\n${claim.key}`;

const columns = (claims: IdempotencyClaim[]) => [
  ...columnsOf(claims, 'principal', 'operation', 'key'),
  claims.map((claim) => claim.fingerprint.toString('hex')),
  claims.map((claim) => claim.resourceId),
];

/** The same request has the same fingerprint, whatever the order of its fields. */
export function fingerprintOf(request: unknown): Buffer {
  return hash('sha256', canonical(request), 'buffer');
}

/** The fingerprints of a request with metadata. */
export function fingerprintsOf(request: {
  metadata?: Record<string, string>;
}): Pick<IdempotencyClaim, 'fingerprint' | 'fingerprintV1'> {
  const fingerprint = fingerprintOf(request);
  const members = Object.entries(request.metadata ?? {});
  const keptByV1 = members.filter(([name]) => name !== 'prototype' && !(name in Object.prototype));
  if (keptByV1.length === members.length) return { fingerprint };
  return {
    fingerprint,
    fingerprintV1: fingerprintOf({ ...request, metadata: Object.fromEntries(keptByV1) }),
  };
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
    .join(',')}}`;
}

/**
 * The Idempotency-Key header: 1 to 255 visible ASCII characters, bare or as a quoted RFC 8941 string, which mean the
 * same key.
 */
export function parseIdempotencyKey(header: string | string[] | undefined): string {
  if (header === undefined || header === '') {
    throw idempotencyKeyMissing(
      'Send a fresh UUID as Idempotency-Key, and the same one again when you retry.',
    );
  }
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(String(header));
  const key = quoted ? quoted[1]!.replace(/\\(["\\])/g, '$1') : String(header);
  if (Array.isArray(header) || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw idempotencyKeyInvalid('An Idempotency-Key is 1 to 255 visible ASCII characters; a UUID does well.');
  }
  return key;
}

const keyHeader = 'Idempotency-Key';

/** Names the header in the description of the route. */
const describeKey = (required: boolean) => (target: object, method: string | symbol | undefined) =>
  ApiHeader({ name: keyHeader, required })(
    target,
    method!,
    Object.getOwnPropertyDescriptor(target, method!)!,
  );

const keyOf = (context: ExecutionContext) =>
  context.switchToHttp().getRequest<FastifyRequest>().headers[keyHeader.toLowerCase()];

/** The caller's key for this request; the route refuses the request without one. */
export const IdempotencyKey = createParamDecorator(
  (_: unknown, context: ExecutionContext) => parseIdempotencyKey(keyOf(context)),
  [describeKey(true)],
);

/** For calls whose key is optional. */
export const OptionalIdempotencyKey = createParamDecorator(
  (_: unknown, context: ExecutionContext) => {
    const header = keyOf(context);
    return header === undefined ? undefined : parseIdempotencyKey(header);
  },
  [describeKey(false)],
);

/**
 * For calls whose key may be absent: what the first request with this key made, or undefined if this is the first. The
 * caller commits the claim together with its change.
 */
export async function replayOf(
  tx: Tx,
  key: string | undefined,
  claim: Omit<IdempotencyClaim, 'key' | 'fingerprint'> & { request: unknown },
): Promise<string | undefined> {
  if (key === undefined) return undefined;
  const { request, ...named } = claim;
  const [found] = await claimKeys(tx, [{ ...named, key, fingerprint: fingerprintOf(request) }]);
  if (found!.first) return undefined;
  if ('reused' in found!) throw reusedKey();
  return (found as { resourceId: string }).resourceId;
}

export const reusedKey = () =>
  idempotencyKeyReused('This key was sent before with another body. Use a fresh key for a new request.');
