import type { FastifyRequest } from 'fastify';
import { accountInvalid, liveKey, invalidRequest, permissionMissing, unauthorized } from '../stripe/errors';

/** What a restricted key may be allowed, by Stripe's names. `write` includes `read`. */
const permissions = [
  'rak_payment_intent_read',
  'rak_payment_intent_write',
  'rak_charge_read',
  'rak_charge_write',
  'rak_dispute_read',
  'rak_event_read',
] as const;
type Permission = (typeof permissions)[number];

/** Refunds belong to the permission for charges, as in Stripe's dashboard ("Charges and Refunds"). */
const resources: Readonly<Record<string, string>> = {
  payment_intents: 'payment_intent',
  charges: 'charge',
  refunds: 'charge',
  disputes: 'dispute',
  events: 'event',
};

/** The keys that the sandbox accepts: one with all permissions, and restricted ones that a test adds. */
export class Keys {
  private readonly restricted = new Map<string, readonly Permission[]>();

  constructor(private readonly secretKey: string) {}

  /** Adds a restricted key, or changes what it may do. It is forgotten at a restart. */
  restrict(body: unknown): { key: string; permissions: readonly Permission[] } {
    const { key, permissions: granted } = (body ?? {}) as { key?: unknown; permissions?: unknown };
    if (typeof key !== 'string' || !/^rk_test_\w+$/.test(key))
      throw invalidRequest('key must start with rk_test_.', undefined, 'key');
    if (!Array.isArray(granted) || !granted.every(isPermission))
      throw invalidRequest(
        `permissions must be a list of ${permissions.join(', ')}.`,
        undefined,
        'permissions',
      );
    this.restricted.set(key, granted);
    return { key, permissions: granted };
  }

  /** `path`: of a known route below `/v1`. */
  check(header: string | undefined, method: string, path: string | undefined): void {
    const key = keyIn(header);
    if (key === undefined) throw unauthorized(undefined);
    if (key === this.secretKey) return;
    if (/^(sk|rk)_live_/.test(key)) throw liveKey();
    const granted = this.restricted.get(key);
    if (!granted) throw unauthorized(key);
    const [, resource] = /^\/v1\/(\w+)/.exec(path ?? '') ?? [];
    const name = resources[resource ?? ''];
    if (name === undefined) return;
    const needed = `rak_${name}_${method === 'GET' ? 'read' : 'write'}`;
    const isGranted = granted.some(
      (permission) => permission === needed || permission === needed.replace(/read$/, 'write'),
    );
    if (!isGranted) throw permissionMissing(key, needed);
  }
}

const isPermission = (value: unknown): value is Permission => permissions.some((name) => name === value);

/** Stripe's SDKs send the key as a Bearer token, `curl -u` as the user name of Basic authentication. */
function keyIn(header: string | undefined): string | undefined {
  const [scheme, value] = (header ?? '').split(' ', 2);
  const isBasic = scheme?.toLowerCase() === 'basic' && value !== undefined;
  return isBasic ? Buffer.from(value, 'base64').toString().split(':', 1)[0] : value;
}

/**
 * The connected account that a request is about, by its `Stripe-Account` header; undefined: the account of the key. Every
 * `acct_…` exists but `acct_revoked…`, which has taken its permission back.
 */
export function accountOf({ headers }: FastifyRequest): string | undefined {
  const account = headers['stripe-account'];
  if (account === undefined || account === '') return undefined;
  if (typeof account !== 'string' || !/^acct_(?!revoked)\w+$/.test(account))
    throw accountInvalid(String(account));
  return account;
}
