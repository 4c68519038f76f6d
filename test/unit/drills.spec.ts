import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { patched } from '../../drills/kit/build';
import type { Drill, Patch } from '../../drills/kit/drill';

/** Holds the drills to their form; that they bite is shown by `npm run drill -- --mutants`. */

const root = path.resolve(__dirname, '../..');
const names = readdirSync(path.join(root, 'drills'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => path.basename(file, '.ts'));
const drills = names.map((name) => {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the list is read from a folder, so no import can name it
  return [name, (require(path.join(root, 'drills', name)) as { drill: Drill }).drill] as const;
});

/** Rows of the failure catalogue. */
const rowMax = 72;

function apply(patch: Patch): void {
  const file = path.join(root, 'dist', patch.file);
  patched(existsSync(file) ? readFileSync(file, 'utf8') : '', patch);
}

describe.each(drills)('the drill %s', (name, drill) => {
  it('is called as its file is', () => {
    expect(drill.name).toBe(name);
  });

  it('says what it promises in one sentence', () => {
    expect(drill.promise).toMatch(/^[A-Z].*\.$/);
  });

  it('names its rows of the failure catalogue', () => {
    expect(drill.rows.length).toBeGreaterThan(0);
    expect(drill.rows.filter((row) => !Number.isInteger(row) || row < 1 || row > rowMax)).toEqual([]);
  });

  it('has a mutant to be seen red on, or says why it has none', () => {
    expect(drill.mutants.length > 0).toBe(drill.noMutant === undefined);
    expect(new Set(drill.mutants.map((mutant) => mutant.name)).size).toBe(drill.mutants.length);
  });

  it('takes out guards that are there', () => {
    for (const mutant of drill.mutants) [mutant, ...(mutant.also ?? [])].forEach(apply);
    drill.patches?.forEach(apply);
  });
});

describe('a patch', () => {
  const patch = { file: 'a.js', find: 'b', replace: '$&' };

  it('replaces what is there once, by what it says and nothing else', () => {
    expect(patched('abc', patch)).toBe('a$&c');
  });

  it.each([
    ['is gone', 'ac'],
    ['is there twice', 'abbc'],
  ])('has rotted when what it replaces %s', (_what, text) => {
    expect(() => patched(text, patch)).toThrow(/rotted/);
  });
});

describe('npm run drill', () => {
  const drill = (args: string[], env: NodeJS.ProcessEnv = {}) => {
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [path.join(root, 'scripts/drill.mjs'), ...args],
      {
        encoding: 'utf8',
        env: { ...process.env, DATABASE_URL: undefined, REDIS_URL: undefined, ...env },
      },
    );
    return { status, said: stderr + stdout };
  };

  it('lists every drill', () => {
    const { status, said } = drill(['--list']);
    expect(status).toBe(0);
    for (const name of names) expect(said).toContain(`${name} `);
  });

  it('names the drills that there are when asked for another', () => {
    const { status, said } = drill(['no-such-drill']);
    expect(status).toBe(2);
    for (const name of names) expect(said).toContain(name);
  });

  it('names its options when asked for another', () => {
    const { status, said } = drill(['--sed', '1']);
    expect(status).toBe(2);
    expect(said).toContain('--seed');
  });

  it.each(['DATABASE_URL', 'REDIS_URL'])('refuses to begin where %s is set', (variable) => {
    const { status, said } = drill([names[0]!], { [variable]: 'postgres://somebody@127.0.0.1/precious' });
    expect(status).toBe(2);
    expect(said).toContain(variable);
    expect(said).not.toContain('begins');
  });
});
