import { Counter } from 'prom-client';
import { ConfigError } from '../config/config';
import { unavailable } from '../errors';

const noConnection = new Counter({
  name: 'holdfast_database_no_connection_total',
  help: 'Requests and tasks that got no connection to the database in time: the pool is exhausted.',
});

/**
 * What an error of PostgreSQL means to us, by SQLSTATE alone: constraint names differ between engines and are empty
 * through a coordinator.
 */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

const retriedWhole = new Set([
  '40001', // serialization failure
  '40P01', // deadlock detected
]);

const busy = new Set([
  '55P03', // lock timeout, or NOWAIT found it locked
  '57014', // statement timeout
  '53300', // too many connections
  '53400', // configuration limit exceeded
]);

/** The transaction lost a race and changed nothing. Run again from the start, it may succeed. */
export function isConflict(error: unknown): boolean {
  return retriedWhole.has(sqlStateOf(error) ?? '');
}

/** The connection was lost or is silent: before COMMIT nothing was stored; at COMMIT it is unknown. */
export function isConnectionLost(error: unknown): boolean {
  // guard: connection-loss-is-known
  const state = sqlStateOf(error);
  if (state)
    // guard: read-only-is-connection-loss
    return state.startsWith('08') || state.startsWith('57P') || state === '25006' || state === '25P03';
  const { code, message } = (error ?? {}) as { code?: string; message?: string };
  return (
    isNeverSent(error) ||
    ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'].includes(code ?? '') ||
    // guard: silence-is-loss
    isSilent(error) ||
    /connection terminated|client has encountered a connection error|not queryable/i.test(message ?? '')
  );
}

/** No answer came within `query_timeout`. pg sends no cancel and gives its error no code, and the connection stays busy. */
export function isSilent(error: unknown): boolean {
  return /^query read timeout$/i.test((error as Error | null)?.message ?? '');
}

/** TypeORM saw the connection end before the statement was sent, so the server never received it. */
export function isNeverSent(error: unknown): boolean {
  return (error as Error | null)?.name === 'QueryRunnerAlreadyReleasedError';
}

/** The pool's. */
export const isWithoutConnection = (error: unknown): boolean =>
  /timeout exceeded when trying to connect/.test(String((error as Error)?.message));

const isBusy = (error: unknown): boolean => busy.has(sqlStateOf(error) ?? '') || isWithoutConnection(error);

/** It refuses writes: a standby, the old primary after a failover, or set so by an operator. */
export function isReadOnly(error: unknown): boolean {
  // guard: read-only-is-known
  return sqlStateOf(error) === '25006';
}

export const readOnlyDetail = 'The database is read-only, so nothing can be changed.';

/**
 * Turns an error of a busy or unreachable PostgreSQL into a 503 with the error as its cause. Other errors are returned
 * unchanged.
 */
export function asUnavailable(error: unknown): unknown {
  if (isWithoutConnection(error)) noConnection.inc();
  const detail = unavailableDetail(error);
  return detail === undefined ? error : Object.assign(unavailable(detail), { cause: error });
}

/** The same for what followed a COMMIT without an answer: the request may have been carried out. */
export function asUnavailableAfterCommit(error: unknown): unknown {
  if (unavailableDetail(error) === undefined) return error;
  const detail =
    'The database did not confirm the change, so it may or may not be stored. Send the same request again, with the same Idempotency-Key if it has one.';
  return Object.assign(unavailable(detail), { cause: error });
}

function unavailableDetail(error: unknown): string | undefined {
  if (isBusy(error) || isConflict(error))
    return 'The database is busy. Nothing was changed; send the same request again in a second.';
  if (isReadOnly(error)) return 'The database is read-only. Nothing was stored.';
  // ConfigError: the session lacks a setting, and the log says which.
  if (isConnectionLost(error) || error instanceof ConfigError) return 'The database cannot be reached.';
  return undefined;
}

/** PostgreSQL is away or refuses writes, so everything fails. Also true of the 503 made from such an error. */
export function isDatabaseAway(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (isConnectionLost(cause)) return true;
  return false;
}

/** A race detected by our own code. The transaction runs again, as if PostgreSQL had refused it. */
export class LostRace extends Error {
  readonly code = '40001';
}

/** The schema has no such table or column yet. */
export const isNotMigrated = (error: unknown): boolean =>
  ['42P01', '42703'].includes(sqlStateOf(error) ?? '');
