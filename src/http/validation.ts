import { type ExecutionContext, ValidationPipe, applyDecorators, createParamDecorator } from '@nestjs/common';
import {
  type ValidationError,
  Matches,
  MaxLength,
  ValidateBy,
  ValidateIf,
  buildMessage,
} from 'class-validator';
import { type FieldError, ValidationFailed, malformedRequest } from '../errors';

/**
 * The one pipe for all bodies and queries: only known fields, no conversion of types ("1" is not 1), every problem
 * reported at once with a JSON pointer to its place.
 */
export class BodyValidationPipe extends ValidationPipe {
  constructor() {
    super({
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      transform: true,
      transformOptions: { enableImplicitConversion: false },
      stopAtFirstError: true,
      validationError: { target: false, value: false },
      exceptionFactory: (errors) => new ValidationFailed(errors.flatMap((error) => fieldErrors(error, ''))),
    });
  }

  override async transform(
    value: unknown,
    metadata: Parameters<ValidationPipe['transform']>[1],
  ): Promise<unknown> {
    if (metadata.type === 'body' && (typeof value !== 'object' || value === null || Array.isArray(value))) {
      throw malformedRequest('The body must be one JSON object. See /docs for its fields.');
    }
    return super.transform(value, metadata) as Promise<unknown>;
  }
}

/** For calls that take no fields: no body or an empty object; an unknown field is refused rather than ignored. */
export const EmptyBody = createParamDecorator((_: unknown, context: ExecutionContext): void => {
  const body = context.switchToHttp().getRequest<{ body?: unknown }>().body ?? {};
  if (typeof body !== 'object' || Array.isArray(body))
    throw malformedRequest('This call takes no fields. Send {} or no body.');
  const unknown = Object.keys(body);
  if (unknown.length > 0)
    throw new ValidationFailed(unknown.slice(0, 20).map((name) => unknownField(name, `/${escaped(name)}`)));
});

function unknownField(name: string, pointer: string): FieldError {
  return {
    pointer,
    code: 'unknown_field',
    detail: `There is no field "${name.slice(0, 64)}" here. Remove it.`,
  };
}

const escaped = (name: string) => name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');

function fieldErrors(error: ValidationError, parent: string): FieldError[] {
  const pointer = `${parent}/${escaped(error.property)}`;
  const own = Object.entries(error.constraints ?? {}).map(([constraint, message]) =>
    constraint === 'whitelistValidation'
      ? unknownField(error.property, pointer)
      : { pointer, code: snakeCase(constraint), detail: `${message.replace(/\.$/, '')}.` },
  );
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, pointer))];
}

const snakeCase = (text: string) =>
  text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/^_/, '');

/** The field may be left out. `null` is a value like any other, and not one that any field here takes. */
export const MayBeAbsent = () => ValidateIf((_, value) => value !== undefined);

/** Text a person or a shop's backend gave: 1 to `max` characters, none of them a control character (a NUL ends C strings). */
export const IsText = (max: number) =>
  applyDecorators(
    // The first that fails is the one reported, so what is no text at all is told before what is too long.
    // eslint-disable-next-line no-control-regex -- refusing control characters is what it is for
    Matches(/^(?=.*\S)[^\u0000-\u001f\u007f\p{Surrogate}]+$/u, {
      message: '$property must be text, not blank, without control characters or half ones',
    }),
    MaxLength(max, { message: `$property must have at most ${max} characters` }),
  );

/** A moment with its zone, as RFC 3339 writes it; between the years 2000 and 2100, as every moment here is. */
export const IsInstant = () =>
  ValidateBy({
    name: 'isInstant',
    validator: {
      validate: (value) =>
        typeof value === 'string' &&
        /^20\d\d-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(value) &&
        !Number.isNaN(Date.parse(value)),
      defaultMessage: buildMessage(
        () => '$property must be an instant with its zone, e.g. 2026-11-20T10:00:00Z',
      ),
    },
  });

const metadataKeysMax = 20;
const metadataValueMax = 500;

/** Stripe's habit: a flat object of short strings, returned as it came and never looked into. */
export const IsMetadata = () =>
  ValidateBy({
    name: 'isMetadata',
    validator: {
      validate: isMetadata,
      defaultMessage: buildMessage(
        () =>
          `$property must be an object of at most ${metadataKeysMax} strings, each of at most ${metadataValueMax} characters`,
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
        key.length <= 40 &&
        text.length <= metadataValueMax &&
        isStorable(key + text),
    )
  );
}

/** PostgreSQL stores neither a NUL nor half of a surrogate pair. */
const isStorable = (text: string) => !text.includes('\u0000') && !/\p{Surrogate}/u.test(text);
