import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/**
 * Rules for SQL that cost nothing on one machine and are needed on several (one schema per cell, engines that refuse
 * volatile functions in an UPDATE). PostgreSQL accepts everything, so only this test notices.
 */

const root = path.resolve(__dirname, '../..');

interface Statement {
  place: string;
  sql: string;
}

interface Rule {
  name: string;
  breaks: (statement: Statement) => boolean;
  /** SQL that must be refused, and SQL like it that must not. */
  planted: string[];
  allowed: string[];
}

const changesRows = (sql: string) =>
  /(?<!\bFOR |\bNO KEY |\bBEFORE |\bAFTER |\bON )\bUPDATE\b|\bDELETE FROM\b|\bMERGE INTO\b/.test(sql);

const volatile =
  /\b(clock_timestamp|now|random|gen_random_uuid|uuidv7|nextval|timeofday)\s*\(|\b(CURRENT_TIMESTAMP|CURRENT_DATE|LOCALTIMESTAMP)\b/i;

/** A foreign key between tables of two aggregates would tie both to one machine forever. */
const references = new Set([
  'reservation_lines → reservations',
  'order_lines → orders',
  'sagas → orders',
  'saga_transitions → sagas',
]);

const foreignKeysOf = (sql: string) => {
  const table = /\b(?:CREATE|ALTER) TABLE (?:IF (?:NOT )?EXISTS )?(\w+)/.exec(sql)?.[1];
  return [...sql.matchAll(/\bREFERENCES (\w+)/g)].map((match) => `${table} → ${match[1]}`);
};

const rules: Rule[] = [
  {
    name: 'no volatile function where rows are changed (read the clock once after the locks, pass it on)',
    breaks: ({ sql }) => changesRows(sql) && volatile.test(sql),
    planted: [
      `UPDATE sagas SET next_run_at = clock_timestamp() WHERE order_id = $1`,
      `DELETE FROM inbox WHERE received_at < now()`,
      `INSERT INTO counters (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET at = CURRENT_TIMESTAMP`,
      `UPDATE outbox SET id = gen_random_uuid()`,
      `WITH due AS (SELECT id FROM outbox FOR UPDATE) UPDATE outbox o SET priority = random() FROM due`,
    ],
    allowed: [
      `INSERT INTO inbox (received_at) VALUES (clock_timestamp())`,
      `WITH locked AS MATERIALIZED (SELECT id FROM orders FOR UPDATE) SELECT id, clock_timestamp() AS now FROM locked`,
      `UPDATE outbox SET relayed_at = $2::timestamptz WHERE id = $1`,
      `INSERT INTO keys (id, at) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING`,
    ],
  },
  {
    name: 'no time plus or minus an interval on a column where rows are changed',
    breaks: ({ sql }) =>
      changesRows(sql) &&
      (/\b[a-z_]+(?:\.[a-z_]+)?\s*[-+]\s*(?:[^,;()+-]*\*\s*)?(?:interval\b|make_interval)/.test(sql) ||
        /\binterval\s*'[^']*'\s*(?:\*[^,;()+-]*)?[-+]\s*[a-z_]+/.test(sql)),
    planted: [
      `UPDATE reservations SET expires_at = expires_at + interval '1 minute' WHERE id = $1`,
      `DELETE FROM inbox i WHERE i.received_at + $1::int * interval '1 hour' < $2`,
      `UPDATE reservations SET expires_at = interval '1 minute' + expires_at`,
      `UPDATE reservations SET expires_at = expires_at + make_interval(secs => $2)`,
    ],
    allowed: [
      `SELECT id FROM reservations WHERE expires_at + interval '5 seconds' < $1`,
      `UPDATE reservations SET expires_at = greatest(expires_at, $2::timestamptz) WHERE id = $1`,
    ],
  },
  {
    name: 'no sum is an integer of four bytes: several products of a billion units exceed it',
    breaks: ({ sql }) =>
      /\bsum\s*\((?:[^()]|\([^()]*\))*\)(?:\s*FILTER\s*\((?:[^()]|\([^()]*\))*\))?(?:,\s*0\))?::int\b/.test(
        sql,
      ),
    planted: [
      `SELECT sum(on_hand)::int FROM stock_levels`,
      `SELECT coalesce(sum(l.quantity), 0)::int FROM reservation_lines l`,
      `SELECT coalesce(sum(l.quantity) FILTER (WHERE r.status = 'active'), 0)::int FROM r`,
    ],
    allowed: [`SELECT sum(on_hand)::bigint, count(*)::int FROM stock_levels`],
  },
  {
    name: 'no sequence: a number is a counter in the row that it numbers',
    breaks: ({ sql }) =>
      /\bnextval\b|\b(?:SMALL|BIG)?SERIAL\b|\bAS IDENTITY\b|\bCREATE SEQUENCE\b/i.test(sql),
    planted: [
      `INSERT INTO orders (number) VALUES (nextval('order_numbers'))`,
      `CREATE TABLE t (id bigserial PRIMARY KEY)`,
      `CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY)`,
    ],
    allowed: [`UPDATE stock_levels SET fencing_token = fencing_token + 1 WHERE sku = $1`],
  },
  {
    name: 'no schema before a table: the search_path names the cell',
    breaks: ({ sql }) =>
      /\bpublic\s*\./i.test(sql) ||
      // An alias is shorter than the name of a schema; a function may be called by its schema.
      /(?<!\bDISTINCT )\b(?:FROM|JOIN)\s+(?!pg_catalog\.|information_schema\.)\w{3,}\.\w+\b(?!\s*\()/.test(
        sql,
      ) ||
      /\b(?:INTO|UPDATE|TABLE)\s+\w{3,}\.\w+\b/.test(sql),
    planted: [
      `SELECT sku FROM public.products`,
      `UPDATE cell_7.orders SET status = $1`,
      `INSERT INTO holdfast.outbox (id) VALUES ($1)`,
    ],
    allowed: [
      `SELECT p.sku FROM products p JOIN stock_levels s USING (sku) WHERE p.name IS DISTINCT FROM s.pool`,
    ],
  },
  {
    name: 'no SELECT *, but in the audit’s wrapper',
    breaks: ({ sql, place }) => /\bSELECT\s+\*/.test(sql) && !place.startsWith('src/audit/audit.ts'),
    planted: [`SELECT * FROM orders`, `INSERT INTO a SELECT  * FROM b`],
    allowed: [`SELECT count(*) FROM orders`, `SELECT $2::int * interval '1 second'`],
  },
  {
    name: 'no trigger, rule, exclusion constraint or listening',
    breaks: ({ sql }) =>
      /\bCREATE (?:OR REPLACE )?(?:CONSTRAINT )?(?:TRIGGER|RULE)\b|\bEXCLUDE (?:USING|\()|^\s*(?:LISTEN|NOTIFY)\b|\bpg_notify\b/.test(
        sql,
      ),
    planted: [
      `CREATE TRIGGER t BEFORE UPDATE ON orders EXECUTE FUNCTION f()`,
      `CREATE OR REPLACE TRIGGER t AFTER INSERT ON orders EXECUTE FUNCTION f()`,
      `CREATE TABLE t (EXCLUDE USING gist (c WITH &&))`,
      `NOTIFY orders`,
    ],
    allowed: [`CREATE INDEX triggers ON orders (id)`],
  },
  {
    name: 'no foreign key that leaves its aggregate',
    breaks: ({ sql }) => foreignKeysOf(sql).some((key) => !references.has(key)),
    planted: [
      `CREATE TABLE reservations (order_id uuid REFERENCES orders (id))`,
      `ALTER TABLE order_lines ADD FOREIGN KEY (sku) REFERENCES products (sku)`,
    ],
    allowed: [`CREATE TABLE order_lines (order_id uuid NOT NULL REFERENCES orders (id))`],
  },
  {
    name: 'no state of a session: no session SET, advisory lock or temporary table',
    breaks: ({ sql, place }) =>
      // The migration's lock is held by a connection that does nothing else.
      !place.startsWith('src/database/migrate.ts') &&
      /\bpg_(?:try_)?advisory_lock\b|\bCREATE TEMP|^\s*SET (?!LOCAL\b|TRANSACTION\b)\w+ *(?:=|TO\b)/i.test(
        sql,
      ),
    planted: [`SELECT pg_advisory_lock(1)`, `CREATE TEMP TABLE t (id int)`, `SET search_path TO cell_7`],
    allowed: [
      `SELECT pg_advisory_xact_lock(1)`,
      `SET LOCAL lock_timeout = 100`,
      `UPDATE orders SET status = $1`,
    ],
  },
];

const looksLikeSql =
  /^\s*(?:--[^\n]*\n\s*)*(?:WITH|SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|CREATE|ALTER|DROP|SET|LISTEN|NOTIFY|LOCK|TRUNCATE)\b/;

/**
 * Every string of a source file that is a statement. Where a value is put in, the text says what it is if the file
 * says so, and `…` if not.
 */
function statementsIn(file: string, text: string): Statement[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const constants = new Map<string, string>();
  const found: Statement[] = [];
  const textOf = (node: ts.Node): string | undefined => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
    if (!ts.isTemplateExpression(node)) return undefined;
    const valueOf = (value: ts.Expression) => (ts.isIdentifier(value) && constants.get(value.text)) || '…';
    return (
      node.head.text + node.templateSpans.map((span) => valueOf(span.expression) + span.literal.text).join('')
    );
  };
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer) {
      const value = textOf(node.initializer);
      if (value !== undefined) constants.set(node.name.text, value);
    }
    const sql = textOf(node);
    if (sql !== undefined && looksLikeSql.test(sql)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push({ place: `${file}:${line + 1}`, sql });
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

function statementsUnder(...folders: string[]): Statement[] {
  return folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => {
        const name = path.posix.join(folder, ...file.split(path.sep));
        return statementsIn(name, readFileSync(path.join(root, name), 'utf8'));
      }),
  );
}

describe.each(rules)('the SQL of this project: $name', ({ breaks, planted, allowed }) => {
  const ours = statementsUnder('src', 'migrations');

  it('keeps the rule', () => {
    expect(ours.filter(breaks).map(({ place }) => place)).toEqual([]);
  });

  it.each(planted)('would be caught: %s', (sql) => {
    expect(breaks({ place: 'src/planted.ts:1', sql })).toBe(true);
  });

  it.each(allowed)('may say: %s', (sql) => {
    expect(breaks({ place: 'src/planted.ts:1', sql })).toBe(false);
  });
});

describe('the search for SQL', () => {
  it('finds the existing statements', () => {
    const files = new Set(statementsUnder('src', 'migrations').map(({ place }) => place.split(':')[0]));
    expect([...files]).toEqual(
      expect.arrayContaining([
        'migrations/1763632800000-initial.ts',
        'src/inventory/stock/stock-levels.repository.ts',
        'src/inventory/allocation/strategies/conditional-update.ts',
        'src/orders/checkout-saga/saga.repository.ts',
        'src/outbox/relay.ts',
      ]),
    );
  });

  it('searches plain strings, templates, and inserted constants', () => {
    const source = [
      'const clock = `now()`;',
      'const a = "DELETE FROM t WHERE at < now()";',
      `const b = \`\n  UPDATE t SET \${columns}, at = \${clock} WHERE id = \${id}\`;`,
    ].join('\n');
    const found = statementsIn('src/planted.ts', source);
    expect(found.map(({ place }) => place)).toEqual(['src/planted.ts:2', 'src/planted.ts:3']);
    expect(found.filter(rules[0]!.breaks)).toHaveLength(2);
  });
});
