import { existsSync } from 'node:fs';
import path from 'node:path';
import { root } from '../support/child';
import { differences, filesIn, read } from '../support/repository';

/** Compares docs/failures.md with the tests and drills. Each rule must also find a planted violation. */

const rowMax = 93;

/** One row of docs/failures.md: its number, and the tests and drills that show it. */
interface Failure {
  row: number;
  shown: string;
  tests: string[];
  drills: string[];
}

function failuresOf(markdown: string): Failure[] {
  return [...markdown.matchAll(/^\| (\d+) \|.*\| ([^|]*) \|$/gm)].map(([, row, shown]) => ({
    row: Number(row),
    shown: shown!,
    tests: [...shown!.matchAll(/\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, file]) => file!),
    drills: [...(/\bdrills? (`[^;]*`)/.exec(shown!)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(
      ([, name]) => name!,
    ),
  }));
}

/** Each drill with each of its rows: `32 stale-worker`. */
function drillsIn(texts: string[]): string[] {
  return texts.flatMap((text) => {
    const [, name, rows] = /\n  name: '([\w-]+)',[^]*?\n  rows: \[([^\]]*)\]/.exec(text) ?? [];
    return (rows?.match(/\d+/g) ?? []).map((row) => `${row} ${name}`);
  });
}

/** What is wrong with the page, apart from the drills. */
function gapsIn(failures: Failure[]): string[] {
  const catalogue = Array.from({ length: rowMax }, (_, index) => index + 1);
  const seen = failures.map(({ row }) => row);
  return [
    ...catalogue.filter((row) => !seen.includes(row)).map((row) => `${row} is missing`),
    ...seen
      .filter((row, index) => seen.indexOf(row) < index || row > rowMax)
      .map((row) => `${row} is too many`),
    ...failures.flatMap(({ row, tests, drills, shown }) => {
      const reasoned = /design: \[[^\]]+\]\(decisions\/|\*\*not yet\*\*: \w+/.test(shown);
      const lost = tests.filter((file) => !file.endsWith('.spec.ts') || !existsSync(path.join(root, file)));
      return [
        ...(tests.length + drills.length > 0 || reasoned ? [] : [`${row} is shown by nothing`]),
        ...lost.map((file) => `${row} is shown by ${file}, which is no test`),
      ];
    }),
  ];
}

describe('docs/failures.md', () => {
  const page = read('docs/failures.md');
  const played = drillsIn(filesIn('drills', /^[\w-]+\.ts$/).map((file) => read(file)));
  const named = (markdown: string) =>
    failuresOf(markdown).flatMap(({ row, drills }) => drills.map((drill) => `${row} ${drill}`));

  it('lists every failure once, with the test that shows it', () => {
    expect(gapsIn(failuresOf(page))).toEqual([]);
  });

  it('names exactly the drills that cover each failure', () => {
    expect(played.length).toBeGreaterThan(10);
    expect(differences(played, named(page))).toEqual([]);
  });

  it('is reported when a failure is missing, duplicate, or shown by no test', () => {
    const wrong = page
      .replace(/^\| 1 \|.*\n/m, '')
      .replace(/^\| 2 \|/m, '| 99 |')
      .replace(/^(\| 3 \|.*\|).*\|$/m, '$1 [gone](../test/unit/gone.spec.ts) |')
      .replace(/^(\| 4 \|.*\|).*\|$/m, '$1 **not yet** |')
      .replace(/^(\| 32 \|.*\n)/m, '$1$1');
    expect(gapsIn(failuresOf(wrong))).toEqual([
      '1 is missing',
      '2 is missing',
      '99 is too many',
      '32 is too many',
      '3 is shown by test/unit/gone.spec.ts, which is no test',
      '4 is shown by nothing',
    ]);
  });

  it('is reported when a drill is missing or not named in its row', () => {
    const planted = drillsIn(["\n  name: 'planted',\n  promise: 'x',\n  rows: [1,\n    72],\n"]);
    expect(planted).toEqual(['1 planted', '72 planted']);
    const renamed = page.replace(/^(\| 32 \|.*)`stale-worker`/m, '$1`stale-workers`');
    expect(differences([...named(page), ...planted], named(renamed))).toEqual([
      '1 planted: only in the code',
      '32 stale-worker: only in the code',
      '32 stale-workers: only in the docs',
      '72 planted: only in the code',
    ]);
  });
});
