import {
  type ArgumentMetadata,
  type ExecutionContext,
  ValidationPipe,
  applyDecorators,
  createParamDecorator,
} from '@nestjs/common';
import {
  type ValidationError,
  Matches,
  MaxLength,
  ValidateBy,
  ValidateIf,
  buildMessage,
  validate,
} from 'class-validator';
import { type FieldError, ValidationFailed, errorsMax, malformedRequest } from '../errors';
import { type DtoClass, Instances } from './instances';

/**
 * The one pipe for all bodies and queries: only known fields, no conversion of types ("1" is not 1), every problem
 * reported at once with a JSON pointer to its place.
 *
 * It makes the instances itself. Nest's own way through class-transformer loses fields that are named like methods
 * ("toString", "constructor") before they are judged, and calls itself as deep as the sender nests.
 */
export class BodyValidationPipe extends ValidationPipe {
  private readonly instances = new Instances();

  constructor() {
    super({ transform: true });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (metadata.type === 'body' && !isObject)
      throw malformedRequest('The body must be one JSON object. See /docs for its fields.');
    if (!isObject || !this.toValidate(metadata)) return super.transform(value, metadata) as Promise<unknown>;

    const unknown: (readonly string[])[] = [];
    const instance = this.instances.make(metadata.metatype as DtoClass, value, unknown);
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

/** For calls that take no fields: no body or an empty object; an unknown field is refused rather than ignored. */
export const EmptyBody = createParamDecorator((_: unknown, context: ExecutionContext): void => {
  const body = context.switchToHttp().getRequest<{ body?: unknown }>().body ?? {};
  if (typeof body !== 'object' || Array.isArray(body))
    throw malformedRequest('This call takes no fields. Send {} or no body.');
  const unknown = Object.keys(body).map((name) => [name]);
  if (unknown.length > 0) throw invalid([], unknown);
});

/** `unknown`: paths of fields that nobody asked for; there may be many, so only those that are reported are described. */
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

/** `holder`: the object that has the field, or should. */
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

/** The field may be left out. `null` is a value like any other, and not one that any field here takes. */
export const MayBeAbsent = () => ValidateIf((_, value) => value !== undefined);

/**
 * Text that is stored and shown: 1 to `max` characters, none of which makes it look like another text. So no control
 * characters (C0, C1, U+2028 and U+2029), none that turn the direction of what follows, and no byte order mark. The other
 * invisible ones are allowed: zero-width joiners are letters in Persian and Hindi and glue in emoji.
 */
export const IsText = (max: number) =>
  applyDecorators(
    // The first that fails is the one reported, so what is no text at all is told before what is too long.
    Matches(/^(?=.*\S)[^\p{Cc}\p{Surrogate}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]+$/u, {
      message: '$property must be text, not blank, without control, direction or half characters',
    }),
    MaxLength(max, { message: `$property must have at most ${max} characters` }),
  );

/** Text to look for: earlier builds stored some that `IsText` refuses today. */
export const IsSearchText = (max: number) =>
  applyDecorators(
    // eslint-disable-next-line no-control-regex -- refusing control characters is what it is for
    Matches(/^(?=.*\S)[^\u0000-\u001f\u007f\p{Surrogate}]+$/u, {
      message: '$property must be text, not blank, without control characters or half ones',
    }),
    MaxLength(max, { message: `$property must have at most ${max} characters` }),
  );

/**
 * A moment with its zone, as RFC 3339 writes it; between the years 2000 and 2100, as every moment here is. It must exist:
 * `Date` alone takes 30 February for 2 March. Leap seconds are refused, because neither `Date` nor PostgreSQL has them.
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

/** Stripe's habit: a flat object of short strings, returned as it came and never looked into. */
export const IsMetadata = () =>
  ValidateBy({
    name: 'isMetadata',
    validator: {
      validate: isMetadata,
      defaultMessage: buildMessage(
        () =>
          `$property must be an object of at most ${metadataKeysMax} strings of at most ${metadataValueMax} characters, with names of at most ${metadataKeyMax}, without NUL or half characters`,
      ),
    },
  });

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
        // Apart: the halves of a surrogate pair in one and the other are whole only when put together.
        isStorable(key) &&
        isStorable(text),
    )
  );
}

/** PostgreSQL stores neither a NUL nor half of a surrogate pair. */
const isStorable = (text: string) => !text.includes('\u0000') && !/\p{Surrogate}/u.test(text);
