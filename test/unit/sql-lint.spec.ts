import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { type Statement, rules } from '../support/sql-rules';

const root = path.resolve(__dirname, '../..');

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
