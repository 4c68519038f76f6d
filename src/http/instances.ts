import { plainToInstance } from 'class-transformer';
import { getMetadataStorage } from 'class-validator';

export type DtoClass = new () => object;

/** What a class says of a field: another class for its value or, in a list, for each entry; undefined for all others. */
interface Field {
  nested: DtoClass | undefined;
  isList: boolean;
}

type Path = readonly string[];

/**
 * Makes instances with the fields that their class declares, each value as it came; other fields are reported by their
 * path. Only own keys count, and only declared objects are stepped into, so that neither names nor depth can surprise it.
 */
export class Instances {
  private readonly known = new WeakMap<DtoClass, Map<string, Field>>();

  make(type: DtoClass, value: object, unknown: Path[], path: Path = []): object {
    const fields = this.fieldsOf(type);
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
      typeof member === 'object' && member !== null && !Array.isArray(member)
        ? this.make(nested, member, unknown, at)
        : member;
    return Array.isArray(value)
      ? value.map((member, nth) => one(member, [...path, String(nth)]))
      : one(value, path);
  }

  private fieldsOf(type: DtoClass): Map<string, Field> {
    const found = this.known.get(type);
    if (found) return found;
    const declared = getMetadataStorage().getTargetValidationMetadatas(type, '', true, false);
    const fields = new Map(declared.map(({ propertyName }) => [propertyName, fieldOf(type, propertyName)]));
    this.known.set(type, fields);
    return fields;
  }
}

/** What `@Type` says is learned from class-transformer by giving it an empty object. */
function fieldOf(type: DtoClass, name: string): Field {
  const probe = plainToInstance(type, { [name]: {} }) as Record<string, object>;
  const made = probe[name]!.constructor as DtoClass;
  return {
    nested: made === Object ? undefined : made,
    isList: Reflect.getMetadata('design:type', type.prototype as object, name) === Array,
  };
}
