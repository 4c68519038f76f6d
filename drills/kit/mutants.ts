import { type Mutant, removed } from './drill';

/** Guards that more than one drill is about. */

export const sentIsTakenForApplied: Mutant = {
  name: 'sent-is-taken-for-applied',
  why: 'what was sent once is never sent again',
  guard: 'unapplied-messages-are-resent',
  change: (line) => line.replace('resendMs', '3_600_000'),
};

export const noNetUnderTheDoorbell: Mutant = {
  name: 'no-net-under-the-doorbell',
  why: 'sagas are driven by messages alone',
  guard: 'sweeper-drives-sagas',
  change: removed,
};

export const noSweeperForExpiry: Mutant = {
  name: 'alarms-alone',
  why: 'reservations expire when their alarm rings, and only then',
  guard: 'sweeper-expires-reservations',
  change: removed,
};

export const requestRingsItself: Mutant = {
  name: 'request-rings-itself',
  why: 'a request sends its own message, and fails when that cannot be sent',
  guard: 'wake-up-is-not-awaited',
  change: (line) => line.replace('this.relay.poke()', 'await this.relay.runOnce()'),
};

export const everyKeyIsNew: Mutant = {
  name: 'every-key-is-new',
  why: 'a key that was seen before is taken for a new one, so that a repeat buys again',
  guard: 'idempotency-key-is-unique',
  change: (line) =>
    `claims = claims.map((claim) => ({ ...claim, key: claim.key + Math.random() }));\n${line}`,
};
