import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { stepLists } from '../../src/orders/checkout-saga/checkout.saga';
import { root } from '../support/child';
import { differences, filesIn, read } from '../support/repository';
import { exploreSaga } from '../support/saga-exploration';

/** Compares the documentation with the code. Each rule must also find a planted violation. */

const sources = filesIn('src', /\.ts$/).map((file) => read(file));

interface Problem {
  code: string;
  status: string;
  isRetryable: boolean;
}

const asText = ({ code, status, isRetryable }: Problem) =>
  `${code} ${status} ${isRetryable ? 'retryable' : 'not retryable'}`;

/** Every `refusal(…)` and `declareProblem(…)`. */
function problemsIn(texts: string[]): string[] {
  const declaration =
    /\b(?:refusal|declareProblem)\(\s*(\d{3}),\s*'([a-z_]+)',\s*(?:'[^']*'|"[^"]*")(,\s*\{[^}]*\})?/g;
  return texts
    .flatMap((text) => [...text.matchAll(declaration)])
    .map(([, status, code, retry = '']) =>
      asText({ code: code!, status: status!, isRetryable: retry.includes('retryable: true') }),
    );
}

function problemsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^## (\w+)\n\n\*\*(\d{3})\*\*, (not )?retryable\./gm)].map(
    ([, code, status, not]) => asText({ code: code!, status: status!, isRetryable: not === undefined }),
  );
}

describe('problem codes in docs/errors.md', () => {
  const inCode = problemsIn(sources);
  const errors = read('docs/errors.md');

  it('have a heading each, with status and whether they can be retried', () => {
    expect(inCode.length).toBeGreaterThan(20);
    expect(differences(inCode, problemsOf(errors))).toEqual([]);
    expect([...errors.matchAll(/^## /gm)]).toHaveLength(inCode.length);
  });

  it('are reported when undocumented, unknown, or with another status', () => {
    const planted = `refusal(409, 'planted', 'x')`;
    const documented = errors
      .replace('## forbidden', '## forbiden')
      .replace('**413**', '**414**')
      .replace(/(## unavailable\n\n\*\*503\*\*, )/, '$1not ');
    expect(differences([...inCode, ...problemsIn([planted])], problemsOf(documented))).toEqual([
      'body_too_large 413 not retryable: only in the code',
      'body_too_large 414 not retryable: only in the docs',
      'forbidden 403 not retryable: only in the code',
      'forbiden 403 not retryable: only in the docs',
      'planted 409 not retryable: only in the code',
      'unavailable 503 not retryable: only in the docs',
      'unavailable 503 retryable: only in the code',
    ]);
  });
});

/** Codes of single fields: `{ pointer: …, code: '…' }`. */
const fieldCodesIn = (texts: string[]): string[] =>
  texts.flatMap((text) =>
    [...text.matchAll(/(?:\bpointer(?:: [^,]*)?,\s*code: |\bFitsWith\(\s*)'([a-z_]+)'/g)].map(
      ([, code]) => code!,
    ),
  );

const fieldCodesOf = (markdown: string): string[] =>
  [...markdown.split('# Codes of fields')[1]!.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code!);

describe('codes of fields in docs/errors.md', () => {
  it('have a row each', () => {
    expect(differences(fieldCodesIn(sources), fieldCodesOf(read('docs/errors.md')))).toEqual([]);
  });

  it('are reported when undocumented or unknown', () => {
    const planted = "errors.push({ pointer, code: 'planted' });";
    const documented = read('docs/errors.md').replace('| `unknown_sku` |', '| `unknown_item` |');
    expect(
      differences([...fieldCodesIn(sources), ...fieldCodesIn([planted])], fieldCodesOf(documented)),
    ).toEqual([
      'planted: only in the code',
      'unknown_item: only in the docs',
      'unknown_sku: only in the code',
    ]);
  });
});

/** What the service and its start scripts read from the environment; PATH and the like belong to the machine. */
function settingsIn(texts: string[]): Set<string> {
  const reads =
    /\bread\.\w+\(\s*'([A-Z][A-Z0-9_]+)'|\benv(?:\.|\['|,\s*')([A-Z][A-Z0-9_]+)|\(settings, '([A-Z][A-Z0-9_]+)'/g;
  const names = texts.flatMap((text) => [...text.matchAll(reads)].map(([, a, b, c]) => (a ?? b ?? c)!));
  return new Set(names.filter((name) => name !== 'PATH'));
}

const settingTexts = [
  ...filesIn('src', /\.ts$/),
  ...filesIn('sandbox', /\.ts$/),
  ...filesIn('scripts', /\.[cm]js$/).filter(
    (file) => !/(test|test-services|redis|chromium)\.mjs$|prebundled\.cjs$/.test(file),
  ),
].map((file) => read(file));

/** First column of every table under a heading, first words in backticks: `A`, `B` and their defaults beside them. */
function settingsOf(markdown: string): Map<string, string> {
  const rows = [...markdown.matchAll(/^\| ((?:`[A-Z][A-Z0-9_]+`(?:, )?)+) \| ([^|]*) \|/gm)];
  return new Map(
    rows.flatMap(([, names, defaults]) => {
      const all = [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
      return all.map((name) => [name, defaults!.trim()] as const);
    }),
  );
}

/** The defaults that are numbers, as src/config/config.ts gives them. */
function numbersIn(config: string): Map<string, string> {
  const integers = [...config.matchAll(/read\.integer\(\s*'(\w+)',\s*([\d_]+)/g)];
  return new Map(integers.map(([, name, value]) => [name!, value!.replaceAll('_', '')]));
}

/** The defaults that differ between API, worker and commands, in this order. */
function patienceIn(config: string): Map<string, string[]> {
  const roles = [
    ...config.matchAll(/^\s+(?:api|worker|command): \{ lock: ([\d_]+), statement: ([\d_]+) \}/gm),
  ];
  const of = (column: number) => roles.map((role) => role[column]!.replaceAll('_', ''));
  return new Map([
    ['DATABASE_LOCK_TIMEOUT_MS', of(1)],
    ['DATABASE_STATEMENT_TIMEOUT_MS', of(2)],
  ]);
}

function wrongDefaults(numbers: Map<string, string>, documented: Map<string, string>): string[] {
  return [...numbers]
    .filter(([name, value]) => documented.has(name) && documented.get(name) !== `\`${value}\``)
    .map(([name, value]) => `${name} is ${value}, not ${documented.get(name)}`);
}

describe('settings in docs/settings.md', () => {
  const inCode = settingsIn(settingTexts);
  const page = settingsOf(read('docs/settings.md'));
  const readme = settingsOf(read('README.md'));
  const numbers = numbersIn(read('src/config/config.ts'));

  it('have a row each', () => {
    expect(inCode.size).toBeGreaterThan(20);
    expect(differences(inCode, page.keys())).toEqual([]);
  });

  it('have the defaults of the code in both tables', () => {
    expect(numbers.size).toBeGreaterThan(10);
    expect([...wrongDefaults(numbers, page), ...wrongDefaults(numbers, readme)]).toEqual([]);
  });

  it('have the defaults of each process', () => {
    const patience = patienceIn(read('src/config/config.ts'));
    for (const [name, values] of patience) {
      expect(values).toHaveLength(3);
      expect(page.get(name)).toBe(`API \`${values[0]}\`, worker \`${values[1]}\`, commands \`${values[2]}\``);
    }
  });

  it('exist when the README names them', () => {
    expect(readme.size).toBeGreaterThan(5);
    expect([...readme.keys()].filter((name) => !page.has(name))).toEqual([]);
  });

  it('are reported when undocumented, unknown, or with another default', () => {
    const planted = settingsIn([
      `read.integer('PLANTED', 1)`,
      'process.env.PLANTED_TOO',
      `integer(env, 'PLANTED_3', 1, range)`,
    ]);
    const documented = settingsOf(
      read('docs/settings.md')
        .replace('| `SWEEP_MS` | `500` |', '| `SWEEP_S` | `1` |')
        .replace('`15000`', '`1500`'),
    );
    expect(differences([...inCode, ...planted], documented.keys())).toEqual([
      'PLANTED: only in the code',
      'PLANTED_3: only in the code',
      'PLANTED_TOO: only in the code',
      'SWEEP_MS: only in the code',
      'SWEEP_S: only in the docs',
    ]);
    expect(wrongDefaults(numbers, documented)).toEqual(['SAGA_LEASE_MS is 15000, not `1500`']);
  });
});

interface Diagram {
  states: string[];
  edges: string[];
}

/** The state diagram under a heading; a state's transition to itself cannot be wrong. */
function diagramUnder(heading: string, markdown: string): Diagram {
  const section = markdown.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const block = /```mermaid\nstateDiagram-v2\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
  const arrows = [...block.matchAll(/^\s+(\[\*\]|\w+) --> (\w+)/gm)].map(
    ([, from, to]) => [from!, to!] as const,
  );
  const states = new Set(arrows.flat().filter((name) => name !== '[*]'));
  const edges = arrows.filter(([from, to]) => from !== '[*]' && from !== to);
  return { states: [...states], edges: edges.map(([from, to]) => `${from} → ${to}`) };
}

/** The members of `export type Name = 'a' | 'b'`. */
function unionIn(file: string, name: string): string[] {
  const union = new RegExp(`export type ${name} =([^;]*);`).exec(read(file))?.[1] ?? '';
  return [...union.matchAll(/'(\w+)'/g)].map(([, member]) => member!);
}

const schema = filesIn('migrations', /\.ts$/)
  .map((file) => read(file))
  .join('\n');
const tableOf = (table: string) =>
  schema.split(`CREATE TABLE ${table} (`)[1]?.split(/\n\s+\)( WITH [^`]*)?`/)[0] ?? '';

/** The states that the table's CHECK allows. */
const dump = readFileSync('migrations/schema.sql', 'utf8');
const checkedIn = (table: string): string[] => {
  const check = new RegExp(`CONSTRAINT ${table}_status_check CHECK (.*)`).exec(dump)?.[1] ?? '';
  return [...check.matchAll(/'(\w+)'/g)].map(([, state]) => state!);
};

const machines = [
  ['Reservation', 'src/inventory/reservations/reservation.entity.ts', 'ReservationStatus', 'reservations'],
  ['Order', 'src/orders/order.entity.ts', 'OrderStatus', 'orders'],
  ['Saga', 'src/orders/saga-state.ts', 'SagaStatus', 'sagas'],
  ['Shipment', 'src/inventory/shipments/shipment.entity.ts', 'ShipmentStatus', 'shipments'],
  ['Payment task', 'src/orders/fulfilment/payment-task.entity.ts', 'TaskStatus', 'payment_tasks'],
  [
    'Payment operation',
    'src/payment/payment-operations.repository.ts',
    'OperationStatus',
    'payment_operations',
  ],
] as const;

/** Every change of a saga's status that some order of events can cause. */
const sagaEdges = (): string[] => [
  ...new Set(Object.values(stepLists).flatMap((steps) => [...exploreSaga(steps).edges])),
];

describe('state diagrams in docs/state-machines.md', () => {
  const page = read('docs/state-machines.md');
  const planted = page
    .replace('  active --> pinned', '  active --> pined')
    .replace('  stuck --> completed: the result of the last step came\n', '')
    .replace(
      '  completed --> compensating',
      '  compensated --> running: planted\n  completed --> compensating',
    );

  it.each(machines)('name the states of the code and of the database: %s', (heading, file, type, table) => {
    const { states } = diagramUnder(heading, page);
    expect(states.length).toBeGreaterThan(2);
    expect(differences(unionIn(file, type), states)).toEqual([]);
    expect(differences(checkedIn(table), states)).toEqual([]);
  });

  it('name the timestamps of a message, which are its states', () => {
    const times = [...tableOf('outbox').matchAll(/^\s+(\w+)_at\s/gm)].map(([, time]) => time!);
    expect(
      differences(
        times.filter((time) => time !== 'next_relay'),
        diagramUnder('Message', page).states,
      ),
    ).toEqual([]);
  });

  it('draw every transition of a saga', () => {
    expect(differences(sagaEdges(), diagramUnder('Saga', page).edges)).toEqual([]);
  });

  it('are reported when a state or a transition is wrong', () => {
    const [, file, type] = machines[0];
    expect(differences(unionIn(file, type), diagramUnder('Reservation', planted).states)).toEqual([
      'pined: only in the docs',
    ]);
    expect(differences(sagaEdges(), diagramUnder('Saga', planted).edges)).toEqual([
      'compensated → running: only in the docs',
      'stuck → completed: only in the code',
    ]);
  });

  const causesIn = (text: string): string[] => [
    'accepted',
    ...[...text.matchAll(/^\s+\| \{ type: '([\w-]+)'/gm)].map(([, event]) => event!),
  ];
  const causesOf = (markdown: string): string[] => {
    const table = markdown.split('| cause in the timeline |')[1]?.split('\n\n')[0] ?? '';
    return [...table.matchAll(/^\| `([\w-]+)`/gm)].map(([, cause]) => cause!);
  };

  it('come with a table of every cause in a timeline', () => {
    const code = read('src/orders/checkout-saga/transitions.ts');
    expect(differences(causesIn(code), causesOf(page))).toEqual([]);
    expect(differences(causesIn(`${code}\n  | { type: 'planted' }`), causesOf(page))).toEqual([
      'planted: only in the code',
    ]);
  });
});

describe('the codes of transitions', () => {
  /** Of a union and of the unions that it names. */
  const codesIn = (file: string, ...names: string[]): string[] => {
    const text = read(file).replace(/\/\*\*.*?\*\//gs, '');
    return names.flatMap((name) => {
      const union = new RegExp(`export type ${name} =([^;]*);`).exec(text)?.[1] ?? '';
      return [...union.matchAll(/'(\w+)'/g)].map(([, member]) => member!);
    });
  };
  const codes = [
    ...codesIn('src/orders/checkout-saga/transition-codes.ts', 'TransitionCode'),
    ...codesIn('src/payment/gateways/gateway.ts', 'UnknownCode', 'HeldBackCode'),
  ];
  const codesOf = (markdown: string): string[] => {
    const table = markdown.split('| code | cause |')[1]?.split('\n\n')[0] ?? '';
    return [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names]) =>
      [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
    );
  };

  it('have a row each in docs/state-machines.md', () => {
    const page = read('docs/state-machines.md');
    expect(codes.length).toBeGreaterThan(30);
    expect(differences(codes, codesOf(page))).toEqual([]);
    expect(
      differences([...codes, 'planted'], codesOf(page.replace('| `late_charge` |', '| `late` |'))),
    ).toEqual(['late: only in the docs', 'late_charge: only in the code', 'planted: only in the code']);
  });
});

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .trim()
    .replace(/\s/g, '-');

/** Relative links that lead nowhere: `file: target`. */
function brokenLinks(file: string, markdown: string): string[] {
  const prose = markdown.replace(/```[\s\S]*?```/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return targets
    .filter((target) => !/^(https?:|mailto:)/.test(target))
    .filter((target) => {
      const [name, anchor] = target.split('#') as [string, string?];
      const linked = name ? path.join(path.dirname(path.join(root, file)), name) : path.join(root, file);
      if (!existsSync(linked)) return true;
      if (anchor === undefined) return false;
      const text = name ? readFileSync(linked, 'utf8') : markdown;
      return ![...text.matchAll(/^#+ (.+)$/gm)].some(([, heading]) => anchorOf(heading!) === anchor);
    })
    .map((target) => `${file}: ${target}`);
}

const pages = [...readdirSync(root).filter((name) => name.endsWith('.md')), ...filesIn('docs', /\.md$/)];

describe('links in docs', () => {
  it.each(pages)('lead somewhere: %s', (page) => {
    expect(brokenLinks(page, read(page))).toEqual([]);
  });

  it('are reported when their target does not exist', () => {
    const planted =
      '[a](nowhere.md) [b](../README.md#nowhere) [c](errors.md#unavailable) [d](https://example.org)';
    expect(brokenLinks('docs/glossary.md', planted)).toEqual([
      'docs/glossary.md: nowhere.md',
      'docs/glossary.md: ../README.md#nowhere',
    ]);
  });

  it('lead from the list of decisions to every decision', () => {
    const files = readdirSync(path.join(root, 'docs/decisions')).filter((name) => /^\d{4}-/.test(name));
    const listed = [...read('docs/decisions/README.md').matchAll(/\]\((\d{4}-[^)]+)\)/g)].map(
      ([, name]) => name!,
    );
    expect(differences(files, listed)).toEqual([]);
  });
});

describe('docs/integrating.md', () => {
  const example = readdirSync('examples/shop').map((file) => read(`examples/shop/${file}`));
  const blocks = [...read('docs/integrating.md').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);

  it('has code of the example shop, unchanged', () => {
    expect(blocks.length).toBeGreaterThan(5);
    expect(blocks.filter((code) => !example.some((file) => file.includes(code)))).toEqual([]);
  });
});
