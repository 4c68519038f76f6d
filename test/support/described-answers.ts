import Ajv, { type ValidateFunction } from 'ajv/dist/2020';

interface Described {
  responses: Record<string, { description?: string; content?: Record<string, { schema: object }> }>;
}
export interface ApiDocument {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, object>; responses: Record<string, object> };
}

export interface Answer {
  statusCode: number;
  headers: Record<string, unknown>;
  body: string;
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** Holds answers against the API document, closed: a member that is not described is an error too. */
export class DescribedAnswers {
  private readonly validators = new Map<object, ValidateFunction>();
  private readonly ajv = new Ajv({ strict: false, allErrors: true, formats: { 'date-time': instant } });
  private readonly components: object;

  constructor(private readonly document: ApiDocument) {
    const { Problem, ...answers } = document.components.schemas;
    // Problems carry facts of their kind, which have no schema.
    this.components = { schemas: { ...(closed(answers) as object), Problem } };
  }

  /** What is not as described; empty: all is. */
  faultsOf(method: string, path: string, { statusCode, headers, body }: Answer): string[] {
    const described = this.document.paths[path]?.[method.toLowerCase()];
    if (!described) return [`${method} ${path} is not described`];
    const answer = described.responses[statusCode];
    if (!answer) return [`${statusCode} is not described: ${body.slice(0, 300)}`];
    if (!answer.content)
      return body === '' ? [] : [`${statusCode} is described without a body: ${body.slice(0, 100)}`];
    const [type = ''] = ((headers['content-type'] as string | undefined) ?? '').split(';');
    const content = answer.content[type];
    if (!content) return [`${statusCode} is not described as ${type || 'nothing'}`];
    if (!/\bjson$/.test(type)) return [];
    const value = JSON.parse(body) as { code?: string };
    const validate = this.validatorOf(content.schema);
    const faults = validate(value)
      ? []
      : validate.errors!.map(
          ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
        );
    const isNamed = type !== 'application/problem+json' || answer.description?.includes(`\`${value.code}\``);
    return isNamed ? faults : [...faults, `${statusCode} is described without ${value.code}`];
  }

  private validatorOf(schema: object): ValidateFunction {
    const known = this.validators.get(schema);
    if (known) return known;
    const validate = this.ajv.compile({ ...schema, components: this.components });
    this.validators.set(schema, validate);
    return validate;
  }
}

/** Without members beside those that are described, except where the description names others (`additionalProperties`). */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.fromEntries(Object.entries(value).map(([key, member]) => [key, closed(member)]));
  const isObject =
    'properties' in members && typeof members.properties === 'object' && members.type === 'object';
  return isObject && !('additionalProperties' in members)
    ? { ...members, additionalProperties: false }
    : members;
}
