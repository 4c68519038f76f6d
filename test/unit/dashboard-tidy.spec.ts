import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { readsOfProse } from '../support/read-prose';

/** The shape of the dashboard's tree, as rules. Each is seen red on a planted violation below. */

const source = resolve(__dirname, '../../dashboard/src');

interface SourceFile {
  path: string;
  text: string;
}

const files: SourceFile[] = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(tsx?|css)$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((file) => ({ path: relative(source, file), text: readFileSync(file, 'utf8') }));

/** Which rooms a room may import from, beside itself. */
const mayImport: Record<string, readonly string[]> = {
  words: ['look'],
  look: [],
  api: [],
  parts: ['api', 'look', 'words'],
  pages: ['parts', 'api', 'look', 'words'],
  shell: ['pages', 'parts', 'api', 'look', 'words'],
  root: ['shell', 'pages', 'parts', 'api', 'look', 'words'],
};

const roomOf = (path: string): string => (path.includes('/') ? path.split('/')[0]! : 'root');

const importsOf = ({ path, text }: SourceFile): string[] =>
  [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map(([, target]) =>
    join(dirname(path), target!),
  );

const isCode = ({ path }: SourceFile): boolean => !path.endsWith('.css');

const rules: Record<string, (all: SourceFile[]) => string[]> = {
  'imports follow the table': (all) =>
    all.filter(isCode).flatMap((file) =>
      importsOf(file)
        .filter((target) => {
          const [from, to] = [roomOf(file.path), roomOf(target)];
          // What every page is made of stands beside the rooms.
          return from !== to && to !== 'root' && !mayImport[from]?.includes(to);
        })
        .map((target) => `${file.path} imports ${target}`),
    ),

  'no file is longer than 350 lines': (all) =>
    all
      .filter(({ text }) => text.split('\n').length > 351)
      .map(({ path }) => path)
      // A dictionary: nobody reads it from end to end.
      .filter((path) => !path.startsWith('api/shapes/')),

  'no function is longer than 70 lines': (all) => all.filter(isCode).flatMap(longFunctions),

  'every colour is a token': (all) =>
    all
      .filter(({ path }) => path !== 'look/tokens.css')
      .flatMap(({ path, text }) =>
        [...text.matchAll(/#[0-9a-f]{6}\b|#[0-9a-f]{3}\b(?=;)|\brgba?\(|\bhsla?\(|\boklch\(/g)].map(
          ([colour]) => `${path}: ${colour}`,
        ),
      ),

  'nothing is asked of another host': (all) =>
    all
      .filter(({ text }) =>
        /(https?:)?\/\/[a-z0-9-]+\.[a-z]{2,}/i.test(text.replaceAll('http://www.w3.org/2000/svg', '')),
      )
      .map(({ path }) => path),

  'no HTML is written as a string, whose styles the CSP would drop': (all) =>
    all.filter(({ text }) => /dangerouslySetInnerHTML|\.innerHTML\b/.test(text)).map(({ path }) => path),

  'no sentence is made by reading another': (all) => all.filter(isCode).flatMap(readsOfProse),

  'no line is left for later': (all) =>
    all.filter(({ text }) => /TODO|FIXME|XXX/.test(text)).map(({ path }) => path),
};

/** By indentation, as the formatter leaves it. */
function longFunctions({ path, text }: SourceFile): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, start) => {
    const opens = /^( {0,2})(export )?(default )?(async )?(function|const \w+ = (async )?\()/.exec(line);
    if (!opens || !/[({]$/.test(line)) return [];
    const closes = new RegExp(`^${opens[1]}\\}[;)]*$`);
    const end = lines.findIndex((other, at) => at > start && closes.test(other));
    return end - start + 1 > 70 ? [`${path}:${start + 1} (${end - start + 1} lines)`] : [];
  });
}

describe('the dashboard’s tree', () => {
  it.each(Object.entries(rules))('%s', (_, rule) => {
    expect(rule(files)).toEqual([]);
  });
});

describe('each rule about the dashboard’s tree', () => {
  const planted: Record<string, SourceFile> = {
    'imports follow the table': { path: 'parts/bad.tsx', text: `import { x } from '../pages/overview/x';` },
    'no file is longer than 350 lines': { path: 'parts/long.tsx', text: '\n'.repeat(360) },
    'no function is longer than 70 lines': {
      path: 'parts/long.tsx',
      text: `export function Long() {\n${'  x();\n'.repeat(80)}}\n`,
    },
    'every colour is a token': { path: 'parts/bad.module.css', text: '.bad {\n  color: #b9232c;\n}\n' },
    'nothing is asked of another host': {
      path: 'look/bad.css',
      text: `@import 'https://fonts.example.com/x.css';`,
    },
    'no HTML is written as a string, whose styles the CSP would drop': {
      path: 'parts/bad.tsx',
      text: 'box.innerHTML = text;',
    },
    'no sentence is made by reading another': {
      path: 'pages/reader.ts',
      text: "if (/the provider says/.test(row.detail ?? '')) return 'another amount';",
    },
    'no line is left for later': { path: 'parts/later.tsx', text: `// TO${'DO'} mend this` },
  };

  it.each(Object.keys(rules))('turns red on a planted violation: %s', (name) => {
    expect(rules[name]!([planted[name]!])).not.toEqual([]);
  });
});
