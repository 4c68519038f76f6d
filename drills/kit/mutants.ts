import type { Mutant } from './drill';

/** Guards that more than one drill is about. */

export const sentIsTakenForApplied: Mutant = {
  name: 'sent-is-taken-for-applied',
  why: 'what was sent once is never sent again',
  file: 'outbox/relay.js',
  find: 'new Date(claimedAt.getTime() + resendMs)',
  replace: 'new Date(claimedAt.getTime() + 3_600_000)',
};

export const noNetUnderTheDoorbell: Mutant = {
  name: 'no-net-under-the-doorbell',
  why: 'sagas are driven by messages alone',
  file: 'workers/sweeper.js',
  find: "            start('drive sagas', every, () => this.sagas.sweep()),\n",
  replace: '',
};

export const noSweeperForExpiry: Mutant = {
  name: 'alarms-alone',
  why: 'reservations expire when their alarm rings, and only then',
  file: 'workers/sweeper.js',
  find: "            start('expire', every, () => this.reservations.expireDue()),\n",
  replace: '',
};

export const requestRingsItself: Mutant = {
  name: 'request-rings-itself',
  why: 'a request sends its own message, and fails when that cannot be sent',
  file: 'orders/intake.js',
  find: '        this.relay.poke();\n        return accepted;',
  replace: '        await this.relay.runOnce();\n        return accepted;',
};

export const everyKeyIsNew: Mutant = {
  name: 'every-key-is-new',
  why: 'a key that was seen before is taken for a new one, so that a repeat buys again',
  file: 'idempotency/idempotency.js',
  find: '...columns(firsts), fingerprintVersion]);',
  replace: `...columns(firsts.map((claim) => ({ ...claim, key: claim.key + Math.random() }))), fingerprintVersion]);
    inserted.forEach((row, nth) => (row.key = firsts[nth].key));`,
};
