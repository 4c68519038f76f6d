import { plainToInstance } from 'class-transformer';
import {
  type ValidationArguments,
  type ValidatorConstraintInterface,
  ValidationTypes,
  getMetadataStorage,
} from 'class-validator';

export type DtoClass = new () => object;

/** `nested` is the class of the field's value or, in a list, of each entry; undefined for plain values. */
export interface Field {
  nested: DtoClass | undefined;
  isList: boolean;
}

/** The rule of one decorator: class-validator's own code for it, called as class-validator calls it. */
interface Rule extends Pick<ValidationArguments, 'targetName' | 'constraints'> {
  check: ValidatorConstraintInterface;
  isForEach: boolean;
}

/** What class-validator knows of a field. */
type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

type Condition = (instance: object, value: unknown) => boolean;

interface CheckedField extends Field {
  name: string;
  /** Without all of these, the field is not checked. */
  conditions: Condition[];
  rules: Rule[];
}

type Members = Record<string, unknown>;

/**
 * The rules of DTO classes, collected once per class. class-validator collects them for every object, and prepares an error
 * for every field, which costs more than the checks themselves. The checks are its own, so that nothing is written twice.
 */
export class DtoRules {
  private readonly fields = new WeakMap<DtoClass, Map<string, Field>>();
  private readonly checked = new WeakMap<DtoClass, readonly CheckedField[] | undefined>();

  /**
   * An instance with the declared fields, values unchanged, if it obeys every rule. Undefined if it does not, or if this
   * class has rules that cannot be collected: then class-validator decides, and explains.
   */
  read(type: DtoClass, value: object): object | undefined {
    const checked = this.checkedFieldsOf(type);
    if (!checked) return undefined;
    const fields = this.fieldsOf(type);
    const instance = new type() as Members;
    for (const name of Object.keys(value)) {
      const field = fields.get(name);
      if (!field) return undefined;
      const member = (value as Members)[name];
      const read = field.nested && member !== undefined ? this.readNested(field, member) : member;
      if (read === undefined && member !== undefined) return undefined;
      instance[name] = read;
    }
    return checked.every((field) => obeys(instance, field)) ? instance : undefined;
  }

  /** The fields that class-validator knows. */
  fieldsOf(type: DtoClass): Map<string, Field> {
    const found = this.fields.get(type);
    if (found) return found;
    const names = metadataOf(type).map(({ propertyName }) => propertyName);
    const fields = new Map(names.map((name) => [name, fieldOf(type, name)]));
    this.fields.set(type, fields);
    return fields;
  }

  /** Whether all rules of this class could be collected. */
  isComplete(type: DtoClass): boolean {
    return this.checkedFieldsOf(type) !== undefined;
  }

  private readNested({ nested, isList }: Field, value: unknown): unknown {
    if (!isList) return isObject(value) ? this.read(nested!, value) : undefined;
    if (!Array.isArray(value)) return undefined;
    const entries: object[] = [];
    for (const entry of value) {
      const read = isObject(entry) ? this.read(nested!, entry) : undefined;
      if (!read) return undefined;
      entries.push(read);
    }
    return entries;
  }

  private checkedFieldsOf(type: DtoClass): readonly CheckedField[] | undefined {
    if (this.checked.has(type)) return this.checked.get(type);
    // A class inside itself finds this, and is left to class-validator.
    this.checked.set(type, undefined);
    const all = metadataOf(type);
    const fields = [...this.fieldsOf(type)].map(([name, field]) => {
      const metadata = all.filter(({ propertyName }) => propertyName === name);
      return this.isCollectable(field, metadata) ? checkedField(type, name, field, metadata) : undefined;
    });
    const complete = fields.every((field) => field !== undefined) ? fields : undefined;
    this.checked.set(type, complete);
    return complete;
  }

  private isCollectable({ nested }: Field, metadata: Metadata[]): boolean {
    const isNested = metadata.some(({ type }) => type === ValidationTypes.NESTED_VALIDATION);
    const hasOptions = metadata.some(
      ({ groups, always, validateIf }) => (groups ?? []).length > 0 || always !== undefined || validateIf,
    );
    return (
      !hasOptions &&
      metadata.every(({ type }) => collected.includes(type)) &&
      isNested === (nested !== undefined) &&
      (nested === undefined || this.isComplete(nested))
    );
  }
}

const collected: string[] = [
  ValidationTypes.CUSTOM_VALIDATION,
  ValidationTypes.IS_DEFINED,
  ValidationTypes.CONDITIONAL_VALIDATION,
  ValidationTypes.NESTED_VALIDATION,
];

export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function metadataOf(type: DtoClass): Metadata[] {
  return getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
}

/** Reads `@Type` by having class-transformer convert an empty object. */
function fieldOf(type: DtoClass, name: string): Field {
  const probe = plainToInstance(type, { [name]: {} }) as Record<string, object>;
  const made = probe[name]!.constructor as DtoClass;
  return {
    nested: made === Object ? undefined : made,
    isList: Reflect.getMetadata('design:type', type.prototype as object, name) === Array,
  };
}

function checkedField(type: DtoClass, name: string, field: Field, metadata: Metadata[]): CheckedField {
  const conditions: CheckedField['conditions'] = [];
  const rules: Rule[] = [];
  for (const { type: kind, constraints, constraintCls, each } of metadata) {
    if (kind === ValidationTypes.CONDITIONAL_VALIDATION) conditions.push(constraints[0] as Condition);
    else if (kind !== ValidationTypes.NESTED_VALIDATION)
      for (const { instance } of getMetadataStorage().getTargetValidatorConstraints(constraintCls))
        rules.push({ check: instance, isForEach: each, targetName: type.name, constraints });
  }
  return { ...field, name, conditions, rules };
}

/** Loops without closures and copies: this runs for every field of every request. */
function obeys(instance: Members, { name, conditions, rules }: CheckedField): boolean {
  const value = instance[name];
  for (const applies of conditions) if (!applies(instance, value)) return true;
  for (const { check, isForEach, targetName, constraints } of rules) {
    const facts = { targetName, property: name, constraints, object: instance, value };
    const values: unknown[] = isForEach && Array.isArray(value) ? value : [value];
    // A promise is not true, so class-validator decides about rules that wait for something.
    for (const one of values) if (check.validate(one, facts) !== true) return false;
  }
  return true;
}
