import { applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiResponse } from '@nestjs/swagger';
import type { RefusalKind } from '../errors';

/** A JSON value that stands for all of its kind in the API's description: its schema is read off it. */
export type Example = Record<string, unknown>;

/** What schema reading cannot see in one example. Paths are dotted; `[]` steps into a list. */
export interface ExampleNotes {
  enums?: Record<string, readonly string[]>;
  nullable?: readonly string[];
  /** Members that are left out where they mean nothing. */
  optional?: readonly string[];
  /** Objects whose members differ from one to the next. */
  open?: readonly string[];
}

export interface DocumentedType {
  name: string;
  example: Example;
  notes: ExampleNotes;
}

const types = new Map<string, DocumentedType>();

/** Declares a type of answer. Its example is the documentation, and a test holds real answers against its schema. */
export function documented(name: string, example: Example, notes: ExampleNotes = {}): DocumentedType {
  const type = { name, example, notes };
  types.set(name, type);
  return type;
}

/** A page of a list of these. */
export function pageOfType(type: DocumentedType): DocumentedType {
  return documented(
    `${type.name}List`,
    { object: 'list', data: [type.example], hasMore: true, nextCursor: 'MDE5M2Y…' },
    {
      nullable: ['nextCursor', ...(type.notes.nullable ?? []).map((path) => `data[].${path}`)],
      optional: type.notes.optional?.map((path) => `data[].${path}`),
      open: type.notes.open?.map((path) => `data[].${path}`),
      enums: Object.fromEntries(
        Object.entries(type.notes.enums ?? {}).map(([path, values]) => [`data[].${path}`, values]),
      ),
    },
  );
}

/** What a route answers: a type per status, and the problems that are its own beside everybody's. */
export function Answers(answers: Record<number, DocumentedType>, problems: RefusalKind[] = []) {
  return applyDecorators(
    ...Object.entries(answers).map(([status, type]) =>
      ApiResponse({
        status: Number(status),
        description: type.name,
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${type.name}` } } },
      }),
    ),
    ApiExtension(
      'x-problems',
      problems.map(({ code }) => code),
    ),
  );
}

export const documentedTypes = () => [...types.values()];

interface Schema {
  type?: string;
  nullable?: boolean;
  enum?: readonly (string | null)[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  example?: unknown;
}

/** The schema that an example has: every member required but the optional ones, none beside them. */
export function schemaOf(value: unknown, notes: ExampleNotes, path = ''): Schema {
  const nullable = notes.nullable?.includes(path) ? { nullable: true } : {};
  if (Array.isArray(value))
    return { type: 'array', items: schemaOf(value[0], notes, `${path}[]`), ...nullable };
  if (typeof value === 'object' && value !== null) {
    if (notes.open?.includes(path)) return { type: 'object', additionalProperties: true, ...nullable };
    if (path.endsWith('metadata')) return { type: 'object', additionalProperties: { type: 'string' } };
    const pathOf = (name: string) => (path ? `${path}.${name}` : name);
    const properties = Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, schemaOf(member, notes, pathOf(name))]),
    );
    return {
      type: 'object',
      properties,
      required: Object.keys(properties).filter((name) => !notes.optional?.includes(pathOf(name))),
      additionalProperties: false,
      ...nullable,
    };
  }
  // An empty list in an example is one of rows that have no fixed members.
  if (value === undefined) return { type: 'object', additionalProperties: true };
  const values = notes.enums?.[path];
  const members = values && 'nullable' in nullable ? [...values, null] : values;
  const type = typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value;
  return { type: value === null ? 'string' : type, ...(members ? { enum: members } : {}), ...nullable };
}

/** What clients see. Money in minor units with its currency, ids as TypeIDs, instants both as a time and as seconds. */

export const money = (amount: number, currency: string) => ({ amount, currency });

/** Rounded up, so that 0 says "past" and nothing else. */
export const secondsUntil = (then: Date, now: Date) =>
  Math.max(0, Math.ceil((then.getTime() - now.getTime()) / 1_000));
