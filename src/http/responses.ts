import { HttpCode } from '@nestjs/common';
import { ApiExtension, ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';
import type { ProblemType } from '../errors';
import type { IdPrefix } from '../ids';

/**
 * Types of responses, each written once: TypeScript checks the functions that build them (`z.infer`), OpenAPI takes its
 * schemas and examples from them, and the dashboard's types are generated from OpenAPI. They are not run against
 * responses in production; test/integration/openapi.spec.ts holds real ones against the description.
 */
export type ResponseType = z.ZodObject;

/** A named type: a separate schema in the description. No member is allowed beside those listed. */
export const responseType = <Shape extends z.ZodRawShape>(name: string, shape: Shape) =>
  z.strictObject(shape).meta({ id: name });

/** The type of a page of these. */
export const pageType = <Row extends ResponseType>(row: Row) =>
  responseType(`${nameOf(row)}List`, {
    object: z.literal('list'),
    data: z.array(row),
    hasMore: bool(true),
    nextCursor: text('MDE5M2Y…').nullable().describe('Send it as `cursor` for the next page.'),
  });

const nameOf = (type: z.ZodType) => z.globalRegistry.get(type)!.id!;

// Members with the example that the description shows.
export const text = (example: string) => z.string().meta({ example });
export const int = (example: number) => z.int().meta({ example });
export const decimal = (example: number) => z.number().meta({ example });
export const bool = (example: boolean) => z.boolean().meta({ example });
export const instant = (example = '2026-11-20T10:00:00.000Z') => text(example).meta({ format: 'date-time' });
export const publicIdOf = (prefix: IdPrefix) => text(`${prefix}_01jd3v7q8ne05v7c0kq1e5m9tz`);

export const moneyType = responseType('Money', {
  amount: int(3998).describe('In minor units (cents).'),
  currency: text('EUR').describe('ISO 4217.'),
});
export type Money = z.infer<typeof moneyType>;

export const metadataType = z.record(z.string(), z.string()).meta({ example: { basket: 'b-17' } });

type ByStatus = Record<number, ResponseType>;
/** What a handler may return: a body of one of these types, or nothing where it has sent the response itself. */
type BodyOf<Types extends ByStatus> = z.infer<Types[keyof Types]> | undefined | void;

/**
 * What a route answers: a type per status, and its own problems beside those that every route has. The status is the
 * highest of them unless the handler sets another. A handler that returns something else does not compile.
 */
export function Responses<Types extends ByStatus>(types: Types, problems: { type: ProblemType }[] = []) {
  return <Handler extends (...args: never[]) => BodyOf<Types> | Promise<BodyOf<Types>>>(
    target: object,
    name: string,
    handler: TypedPropertyDescriptor<Handler>,
  ): void => {
    for (const [status, type] of Object.entries<ResponseType>(types)) {
      const content = { 'application/json': { schema: { $ref: refTo(nameOf(type)) } } };
      ApiResponse({ status: Number(status), description: nameOf(type), content })(target, name, handler);
    }
    const statuses = Object.keys(types).map(Number);
    if (statuses.length > 0) HttpCode(Math.max(...statuses))(target, name, handler);
    const codes = problems.map(({ type }) => type.code);
    ApiExtension('x-problems', codes)(target, name, handler);
  };
}

/** A route that answers with server-sent events, the data of each one of these as JSON. */
export const StreamOf = (type: ResponseType) =>
  ApiResponse({
    status: 200,
    description: `Server-sent events: ${nameOf(type)}`,
    content: { 'text/event-stream': { schema: { $ref: refTo(nameOf(type)) } } },
  });

const refTo = (name: string) => `#/components/schemas/${name}`;

/**
 * Every named type, as OpenAPI 3.1 writes it. Open: a new member of an answer must break nobody. The tests close them, to find
 * members that are not described.
 */
export function responseSchemas(): Record<string, object> {
  const { schemas } = z.toJSONSchema(z.globalRegistry, { target: 'draft-2020-12', uri: refTo });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, written(schema)]));
}

/** Without what JSON Schema says of itself, the bounds that JavaScript sets integers, and closed objects. */
function written(value: unknown): object {
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== 'object' || value === null) return value as never;
  const kept = Object.entries(value).filter(
    ([key, member]) =>
      key !== '$schema' &&
      key !== '$id' &&
      !bounds.includes(member) &&
      !(key === 'additionalProperties' && member === false),
  );
  return Object.fromEntries(kept.map(([key, member]) => [key, written(member)]));
}

const bounds: unknown[] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];

export const money = (amount: number, currency: string) => ({ amount, currency });

/** Rounded up, so that 0 says "past" and nothing else. */
export const secondsUntil = (then: Date, now: Date) =>
  Math.max(0, Math.ceil((then.getTime() - now.getTime()) / 1_000));
