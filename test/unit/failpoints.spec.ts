import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError, loadConfig } from '../../src/config/config';
import {
  armFailpoints,
  failpoint,
  failpointNames,
  parseFailpoints,
  transactionNames,
} from '../../src/failpoints';

const refusalOf = (setting: string): string => {
  try {
    parseFailpoints(setting);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error(`"${setting}" was accepted`);
};

afterEach(() => {
  armFailpoints(undefined);
  jest.restoreAllMocks();
});

describe('the setting FAILPOINT', () => {
  it.each([
    ['intake.before-commit:kill9', [{ name: 'intake.before-commit', action: { kind: 'kill9' } }]],
    ['relay.sent:stop', [{ name: 'relay.sent', action: { kind: 'stop' } }]],
    ['capture.during-ask:throw@3', [{ name: 'capture.during-ask', action: { kind: 'throw' }, nth: 3 }]],
    ['webhook.stored:sleep=1500', [{ name: 'webhook.stored', action: { kind: 'sleep', ms: 1_500 } }]],
    [
      'reserve.after-commit:sleep=0@12, operator-action.before-commit:throw',
      [
        { name: 'reserve.after-commit', action: { kind: 'sleep', ms: 0 }, nth: 12 },
        { name: 'operator-action.before-commit', action: { kind: 'throw' } },
      ],
    ],
  ])('reads %s', (setting, expected) => {
    expect(parseFailpoints(setting)).toEqual(expected.map((one) => ({ nth: undefined, ...one })));
  });

  it.each(failpointNames)('accepts %s', (name) => {
    expect(parseFailpoints(`${name}:kill9@1`)).toEqual([{ name, action: { kind: 'kill9' }, nth: 1 }]);
  });

  it('accepts record, but only alone', () => {
    expect(parseFailpoints('record')).toBe('record');
    expect(refusalOf('record,intake.before-commit:kill9')).toContain('"record"');
  });

  it.each([
    'intake:kill9',
    'intake.before_commit:kill9',
    'INTAKE.before-commit:kill9',
    'toString:kill9',
    'intake.before-commit:throw,nowhere:throw',
  ])('lists all names when the name is unknown (%s)', (setting) => {
    const message = refusalOf(setting);
    for (const name of failpointNames) expect(message).toContain(name);
  });

  it.each([
    'kill',
    'kill-9',
    'KILL9',
    'sleep',
    'sleep=',
    'sleep=1s',
    'sleep=-1',
    'sleep=12345678',
    'throw:2',
  ])('lists all actions when the action is unknown (%s)', (action) => {
    const message = refusalOf(`intake.before-commit:${action}`);
    expect(message).toContain(`"${action}"`);
    for (const known of ['kill9', 'stop', 'throw', 'hang', 'sleep=<ms>']) expect(message).toContain(known);
  });

  it.each([
    'intake.before-commit',
    'intake.before-commit:',
    ':kill9',
    'intake.before-commit@1:kill9',
    'intake.before-commit:kill9@',
    'intake.before-commit:kill9@0',
    'intake.before-commit:kill9@-1',
    'intake.before-commit:kill9@1.5',
    'intake.before-commit:kill9@1@2',
    'intake.before-commit:kill9,',
    ' ',
  ])('shows an example when it cannot be parsed (%j)', (setting) => {
    const message = refusalOf(setting);
    expect(message).toContain('<name>:<action>[@<nth>]');
    expect(message).toContain('FAILPOINT=intake.before-commit:kill9');
    expect(message).not.toContain('\n');
  });

  it.each(['record', 'intake.before-commit:kill9', 'no such thing'])(
    'is refused in production (%s)',
    (setting) => {
      const production = {
        NODE_ENV: 'production',
        DATABASE_URL: 'postgres://holdfast@127.0.0.1:5432/holdfast',
        STRIPE_SECRET_KEY: 'sk_live_1234567890',
        STRIPE_WEBHOOK_SECRET: 'whsec_1234567890',
        HOLDFAST_ADMIN_KEY: 'a'.repeat(24),
        HOLDFAST_VIEWER_KEY: 'b'.repeat(24),
        HOLDFAST_CLIENT_KEY: 'c'.repeat(24),
        HOLDFAST_SECRETS_KEY: Buffer.alloc(32, 1).toString('base64'),
      };
      const test = { ...production, NODE_ENV: 'test', STRIPE_SECRET_KEY: 'sk_test_1234567890' };
      expect(loadConfig(production).failpoint).toBeUndefined();
      expect(() => loadConfig({ ...production, FAILPOINT: setting })).toThrow(/FAILPOINT.*production/);
      expect(loadConfig({ ...test, FAILPOINT: setting }).failpoint).toBe(setting.trim());
    },
  );
});

describe('a failpoint', () => {
  it('does nothing and returns at once when unarmed', () => {
    expect(failpoint('intake.before-commit')).toBeUndefined();
  });

  it('affects no other failpoint', async () => {
    armFailpoints('intake.before-commit:throw');
    await failpoint('intake.after-commit');
    await failpoint('reserve.before-commit');
    await expect(failpoint('intake.before-commit')).rejects.toThrow(
      'thrown by the failpoint intake.before-commit',
    );
  });

  it('acts on every pass without @nth', async () => {
    armFailpoints('relay.sent:throw');
    for (let nth = 1; nth <= 3; nth++) await expect(failpoint('relay.sent')).rejects.toThrow('relay.sent');
  });

  it('acts with @nth on that pass only, counted per name', async () => {
    armFailpoints('relay.sent:throw@3,relay.marked:throw@1');
    await expect(failpoint('relay.marked')).rejects.toThrow('relay.marked');
    await failpoint('relay.sent');
    await failpoint('relay.sent');
    await expect(failpoint('relay.sent')).rejects.toThrow('relay.sent');
    await failpoint('relay.sent');
  });

  it('counts from the start when armed again', async () => {
    for (let start = 1; start <= 2; start++) {
      armFailpoints('relay.sent:throw@2');
      await failpoint('relay.sent');
      await expect(failpoint('relay.sent')).rejects.toThrow('relay.sent');
    }
  });

  it.each([
    ['kill9', 'SIGKILL'],
    ['stop', 'SIGSTOP'],
  ])('%s sends this process %s', async (action, signal) => {
    const kill = jest.spyOn(process, 'kill').mockReturnValue(true);
    armFailpoints(`claim-saga.before-commit:${action}@2`);
    await failpoint('claim-saga.before-commit');
    expect(kill).not.toHaveBeenCalled();
    await failpoint('claim-saga.before-commit');
    expect(kill.mock.calls).toEqual([[process.pid, signal]]);
  });

  it('sleeps for the given time', async () => {
    armFailpoints('webhook.stored:sleep=120');
    const startedAt = performance.now();
    await failpoint('webhook.stored');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(119);
  });

  it('acts during a call only after the call had time to leave the process', async () => {
    armFailpoints('capture.during-ask:throw');
    const startedAt = performance.now();
    await expect(failpoint('capture.during-ask')).rejects.toThrow('capture.during-ask');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49);
  });

  it('is printed once by record, and does not fail', async () => {
    const print = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    armFailpoints('record');
    for (const name of ['intake.key-claimed', 'relay.sent', 'intake.key-claimed'] as const)
      await failpoint(name);
    expect(print.mock.calls).toEqual([['failpoint intake.key-claimed'], ['failpoint relay.sent']]);
  });
});

/** A drill that uses a name without a place in the code would prove nothing. */
describe('the list of failpoints', () => {
  const source = resolve(__dirname, '../../src');
  const walk = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? walk(path) : [path];
    });
  const code = walk(source)
    .filter((path) => path.endsWith('.ts') && !path.endsWith('failpoints.ts'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');

  it('has each name once', () => {
    expect(new Set(failpointNames).size).toBe(failpointNames.length);
  });

  it('has only transactions that exist', () => {
    const named = transactionNames.filter(
      (name) => !new RegExp(`(transaction|commit|moveAll)(\\(\\s*|: )'${name}'`).test(code),
    );
    // Names of transactions that are not in this list.
    expect(named).toEqual(['command']);
  });

  it('has only places that exist', () => {
    const places = failpointNames.filter((name) => !/commit$|-ask$|key-claimed$|stock-taken$/.test(name));
    expect(places.filter((name) => !code.includes(`failpoint('${name}')`))).toEqual([]);
  });

  it('has only points of an intake that exist', () => {
    const moments = ['key-claimed', 'stock-taken'];
    expect(
      moments.filter((moment) => !code.includes(`failpoint(\`\${kind.transaction}.${moment}\`)`)),
    ).toEqual([]);
  });

  it('has only points of a call that exist', () => {
    const moments = ['before-ask', 'during-ask', 'after-ask'];
    expect(moments.filter((moment) => !code.includes(`\`\${operation.kind}.${moment}\``))).toEqual([]);
  });
});
