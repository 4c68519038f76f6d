import {
  type ArgumentMetadata,
  type ExecutionContext,
  ValidationPipe,
  applyDecorators,
  createParamDecorator,
} from '@nestjs/common';
import { type ApiPropertyOptions, ApiPropertyOptional } from '@nestjs/swagger';
import {
  type ValidationError,
  type ValidationOptions,
  IsInt,
  IsNumber,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  ValidateIf,
  buildMessage,
  validate,
} from 'class-validator';
import { type FieldError, ValidationFailed, errorsMax, malformedRequest } from '../errors';
import { type DtoClass, DtoRules, type Field, isObject } from './dto-rules';

/**
 * Validates all bodies and queries: only known fields, no conversion of types ("1" is not 1), and every problem at once,
 * with a JSON pointer.
 *
 * It makes the instances itself. Nest uses class-transformer, which drops fields named like methods ("toString",
 * "constructor") before they are checked, and recurses as deep as the sender nests.
 */
export class BodyValidationPipe extends ValidationPipe {
  readonly rules = new DtoRules();
  private readonly instances = new Instances(this.rules);

  constructor() {
    super({ transform: true });
  }

  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'body' && !isObject(value))
      throw malformedRequest('The body must be one JSON object. See /docs for its fields.');
    if (!isObject(value) || !this.toValidate(metadata)) return super.transform(value, metadata);
    const type = metadata.metatype as DtoClass;
    const instance = this.rules.read(type, value);
    return instance ? Promise.resolve(instance) : this.explained(type, value);
  }

  /** The same by class-validator, which says what is wrong. */
  async explained(type: DtoClass, value: object): Promise<object> {
    const unknown: Path[] = [];
    const instance = this.instances.make(type, value, unknown);
    const errors = await validate(instance, {
      forbidUnknownValues: true,
      stopAtFirstError: true,
      validationError: { target: false, value: false },
    });
    if (errors.length + unknown.length > 0)
      throw invalid(
        errors.flatMap((error) => fieldErrors(error, '', instance)),
        unknown,
      );
    return instance;
  }
}

/** For calls without fields: no body or an empty object. An unknown field is refused, not ignored. */
export const EmptyBody = createParamDecorator((_: unknown, context: ExecutionContext): void => {
  const body = context.switchToHttp().getRequest<{ body?: unknown }>().body ?? {};
  if (typeof body !== 'object' || Array.isArray(body))
    throw malformedRequest('This call takes no fields. Send {} or no body.');
  const unknown = Object.keys(body).map((name) => [name]);
  if (unknown.length > 0) throw invalid([], unknown);
});

/** `unknown`: paths of undeclared fields. There may be many, so only the reported ones are described. */
function invalid(errors: FieldError[], unknown: (readonly string[])[]): ValidationFailed {
  const shown = unknown.slice(0, Math.max(0, errorsMax - errors.length));
  return new ValidationFailed([...errors, ...shown.map(unknownField)], unknown.length - shown.length);
}

const unknownField = (path: readonly string[]): FieldError => ({
  pointer: path.map((name) => `/${escaped(name)}`).join(''),
  code: 'unknown_field',
  detail: `There is no field "${path.at(-1)!.slice(0, 64)}" here. Remove it.`,
});

const escaped = (name: string) => name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');

/** `holder`: the object that has, or should have, the field. */
function fieldErrors(error: ValidationError, parent: string, holder: unknown): FieldError[] {
  const pointer = `${parent}/${escaped(error.property)}`;
  const value = (holder as Record<string, unknown>)[error.property];
  const own = Object.entries(error.constraints ?? {}).map(([constraint, message]) => {
    const detail = `${message.replace(/\.$/, '')}.`;
    return value === undefined
      ? { pointer, code: 'required', detail: `${error.property} is missing; ${detail}` }
      : { pointer, code: snakeCase(constraint), detail };
  });
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, pointer, value))];
}

const snakeCase = (text: string) =>
  text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/^_/, '');

/** The field may be absent. `null` is a value, and no field takes it. */
export const MayBeAbsent = (described?: ApiPropertyOptions) =>
  applyDecorators(
    ApiPropertyOptional(described),
    ValidateIf((_, value) => value !== undefined),
  );

/** One message for everything that can be wrong with a number, so that it always names both limits. */
function isWithin(
  min: number,
  max: number,
  kind: string,
  is: (must: ValidationOptions) => PropertyDecorator,
) {
  const must = { message: `$property must be ${kind} from ${min} to ${max}` };
  return applyDecorators(is(must), Min(min, must), Max(max, must));
}

export const IsWholeWithin = (min: number, max: number) => isWithin(min, max, 'a whole number', IsInt);
export const IsWithin = (min: number, max: number) =>
  isWithin(min, max, 'a number', (must) => IsNumber({}, must));

/** One of these words, or several separated by commas. */
export const AreSomeOf = (words: readonly string[]) =>
  Matches(new RegExp(`^(${words.join('|')})(,(${words.join('|')}))*$`), {
    message: `$property must be one of ${words.join(', ')}, several separated by commas`,
  });

/**
 * Text that is stored and shown: 1 to `max` characters that cannot disguise it as another text. So no control characters
 * (C0, C1, U+2028, U+2029), no changes of direction, no byte order mark. Other invisible characters are allowed:
 * zero-width joiners are part of words in Persian and Hindi, and of emoji.
 */
export const IsText = (max: number) =>
  applyDecorators(
    // The first failure is reported, so "not text" comes before "too long".
    Matches(/^(?=.*\S)[^\p{Cc}\p{Surrogate}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]+$/u, {
      message: '$property must be text, not blank, without control, direction or half characters',
    }),
    MaxLength(max, { message: `$property must have at most ${max} characters` }),
  );

/** Text to search for. Earlier builds stored some text that `IsText` refuses now. */
export const IsSearchText = (max: number) =>
  applyDecorators(
    // oxlint-disable-next-line no-control-regex -- it refuses control characters
    Matches(/^(?=.*\S)[^\u0000-\u001f\u007f\p{Surrogate}]+$/u, {
      message: '$property must be text, not blank, without control characters or half ones',
    }),
    MaxLength(max, { message: `$property must have at most ${max} characters` }),
  );

/**
 * An RFC 3339 instant with its zone, in the years 2000 to 2099. It must exist: `Date` reads 30 February as 2 March. Leap
 * seconds are refused, because neither `Date` nor PostgreSQL has them.
 */
export const IsInstant = () =>
  ValidateBy({
    name: 'isInstant',
    validator: {
      validate: isInstant,
      defaultMessage: buildMessage(
        () => '$property must be an instant that exists, with its zone, e.g. 2026-11-20T10:00:00Z',
      ),
    },
  });

/** What an absent or a checked instant means. */
export const dateOf = (instant: string | undefined) => (instant === undefined ? null : new Date(instant));

const instantPattern =
  /^(?<date>20\d\d-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

function isInstant(value: unknown): boolean {
  const date = typeof value === 'string' ? instantPattern.exec(value)?.groups?.date : undefined;
  if (date === undefined) return false;
  const midnight = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(date);
}

const metadataKeysMax = 20;
const metadataKeyMax = 40;
const metadataValueMax = 500;

/** Metadata as at Stripe: a flat object of short strings, stored and returned unchanged. */
export const IsMetadata = () =>
  applyDecorators(
    MayBeAbsent({ type: 'object', additionalProperties: { type: 'string' }, example: { basket: 'b-17' } }),
    ValidateBy({
      name: 'isMetadata',
      validator: {
        validate: isMetadata,
        defaultMessage: buildMessage(
          () =>
            `$property must be an object of at most ${metadataKeysMax} strings of at most ${metadataValueMax} characters, with names of at most ${metadataKeyMax}, without NUL or half characters`,
        ),
      },
    }),
  );

function isMetadata(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= metadataKeysMax &&
    entries.every(
      ([key, text]) =>
        typeof text === 'string' &&
        key.length <= metadataKeyMax &&
        text.length <= metadataValueMax &&
        // Separately: joined, half a surrogate pair in each would look whole.
        isStorable(key) &&
        isStorable(text),
    )
  );
}

/** PostgreSQL stores neither NUL nor half a surrogate pair. */
const isStorable = (text: string) => !text.includes('\u0000') && !/\p{Surrogate}/u.test(text);

type Path = readonly string[];

/**
 * Makes instances with the declared fields, values unchanged, and reports other fields by path. It reads own keys only and
 * descends into declared objects only, so hostile names and depth do no harm.
 */
class Instances {
  constructor(private readonly rules: DtoRules) {}

  make(type: DtoClass, value: object, unknown: Path[], path: Path = []): object {
    const fields = this.rules.fieldsOf(type);
    const instance = new type() as Record<string, unknown>;
    for (const [name, member] of Object.entries(value)) {
      const field = fields.get(name);
      if (field) instance[name] = this.member(field, member, unknown, [...path, name]);
      else unknown.push([...path, name]);
    }
    return instance;
  }

  private member({ nested, isList }: Field, value: unknown, unknown: Path[], path: Path): unknown {
    if (!nested || Array.isArray(value) !== isList) return value;
    const one = (member: unknown, at: Path) =>
      isObject(member) ? this.make(nested, member, unknown, at) : member;
    return Array.isArray(value)
      ? value.map((member, nth) => one(member, [...path, String(nth)]))
      : one(value, path);
  }
}
