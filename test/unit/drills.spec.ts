import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Script } from 'node:vm';
import { guardsOf, patched, textOf } from '../../drills/kit/build';
import { type Drill, type Patch, removed, unlimited } from '../../drills/kit/drill';

/** Checks the form of the drills; `npm run drill -- --mutants` shows that they find their failures. */

const root = path.resolve(__dirname, '../..');
const names = readdirSync(path.join(root, 'drills'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => path.basename(file, '.ts'));
const drills = names.map((name) => {
  // oxlint-disable-next-line typescript/no-require-imports -- the list is read from a folder, so no import can name it
  return [name, (require(path.join(root, 'drills', name)) as { drill: Drill }).drill] as const;
});

/** Rows of the failure catalogue. */
const rowMax = 93;

const docs = readFileSync(path.join(root, 'docs/drills.md'), 'utf8');
const dist = path.join(root, 'dist');
const guards = guardsOf(dist);
const build = textOf(dist);
const patchesOf = (drill: Drill): Patch[] => [
  ...drill.mutants.flatMap((mutant) => [mutant, ...(mutant.also ?? [])]),
  ...(drill.patches ?? []),
];

describe.each(drills)('the drill %s', (name, drill) => {
  it('has the name of its file', () => {
    expect(drill.name).toBe(name);
  });

  it('states its promise in one sentence', () => {
    expect(drill.promise).toMatch(/^[A-Z].*\.$/);
  });

  it('names its rows of the failure catalogue', () => {
    expect(drill.rows.length).toBeGreaterThan(0);
    expect(drill.rows.filter((row) => !Number.isInteger(row) || row < 1 || row > rowMax)).toEqual([]);
  });

  it('has a mutant, or says why it has none', () => {
    expect(drill.mutants.length > 0).toBe(drill.noMutant === undefined);
    expect(new Set(drill.mutants.map((mutant) => mutant.name)).size).toBe(drill.mutants.length);
  });

  it('has a row in docs/drills.md with its promise and its mutants', () => {
    const row = docs.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
    for (const words of [drill.promise, ...drill.mutants.map((mutant) => mutant.why)])
      expect(row).toContain(words);
  });

  it('patches guards that are in the build exactly once, into valid code', () => {
    for (const patch of patchesOf(drill)) {
      expect([patch.guard, guards.get(patch.guard)]).toEqual([patch.guard, [expect.any(String)]]);
      const file = path.join(dist, guards.get(patch.guard)![0]!);
      new Script(patched(readFileSync(file, 'utf8'), patch, build));
    }
  });
});

it('has no guard marker in the build without a drill', () => {
  const used = new Set(drills.flatMap(([, drill]) => patchesOf(drill).map(({ guard }) => guard)));
  expect([...guards.keys()].filter((guard) => !used.has(guard))).toEqual([]);
});

describe('a patch', () => {
  const text = 'a();\n  // guard: fence\n  if (x) b();\nc();';

  it('changes only the line below its marker', () => {
    expect(patched(text, { guard: 'fence', change: removed }, text)).toBe('a();\n  // guard: fence\n\nc();');
  });

  it('finds a marker in SQL', () => {
    const sql = '/* guard: fence */\nAND x = 1';
    expect(patched(sql, { guard: 'fence', change: unlimited }, sql)).toContain('AND x = 1e9');
  });

  it.each([
    ['its marker is gone', 'a();', removed],
    ['it changes nothing', text, (line: string) => line],
    ['it uses a name that its file does not have', text, () => 'renamed();'],
    ['it calls a member that the build does not have', text, () => 'await b.renamed();'],
  ])('is refused when %s', (_what, code, change) => {
    expect(() => patched(code, { guard: 'fence', change }, code)).toThrow(/guard/);
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

  it('lists the drills when asked for an unknown one', () => {
    const { status, said } = drill(['no-such-drill']);
    expect(status).toBe(2);
    for (const name of names) expect(said).toContain(name);
  });

  it('lists its options when given an unknown one', () => {
    const { status, said } = drill(['--sed', '1']);
    expect(status).toBe(2);
    expect(said).toContain('--seed');
  });

  it.each(['DATABASE_URL', 'REDIS_URL'])('refuses to run while %s is set', (variable) => {
    const { status, said } = drill([names[0]!], { [variable]: 'postgres://somebody@127.0.0.1/precious' });
    expect(status).toBe(2);
    expect(said).toContain(variable);
    expect(said).not.toContain('begins');
  });
});
