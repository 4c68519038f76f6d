import { ConfigError } from './config/config';

/**
 * Places where a drill can make this process fail: `FAILPOINT=<name>:<action>[@<nth>]`, several separated by commas.
 *
 * Every transaction has two (before and after its commit), and so has every step that leaves the process: the call to the
 * provider, the job sent and taken, the webhook received. Unarmed, a failpoint is one comparison. (The idea is from
 * FreeBSD's fail(9) and FoundationDB's BUGGIFY.)
 *
 * kill9       the process dies, as in a power cut
 * stop        it is stopped (SIGSTOP) until SIGCONT, as a stalled virtual machine
 * throw       an error is thrown, as by a bug
 * sleep=<ms>  it waits, as for a slow disk or a slow peer
 * hang        promises resolve forever, so that no timer and no signal is handled, as by a bug
 */
export const transactionNames = [
  'intake',
  'reserve',
  'change-reservation',
  'change-lines',
  'move-goods',
  'expire',
  'claim-saga',
  'record-result',
  'note-failure',
  'request-cancellation',
  'request-payment',
  'request-refund',
  'request-capture',
  'claim-task',
  'record-task',
  'operator-action',
  'claim-messages',
  'apply-event',
  'provider-events',
  'claim-checks',
  'check-payment',
  'dead-letter',
  'mark-deliveries',
  'product',
  'transfer',
  'audit',
  'command',
] as const;
export type TransactionName = (typeof transactionNames)[number];

const calls = ['authorize', 'charge', 'capture', 'void', 'refund'] as const;

const ownNames = [
  'intake.key-claimed',
  'intake.stock-taken',
  'reserve.key-claimed',
  'reserve.stock-taken',
  'lease.stock-read',
  'relay.sent',
  'relay.marked',
  'consumer.started',
  'consumer.taken',
  'consumer.split',
  'consumer.done',
  'webhook.before-store',
  'webhook.stored',
  'delivery.sent',
] as const;

export type Failpoint =
  | (typeof ownNames)[number]
  | `${TransactionName}.${'before-commit' | 'after-commit'}`
  | `${(typeof calls)[number]}.${'before-ask' | 'during-ask' | 'after-ask'}`;

export const failpointNames: readonly Failpoint[] = [
  ...ownNames,
  ...transactionNames.flatMap((name) => [`${name}.before-commit`, `${name}.after-commit`] as const),
  ...calls.flatMap((call) => [`${call}.before-ask`, `${call}.during-ask`, `${call}.after-ask`] as const),
];

const plainActions = ['kill9', 'stop', 'throw', 'hang'] as const;
type Action = { kind: (typeof plainActions)[number] } | { kind: 'sleep'; ms: number };

/** `nth`: act only on the n-th pass; undefined on every pass. */
export interface ArmedFailpoint {
  name: Failpoint;
  action: Action;
  nth: number | undefined;
}

/** `record`: nothing fails; each name is printed on its first pass. */
export type Failpoints = 'record' | readonly ArmedFailpoint[];

const example = 'Example: FAILPOINT=intake.before-commit:kill9';

/** Throws ConfigError for an unknown name or action. */
export function parseFailpoints(setting: string): Failpoints {
  return setting === 'record' ? 'record' : setting.split(',').map((entry) => parseOne(entry.trim()));
}

function parseOne(entry: string): ArmedFailpoint {
  const [, written, action, nth] = /^([^:@]+):([^@]+)(?:@([1-9]\d{0,8}))?$/.exec(entry) ?? [];
  if (!written || !action) {
    throw new ConfigError(`FAILPOINT holds "${entry}", which is not <name>:<action>[@<nth>]. ${example}`);
  }
  const name = failpointNames.find((known) => known === written);
  if (!name) {
    throw new ConfigError(
      `FAILPOINT names "${written}", which does not exist. Known: ${failpointNames.join(', ')}.`,
    );
  }
  return { name, action: parseAction(action), nth: nth === undefined ? undefined : Number(nth) };
}

function parseAction(action: string): Action {
  const kind = plainActions.find((known) => known === action);
  if (kind) return { kind };
  const [, ms] = /^sleep=(\d{1,7})$/.exec(action) ?? [];
  if (ms !== undefined) return { kind: 'sleep', ms: Number(ms) };
  throw new ConfigError(
    `FAILPOINT holds the action "${action}", none of ${plainActions.join(', ')}, sleep=<ms>. ${example}`,
  );
}

let armed: Failpoints | undefined;
const passed = new Map<Failpoint, number>();

/** Call it when the process starts, with the setting FAILPOINT. */
export function armFailpoints(setting: string | undefined): void {
  armed = setting === undefined ? undefined : parseFailpoints(setting);
  passed.clear();
}

/** Marks a place where the process can fail. */
export function failpoint(name: Failpoint): Promise<void> | undefined {
  return armed === undefined ? undefined : pass(name, armed);
}

async function pass(name: Failpoint, failpoints: Failpoints): Promise<void> {
  const times = (passed.get(name) ?? 0) + 1;
  passed.set(name, times);
  if (failpoints === 'record') {
    if (times === 1) console.log(`failpoint ${name}`);
    return;
  }
  for (const { action, nth } of failpoints.filter((one) => one.name === name)) {
    if (nth === undefined || nth === times) await act(name, action);
  }
}

/** Long enough that a request has left the process, and shorter than a slow provider's answer. */
const duringMs = 50;

async function act(name: Failpoint, action: Action): Promise<void> {
  if (name.endsWith('.during-ask')) await pause(duringMs);
  if (action.kind === 'kill9') process.kill(process.pid, 'SIGKILL');
  if (action.kind === 'stop') {
    // The drill waits for this line: a SIGCONT sent earlier has no effect.
    console.log(`failpoint ${name} stops`);
    process.kill(process.pid, 'SIGSTOP');
  }
  if (action.kind === 'throw') throw new Error(`thrown by the failpoint ${name}`);
  while (action.kind === 'hang') await Promise.resolve();
  if (action.kind === 'sleep') await pause(action.ms);
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
