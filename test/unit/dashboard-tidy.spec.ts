import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { readsOfProse } from '../support/read-prose';

/** Rules for the dashboard's source tree. Each must find a planted violation below. */

const source = resolve(__dirname, '../../dashboard/src');

/** From /openapi.json, by `npm run api-types`. */
const generated = 'api/openapi.ts';

interface SourceFile {
  path: string;
  text: string;
}

const files: SourceFile[] = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(tsx?|css)$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((file) => ({ path: relative(source, file), text: readFileSync(file, 'utf8') }));
const paths = new Set(files.map(({ path }) => path));

/**
 * The folders, lowest first: a folder may import from those above it in this list, and from itself. Folders on one line
 * do not know each other. `root` are the files beside the folders.
 */
const layers: readonly string[][] = [
  ['api', 'browser'],
  ['theme', 'formatting'],
  ['components/values'],
  ['components/feedback', 'components/charts'],
  ['components/forms'],
  ['components/layout'],
  ['components/dialogs', 'components/tables'],
  [
    'pages/queues',
    'pages/orders',
    'pages/reservations',
    'pages/sign-in',
    'pages/not-found',
    'pages/webhooks',
  ],
  ['pages/audit', 'pages/flash-sale', 'pages/overview', 'pages/products', 'pages/review'],
  ['shell'],
  ['root'],
];

function roomOf(path: string): string {
  const [folder = '', second = ''] = path.split('/');
  if (path === folder) return 'root';
  return folder === 'components' || folder === 'pages' ? `${folder}/${second}` : folder;
}

const rankOf = (room: string): number => layers.findIndex((layer) => layer.includes(room));

const importsOf = ({ path, text }: SourceFile): string[] =>
  [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map(([, target]) => {
    const file = join(dirname(path), target!);
    return ['', '.ts', '.tsx'].map((end) => file + end).find((name) => paths.has(name)) ?? file;
  });

const isCode = ({ path }: SourceFile): boolean => !path.endsWith('.css');

const rules: Record<string, (all: SourceFile[]) => string[]> = {
  'every folder is in the table': (all) =>
    all.map(({ path }) => path).filter((path) => rankOf(roomOf(path)) === -1),

  'imports follow the table': (all) =>
    all.filter(isCode).flatMap((file) =>
      importsOf(file)
        .filter((target) => {
          const [from, to] = [roomOf(file.path), roomOf(target)];
          return from !== to && rankOf(to) >= rankOf(from);
        })
        .map((target) => `${file.path} imports ${target}`),
    ),

  'no file imports itself through others': (all) => {
    const byPath = new Map(all.map((file) => [file.path, importsOf(file)]));
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
        return;
      }
      if (done.has(path)) return;
      for (const target of byPath.get(path) ?? []) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const { path } of all) visit(path, []);
    return circles;
  },

  'no folder has more than 20 files': (all) => {
    const sizes = new Map<string, number>();
    for (const { path } of all) sizes.set(dirname(path), (sizes.get(dirname(path)) ?? 0) + 1);
    return [...sizes].filter(([, size]) => size > 20).map(([folder, size]) => `${folder}: ${size} files`);
  },

  'no folder is a catch-all': (all) =>
    all
      .map(({ path }) => path)
      .filter((path) => /(^|\/)(common|utils?|helpers?|shared|lib|misc|index)(\/|\.tsx?$)/.test(path)),

  'no file is longer than 350 lines': (all) =>
    all
      .filter(({ text }) => text.split('\n').length > 351)
      .map(({ path }) => path)
      .filter((path) => path !== generated),

  'no function is longer than 70 lines': (all) => all.filter(isCode).flatMap(longFunctions),

  'every colour is a token': (all) =>
    all
      .filter(({ path }) => path !== 'theme/tokens.css')
      .flatMap(({ path, text }) =>
        [...text.matchAll(/#[0-9a-f]{6}\b|#[0-9a-f]{3}\b(?=;)|\brgba?\(|\bhsla?\(|\boklch\(/g)].map(
          ([colour]) => `${path}: ${colour}`,
        ),
      ),

  'no file requests another host': (all) =>
    all
      .filter(({ text }) =>
        /(https?:)?\/\/[a-z0-9-]+\.[a-z]{2,}/i.test(text.replaceAll('http://www.w3.org/2000/svg', '')),
      )
      .map(({ path }) => path),

  'no HTML is written as a string, whose styles the CSP would drop': (all) =>
    all.filter(({ text }) => /dangerouslySetInnerHTML|\.innerHTML\b/.test(text)).map(({ path }) => path),

  'no code parses a sentence': (all) => all.filter(isCode).flatMap(readsOfProse),

  'no line is a TODO': (all) => all.filter(({ text }) => /TODO|FIXME|XXX/.test(text)).map(({ path }) => path),
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
  const planted: Record<string, SourceFile | SourceFile[]> = {
    'every folder is in the table': [{ path: 'misplaced/thing.ts', text: '' }],
    'imports follow the table': [
      { path: 'components/charts/bad.tsx', text: `import { x } from '../../pages/overview/x';` },
    ],
    'no file imports itself through others': [
      { path: 'shell/a.tsx', text: `import { b } from './b.tsx';` },
      { path: 'shell/b.tsx', text: `import { a } from './a.tsx';` },
    ],
    'no folder has more than 20 files': Array.from({ length: 21 }, (_, nth) => ({
      path: `shell/${nth}.ts`,
      text: '',
    })),
    'no folder is a catch-all': [{ path: 'shell/utils/money.ts', text: '' }],
    'no file is longer than 350 lines': { path: 'shell/long.tsx', text: '\n'.repeat(360) },
    'no function is longer than 70 lines': {
      path: 'components/layout/long.tsx',
      text: `export function Long() {\n${'  x();\n'.repeat(80)}}\n`,
    },
    'every colour is a token': {
      path: 'components/layout/bad.module.css',
      text: '.bad {\n  color: #b9232c;\n}\n',
    },
    'no file requests another host': {
      path: 'theme/bad.css',
      text: `@import 'https://fonts.example.com/x.css';`,
    },
    'no HTML is written as a string, whose styles the CSP would drop': {
      path: 'components/layout/bad.tsx',
      text: 'box.innerHTML = text;',
    },
    'no code parses a sentence': {
      path: 'pages/reader.ts',
      text: "if (/the provider says/.test(row.detail ?? '')) return 'another amount';",
    },
    'no line is a TODO': { path: 'components/layout/later.tsx', text: `// TO${'DO'} mend this` },
  };

  it.each(Object.keys(rules))('turns red on a planted violation: %s', (name) => {
    expect(rules[name]!([planted[name]!].flat())).not.toEqual([]);
  });
});
