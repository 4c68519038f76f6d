import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { stepNames } from '../../src/orders/checkout-saga/checkout.saga';
import { bannedIn, proseFolders } from '../support/banned-words';
import { readsOfProse } from '../support/read-prose';
import { foreignReads, foreignReadsIn, foreignWrites, owners } from '../support/table-owners';

/** Rules for the source tree. Each must find a planted violation below. */

const root = resolve(__dirname, '../..');

interface SourceFile {
  path: string;
  text: string;
}

const walk = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? walk(join(folder, entry.name))
      : entry.name.endsWith('.ts')
        ? [join(folder, entry.name)]
        : [],
  );
/** Paths of the service are relative to src/, those of the sandbox start with sandbox/. */
const files: SourceFile[] = [...walk(join(root, 'src')), ...walk(join(root, 'sandbox'))].map((file) => ({
  path: relative(root, file).replace(/^src\//, ''),
  text: readFileSync(file, 'utf8'),
}));

/**
 * The rooms, lowest first: a room may import from those above it in this list, and from itself. Rooms on one line do not
 * know each other. `root` are files that everything may use; `<room>/top` are a room's module and, of orders, what answers
 * requests.
 */
const layers: readonly string[][] = [
  ['root'],
  ['database'],
  ['http', 'queue', 'periodic'],
  ['auth'],
  ['idempotency'],
  ['audit-log'],
  ['outbox'],
  ['inventory', 'payment'],
  ['inventory/products'],
  ['inventory/stock'],
  ['inventory/allocation'],
  ['inventory/reservations'],
  ['inventory/bulk-release', 'inventory/shipments'],
  ['inventory/catalogue'],
  ['inventory/top', 'payment/webhooks', 'payment/stripe-check'],
  ['payment/top'],
  ['orders'],
  ['orders/checkout-saga'],
  ['orders/intake', 'orders/saga-actions', 'orders/payment-check', 'orders/fulfilment'],
  ['orders/top'],
  ['shop-events'],
  ['webhooks'],
  ['background'],
  ['reconciliation'],
  ['audit'],
  ['reporting'],
  ['load-tests'],
  ['health'],
  ['process'],
];
/** Neither knows the other; the checkout brings them together. */
const strangers = ['inventory', 'payment'];
const rootFiles = [
  'clock.ts',
  'coalesced.ts',
  'errors.ts',
  'failpoints.ts',
  'ids.ts',
  'logger.ts',
  'money.ts',
  'version.ts',
];
const processFiles = [
  'api.module.ts',
  'main.ts',
  'process.ts',
  'watchdog.ts',
  'watchdog-thread.ts',
  'worker.module.ts',
  'worker.ts',
];
const topOfOrders =
  /^orders\/((orders|order-payments|fulfilment)\.(controller|service|dto|responses)|order-(watch|answer)|payment-attempts)\.ts$/;

function roomOf(path: string): string {
  if (rootFiles.includes(path) || path.startsWith('config/')) return 'root';
  if (processFiles.includes(path)) return 'process';
  if (/^(\.\.\/)?sandbox\//.test(path)) return 'sandbox';
  const [room = '', second = ''] = path.split('/');
  const hasSubRooms = ['inventory', 'payment', 'orders'].includes(room);
  if (!hasSubRooms) return room;
  if (/^\w+\/\w+\.module\.ts$/.test(path) || topOfOrders.test(path)) return `${room}/top`;
  // Gateways and the operations that they carry out differ by folder alone.
  return second.endsWith('.ts') || second === 'gateways' ? room : `${room}/${second}`;
}

const rankOf = (room: string) => layers.findIndex((layer) => layer.includes(room));

function mayImport(room: string, target: string): boolean {
  if (room === target) return true;
  const [own, other] = [room, target].map((name) => name.split('/')[0]!);
  if (own !== other && strangers.includes(own!) && strangers.includes(other!)) return false;
  return room !== 'sandbox' && target !== 'sandbox' && rankOf(target) < rankOf(room);
}

const importsOf = ({ path, text }: SourceFile): string[] =>
  [...text.matchAll(/(?:from|import|require\()\s*'(\.[^']+)'/g)].map(([, target]) => {
    const file = join(dirname(path), target!);
    return files.some((known) => known.path === `${file}.ts`) ? `${file}.ts` : file;
  });

const rules: Record<string, (all: SourceFile[]) => string[]> = {
  'every room is in the table': (all) =>
    all
      .filter(({ path }) => rankOf(roomOf(path)) === -1 && roomOf(path) !== 'sandbox')
      .map(({ path }) => path),

  'imports follow the table': (all) =>
    all.flatMap((file) =>
      importsOf(file)
        .filter((target) => !mayImport(roomOf(file.path), roomOf(target)))
        .map((target) => `${file.path} imports ${target}`),
    ),

  'the sandbox imports nothing outside its package': (all) =>
    all
      .filter(({ path }) => roomOf(path) === 'sandbox')
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => !target.startsWith('sandbox/'))
          .map((target) => `${file.path} imports ${target}`),
      ),

  'nothing in src imports the sandbox': (all) =>
    all
      .filter(({ path }) => roomOf(path) !== 'sandbox')
      .filter((file) => importsOf(file).some((target) => roomOf(target) === 'sandbox'))
      .map(({ path }) => path),

  'no file imports itself by way of others': (all) => {
    // Types count: two files that need each other's types are read together or not at all.
    const byPath = new Map(all.map((file) => [file.path, importsOf(file)]));
    const circles: string[] = [];
    const visit = (path: string, trail: string[]): void => {
      if (trail.includes(path))
        return void circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      if (done.has(path)) return;
      for (const target of byPath.get(path) ?? []) visit(target, [...trail, path]);
      done.add(path);
    };
    const done = new Set<string>();
    for (const { path } of all) visit(path, []);
    return circles;
  },

  'no folder is a catch-all': (all) =>
    all
      .map(({ path }) => path)
      .filter((path) => /(^|\/)(common|utils?|helpers?|shared|lib|misc)(\/|\.ts$)/.test(path)),

  'no barrels and no forwardRef': (all) =>
    all
      .filter(({ path, text }) => path.endsWith('index.ts') || text.includes('forwardRef'))
      .map(({ path }) => path),

  'no file is longer than 350 lines': (all) =>
    all
      .filter(({ text }) => text.split('\n').length > 351)
      .map(({ path, text }) => `${path}: ${text.split('\n').length}`),

  'no function is longer than 70 lines': (all) => all.flatMap(longFunctions),

  'only modules, entities and entry points are shorter than 20 lines': (all) =>
    all
      .filter(
        ({ path, text }) =>
          text.split('\n').length < 20 && !/(module|entity)\.ts$|^(main|worker|process)\.ts$/.test(path),
      )
      .filter(({ path }) => !tinyOnPurpose.includes(path))
      .map(({ path, text }) => `${path}: ${text.split('\n').length}`),

  'no code parses a sentence': (all) => all.flatMap(readsOfProse),

  "only the saga's list and its steps know a step by name": (all) =>
    all
      .filter(({ path }) => !/^sandbox\/|\/checkout-saga\/(steps\/|checkout\.saga\.ts$)/.test(path))
      // Examples in the documentation of the API show one.
      .filter(({ path }) => !/\.(schemas|dto)\.ts$/.test(path))
      .flatMap(({ path, text }) =>
        [...text.matchAll(stepName)].map(([name]) => `${path} knows the step ${name}`),
      ),

  'no line is a TODO': (all) => all.filter(({ text }) => /TODO|FIXME|XXX/.test(text)).map(({ path }) => path),

  'only the runner and the payment module know the gateway': (all) =>
    all
      .filter(({ path, text }) => /\bPaymentGateway\b|\bGATEWAY\b/.test(text) && !path.startsWith('payment/'))
      .map(({ path }) => path)
      .filter((path) => path !== 'orders/checkout-saga/saga-runner.ts'),

  'only process files import reporting and audit': (all) =>
    all
      .filter(({ path }) => !['process', 'reporting', 'audit'].includes(roomOf(path)))
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => ['reporting', 'audit'].includes(roomOf(target)))
          .map((target) => `${file.path} imports ${target}`),
      ),

  'a room writes and locks only its own tables': (all) => all.flatMap(foreignWrites),

  'reads of other rooms’ tables are listed with their reason': (all) =>
    all.flatMap(foreignReadsIn).filter((read) => !(read in foreignReads)),

  'controllers hold no SQL and open no transaction': (all) =>
    all.filter(({ path, text }) => path.endsWith('.controller.ts') && holdsSql(text)).map(({ path }) => path),

  'only modules import controllers': (all) =>
    all
      .filter(({ path }) => !path.endsWith('.module.ts'))
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => target.endsWith('.controller.ts') || target.endsWith('.controller'))
          .map((target) => `${file.path} imports ${target}`),
      ),

  // The batches of a bulk release record what they did long after the request that began them.
  'operators act through operatorAction': (all) =>
    all
      .filter(({ path, text }) => /\brecordActions\b/.test(text) && !path.startsWith('audit-log/'))
      .map(({ path }) => path)
      .filter((path) => path !== 'inventory/bulk-release/releases.ts'),

  'glossary words are used and their synonyms are not': (all) =>
    all.flatMap(({ path, text }) =>
      path.startsWith('sandbox')
        ? []
        : [
            ...text.matchAll(
              /\b(softLock|booking|unreserve|rollbackSaga|undoStep|preAuth|reaper|janitor|isFailed)\b/g,
            ),
          ].map(([word]) => `${path}: ${word}`),
    ),
};

/** As a literal, in SQL too; a comment may mention one. */
const stepName = new RegExp(`(?<=['"])(?:${stepNames.join('|')})(?=['"])`, 'g');

/** In capitals, as all SQL here is written. */
const holdsSql = (text: string) =>
  /\.(transaction|rows|affected)(<.*>)?\(|\b(SELECT|INSERT INTO|DELETE FROM) /.test(text);

/** Small because their content is. */
const tinyOnPurpose = [
  'version.ts',
  'orders/checkout-saga/code-version.ts',
  'orders/checkout-saga/steps/place-order.ts',
  'orders/checkout-saga/saga-metrics.ts',
  'health/metrics-server.ts',
  'inventory/allocation/strategies/row-lock.ts',
];

/** By indentation, as the formatter leaves it: from a line that opens a block at some depth to the one that closes it. */
function longFunctions({ path, text }: SourceFile): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, start) => {
    const opens =
      /^( {0,4})(export )?(default )?(async )?(function|private|public|protected|static|override|const \w+ = (async )?\(|\w+\().*[({]$/.exec(
        line,
      );
    if (!opens || /^\s*(if|for|while|switch|return|describe|it)\b/.test(line)) return [];
    const end = lines.findIndex(
      (other, at) => at > start && new RegExp(`^${opens[1]}[})]`).test(other) && !/^\s*\)[:,] /.test(other),
    );
    const length = end - start + 1;
    const isFunction = /=>|\)\s*(:.*)?\{$|\($/.test(line) && !/= \[$|= \{$/.test(line);
    return isFunction && length > 70 ? [`${path}:${start + 1} (${length} lines)`] : [];
  });
}

describe('the source tree', () => {
  it.each(Object.entries(rules))('%s', (_, rule) => {
    expect(rule(files)).toEqual([]);
  });

  it('has files of a readable length', () => {
    const lengths = files.map(({ text }) => text.split('\n').length).sort((a, b) => a - b);
    console.log(
      `${files.length} source files, median ${lengths[lengths.length >> 1]} lines, longest ${lengths.at(-1)}`,
    );
    expect(lengths[lengths.length >> 1]).toBeLessThan(150);
  });
});

describe('each rule about the source tree', () => {
  const planted: Record<string, SourceFile[]> = {
    'every room is in the table': [{ path: 'misplaced/thing.ts', text: '' }],
    'imports follow the table': [
      { path: 'inventory/bad.ts', text: `import { x } from '../payment/payment-operations.repository';` },
    ],
    'the sandbox imports nothing outside its package': [
      { path: 'sandbox/ledger/bad.ts', text: `import type { Money } from '../../src/money';` },
    ],
    'nothing in src imports the sandbox': [
      { path: 'payment/bad.ts', text: `import { renderRefund } from '../../sandbox/stripe/objects';` },
    ],
    'no file imports itself by way of others': [
      { path: 'queue/a.ts', text: `import { b } from './b.ts';` },
      { path: 'queue/b.ts', text: `import { a } from './a.ts';` },
    ],
    'no folder is a catch-all': [{ path: 'orders/utils/money.ts', text: '' }],
    'no barrels and no forwardRef': [{ path: 'orders/index.ts', text: '' }],
    'no file is longer than 350 lines': [{ path: 'orders/long.ts', text: '\n'.repeat(360) }],
    'no function is longer than 70 lines': [
      { path: 'orders/long.ts', text: `export function long() {\n${'  x();\n'.repeat(80)}}\n` },
    ],
    'only modules, entities and entry points are shorter than 20 lines': [
      { path: 'orders/tiny.ts', text: 'export const a = 1;\n' },
    ],
    'no code parses a sentence': [
      {
        path: 'orders/reader.ts',
        text: "if (/the provider says/.test(row.detail ?? '')) return 'another amount';",
      },
    ],
    "only the saga's list and its steps know a step by name": [
      { path: 'orders/checkout-saga/transitions.ts', text: "const pivot = 'capture-payment';" },
    ],
    'no line is a TODO': [{ path: 'orders/later.ts', text: `// TO${'DO'} mend this` }],
    'only the runner and the payment module know the gateway': [
      { path: 'orders/steps/impatient.ts', text: 'constructor(private readonly gateway: PaymentGateway) {}' },
    ],
    'only process files import reporting and audit': [
      { path: 'health/curious.ts', text: `import { flowNow } from '../reporting/overview/current-state';` },
    ],
    'a room writes and locks only its own tables': [
      { path: 'orders/mover.ts', text: 'await tx.affected(`INSERT INTO outbox (id) VALUES ($1::uuid)`);' },
    ],
    'reads of other rooms’ tables are listed with their reason': [
      { path: 'auth/nosy.ts', text: 'await db.rows(`SELECT id FROM orders`);' },
    ],
    'controllers hold no SQL and open no transaction': [
      {
        path: 'orders/bad.controller.ts',
        text: "this.db.transaction('operator-action', async (tx) => act(tx))",
      },
    ],
    'only modules import controllers': [
      { path: 'orders/reader.ts', text: `import { orderIdOf } from './orders.controller';` },
    ],
    'operators act through operatorAction': [
      { path: 'orders/rash.ts', text: 'await recordActions(tx, actor, [change]);' },
    ],
    'glossary words are used and their synonyms are not': [
      { path: 'orders/word.ts', text: 'const booking = 1;' },
    ],
  };

  it.each(Object.keys(rules))('turns red on a planted violation: %s', (name) => {
    expect(rules[name]!(planted[name]!)).not.toEqual([]);
  });
});

describe('the search for writes to other rooms’ tables', () => {
  const found = (path: string, text: string) => foreignWrites({ path, text }).length;

  it.each([
    ['UPDATE outbox SET applied_at = NULL'],
    ['DELETE FROM idempotency_keys WHERE created_at < $1'],
    ['TRUNCATE sagas'],
    ['LOCK TABLE orders'],
    ['WITH moved AS (UPDATE orders SET status = $1) INSERT INTO inbox (consumer) SELECT $2'],
    ['SELECT r.id FROM releases r JOIN reservations v ON true WHERE r.id = $1 FOR UPDATE OF v'],
    ['SELECT id FROM reservations WHERE id IN (SELECT id FROM other) ORDER BY id FOR UPDATE SKIP LOCKED'],
    ['WITH due AS (SELECT id FROM sagas LIMIT 1 FOR NO KEY UPDATE) SELECT id FROM due'],
    [`UPDATE ${'$'}{table} SET done = true`],
  ])('finds %s', (sql) => expect(found('auth/rash.ts', `tx.rows(\`${sql}\`)`)).toBeGreaterThan(0));

  it.each([
    ['sessions', 'SELECT s.id FROM sessions s JOIN orders o ON true FOR UPDATE OF s'],
    ['sessions', 'SELECT id FROM sessions WHERE id IN (SELECT id FROM orders) FOR UPDATE'],
    ['no table', '/** UPDATE orders is what others do. */'],
  ])('lets the owner of %s say %s', (_, sql) => expect(found('auth/fine.ts', `tx.rows(\`${sql}\`)`)).toBe(0));

  it('knows every table of the schema', () => {
    const schema = readFileSync(resolve(__dirname, '../../migrations/schema.sql'), 'utf8');
    const tables = [...schema.matchAll(/CREATE TABLE (?:\w+\.)?(\w+)/g)].map(([, table]) => table);
    expect(Object.keys(owners).sort()).toEqual(tables.sort());
  });

  it('lists no read that is gone', () => {
    const reads = files.flatMap(foreignReadsIn);
    expect(Object.keys(foreignReads).filter((read) => !reads.includes(read))).toEqual([]);
  });
});

describe('the prose of this project', () => {
  const root = resolve(__dirname, '../..');
  const under = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(tsx?|mjs|cjs|md)$/.test(name))
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
  const pages = ['README.md', 'CONTRIBUTING.md', ...proseFolders.flatMap(under)].filter(
    // Its planted violations are below.
    (page) => page !== 'test/unit/tidy.spec.ts',
  );

  it('uses plain words', () => {
    expect(pages.flatMap((page) => bannedIn(page, readFileSync(join(root, page), 'utf8')))).toEqual([]);
    expect(pages.length).toBeGreaterThan(600);
  });

  it.each([
    ['a comment', 'orders/a.ts', '/** Whoever comes first is served. */'],
    ['a phrase broken by a line', 'orders/a.ts', '/**\n * It is kept for\n * ever. */'],
    ['a message', 'orders/a.ts', "throw new Error('It was told to stop.');"],
    ['text of a page', 'pages/a.tsx', 'const a = <p>Begin anew</p>;'],
    ['Markdown', 'docs/a.md', 'The queue is a doorbell.'],
    ['a test name', 'test/a.spec.ts', "it('is answered anew', () => undefined);"],
    ['a template in a test name', 'test/a.spec.ts', 'describe(`$' + '{backend} is told`, () => undefined);'],
    ['a script', 'scripts/a.mjs', '// Whoever starts it ends it.'],
    [
      'the name of a test with "should"',
      'test/a.spec.ts',
      "it.each([1, 2])('should return %i', () => undefined);",
    ],
  ])('turns red on a banned word in %s', (_, path, text) => expect(bannedIn(path, text)).not.toEqual([]));

  it.each([
    ['a name', 'orders/a.ts', 'const desk = anew(whoever);'],
    ['a word of the API or the database', 'orders/a.ts', "const kind = 'turn-back';"],
    ['code in Markdown', 'docs/a.md', 'The cause `turn-back` and\n```\nwhoever\n```'],
  ])('lets %s be', (_, path, text) => expect(bannedIn(path, text)).toEqual([]));
});
