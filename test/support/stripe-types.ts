import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const sdk = join(__dirname, '../../node_modules/stripe/cjs');
const files = [
  'shared.d.ts',
  ...['PaymentIntents', 'Charges', 'Refunds', 'Disputes', 'Events'].map((name) => `resources/${name}.d.ts`),
];

type Declaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

/** A declaration, and the namespaces around it, innermost last. */
interface Found {
  declaration: Declaration;
  scope: string[];
}

/**
 * The response types of the SDK, read as syntax: a type checker would need seconds for the whole SDK. Types of files that
 * are not read can be ids, but not objects.
 */
export class StripeTypes {
  private readonly declarations = new Map<string, Found>();

  constructor() {
    for (const file of files) {
      const text = readFileSync(join(sdk, file), 'utf8');
      this.collect(ts.createSourceFile(file, text, ts.ScriptTarget.Latest), []);
    }
  }

  /** What is wrong with a response: missing and unknown members, and values that the type does not list. */
  problems(value: unknown, typeName: string): string[] {
    const found = this.declarations.get(typeName);
    if (!found) throw new Error(`The SDK has no type ${typeName}`);
    return this.ofDeclaration(value, found, typeName);
  }

  private collect(node: ts.SourceFile | ts.ModuleBlock, scope: string[]): void {
    for (const statement of node.statements) {
      if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
        const name = [...scope, statement.name.text].join('.');
        // The params of requests repeat names of the response types, later in the file.
        if (!this.declarations.has(name)) this.declarations.set(name, { declaration: statement, scope });
      } else if (ts.isModuleDeclaration(statement) && statement.body && ts.isModuleBlock(statement.body))
        this.collect(statement.body, [...scope, (statement.name as ts.Identifier).text]);
    }
  }

  private ofDeclaration(value: unknown, { declaration, scope }: Found, path: string): string[] {
    if (ts.isTypeAliasDeclaration(declaration)) return this.ofType(value, declaration.type, scope, path);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return [`${path} is ${JSON.stringify(value)}, not an object`];

    const members = declaration.members.filter(ts.isPropertySignature);
    const hasIndex = declaration.members.some(ts.isIndexSignatureDeclaration);
    const known = new Set(members.map(({ name }) => (name as ts.Identifier).text));
    // An empty interface stands for any object.
    const unknown = hasIndex || known.size === 0 ? [] : Object.keys(value).filter((name) => !known.has(name));
    return [
      ...unknown.map((name) => `${path}.${name} is unknown`),
      ...members.flatMap(({ name, questionToken, type }) => {
        const key = (name as ts.Identifier).text;
        const member = (value as Record<string, unknown>)[key];
        if (member === undefined) return questionToken ? [] : [`${path}.${key} is missing`];
        return this.ofType(member, type!, scope.concat(declaration.name.text), `${path}.${key}`);
      }),
    ];
  }

  private ofType(value: unknown, type: ts.TypeNode, scope: string[], path: string): string[] {
    const wrong = [
      `${path} is ${JSON.stringify(value)}, not ${type.kind === ts.SyntaxKind.TypeReference ? 'of its type' : ts.SyntaxKind[type.kind]}`,
    ];
    const check = (isRight: boolean): string[] => (isRight ? [] : wrong);
    if (ts.isUnionTypeNode(type)) {
      const tries = type.types.map((member) => this.ofType(value, member, scope, path));
      // Of several members, the one that fits best says what is wrong.
      return tries.reduce((best, next) => (next.length < best.length || isCoarse(best, path) ? next : best));
    }
    if (ts.isLiteralTypeNode(type)) return check(value === literalOf(type.literal));
    if (ts.isArrayTypeNode(type)) return this.ofItems(value, type.elementType, scope, path);
    if (ts.isTypeReferenceNode(type)) return this.ofReference(value, type, scope, path);
    switch (type.kind) {
      case ts.SyntaxKind.StringKeyword:
        return check(typeof value === 'string');
      case ts.SyntaxKind.NumberKeyword:
        return check(Number.isInteger(value));
      case ts.SyntaxKind.BooleanKeyword:
        return check(typeof value === 'boolean');
      default:
        return [];
    }
  }

  private ofReference(value: unknown, type: ts.TypeReferenceNode, scope: string[], path: string): string[] {
    const name = nameOf(type.typeName);
    if (name === 'Array') return this.ofItems(value, type.typeArguments![0]!, scope, path);
    // It stands for values of the future, which the sandbox does not make up.
    if (name === 'OtherString') return [`${path} is ${JSON.stringify(value)}, which the type does not list`];
    const found = this.resolve(name, scope);
    if (found) return this.ofDeclaration(value, found, path);
    return [`${path} is ${JSON.stringify(value)}, and ${name} is not read`];
  }

  private ofItems(value: unknown, type: ts.TypeNode, scope: string[], path: string): string[] {
    if (!Array.isArray(value)) return [`${path} is not a list`];
    return value.flatMap((item, index) => this.ofType(item, type, scope, `${path}[${index}]`));
  }

  /** From the innermost namespace outwards. */
  private resolve(name: string, scope: string[]): Found | undefined {
    for (let depth = scope.length; depth >= 0; depth--) {
      const found = this.declarations.get([...scope.slice(0, depth), name].join('.'));
      if (found) return found;
    }
    return undefined;
  }
}

/** Says only that the value as a whole is of another kind. */
const isCoarse = (problems: string[], path: string): boolean =>
  problems.length > 0 && problems.every((problem) => problem.startsWith(`${path} is `));

const nameOf = (name: ts.EntityName): string =>
  ts.isIdentifier(name) ? name.text : `${nameOf(name.left)}.${name.right.text}`;

function literalOf(literal: ts.LiteralTypeNode['literal']): unknown {
  if (ts.isStringLiteral(literal)) return literal.text;
  if (literal.kind === ts.SyntaxKind.NullKeyword) return null;
  return literal.kind === ts.SyntaxKind.TrueKeyword;
}
