import { type Mutant, removed } from './drill';

/** Mutants that several drills share. */

export const sentCountsAsApplied: Mutant = {
  name: 'sent-counts-as-applied',
  why: 'a message is never sent a second time',
  guard: 'unapplied-messages-are-resent',
  change: (line) => line.replace('resendMs', '3_600_000'),
};

export const noSweeperForSagas: Mutant = {
  name: 'no-sweeper-for-sagas',
  why: 'only messages drive sagas',
  guard: 'sweeper-drives-sagas',
  change: removed,
};

export const noSweeperForExpiry: Mutant = {
  name: 'no-sweeper-for-expiry',
  why: 'only alarms expire reservations',
  guard: 'sweeper-expires-reservations',
  change: removed,
};

export const requestSendsItsMessage: Mutant = {
  name: 'request-sends-its-message',
  why: 'a request sends its own message and fails if that fails',
  guard: 'wake-up-is-not-awaited',
  change: (line) => line.replace('this.relay.poke(own)', 'await this.relay.runOnce(own)'),
};

export const everyKeyIsNew: Mutant = {
  name: 'every-key-is-new',
  why: 'a known key counts as new, so a repeat buys again',
  guard: 'idempotency-key-is-unique',
  change: (line) =>
    `claims = claims.map((claim) => ({ ...claim, key: claim.key + Math.random() }));\n${line}`,
};

export const lostConnectionNotRecognised: Mutant = {
  name: 'lost-connection-not-recognised',
  why: 'a closed connection is treated like any other error',
  guard: 'connection-loss-is-known',
  change: (line) => `return false;\n${line}`,
};
