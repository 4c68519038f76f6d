import 'reflect-metadata';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { getMetadataStorage } from 'class-validator';
import fc from 'fast-check';
import { ValidationFailed } from '../../src/errors';
import type { DtoClass } from '../../src/http/dto-rules';
import { BodyValidationPipe } from '../../src/http/validation';
import { fingerprintOf } from '../../src/idempotency/idempotency.repository';
import { root } from '../support/child';

const pipe = new BodyValidationPipe();

/** All classes with rules: those of the DTO files, and those beside a controller. */
function dtoClasses(): DtoClass[] {
  const src = path.join(root, 'src');
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' }))
    // oxlint-disable-next-line typescript/no-require-imports -- found by their names
    if (/\.(dto|controller)\.ts$/.test(file)) require(path.join(src, file));
  const { validationMetadatas } = getMetadataStorage() as unknown as {
    validationMetadatas: Map<DtoClass, unknown>;
  };
  return [...validationMetadatas.keys()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

const classes = dtoClasses();
const seed = Number(process.env.HOLDFAST_TEST_SEED ?? Date.now() % 2 ** 31);

const id = (prefix: string) => fc.stringMatching(/^[0-9a-z]{26}$/).map((digits) => `${prefix}_${digits}`);
const text = fc.constantFrom('cus_42', 'Müller & Söhne', '👩‍👩‍👧', 'toString', '__proto__x', 'three words here');
const whole = fc.constantFrom(1, 2, 60, 1_000);
const money = fc.record({ amount: whole, currency: fc.constantFrom('EUR', 'JPY') });
const lines = fc.array(fc.record({ sku: fc.constantFrom('TEE-BLACK-M', 'constructor'), quantity: whole }), {
  minLength: 1,
  maxLength: 3,
});
const metadata = fc.dictionary(fc.constantFrom('a', '10', 'toString', 'constructor'), text);
const payment = fc.record(
  {
    method: fc.constant('pm_card_visa'),
    customer: fc.constant('cus_9s6XKzkNRiz8i3'),
    offSession: fc.boolean(),
    statementSuffix: fc.constant('ORDER 4711'),
  },
  { requiredKeys: ['method'] },
);
const filter = fc.record(
  { ids: fc.uniqueArray(id('rsv'), { minLength: 1, maxLength: 3 }), status: fc.constant('active,pinned') },
  { requiredKeys: [] },
);

/** Values that a field of this name may have, in every class that has it. */
const right: Record<string, fc.Arbitrary<unknown>> = {
  abandonRate: fc.constantFrom(0, 0.02, 1),
  action: fc.constant('order.retry'),
  actor: text,
  aggregateId: fc.constantFrom('ord_01jd3v7q8ne05v7c0kq1e5m9tz', 'rsv_01jd3v7q8ne05v7c0kq1e5m9tz'),
  amount: whole,
  attemptsMax: fc.constantFrom(2, 5),
  buyers: whole,
  capture: fc.constantFrom('automatic', 'immediate', 'on_shipment'),
  currency: fc.constantFrom('EUR', 'XXX'),
  cursor: fc.constant('MDE5M2Y'),
  customer: fc.constant('cus_9s6XKzkNRiz8i3'),
  customerId: text,
  declineRate: fc.constantFrom(0, 0.08),
  delta: fc.constantFrom(-5, 50),
  description: text,
  dryRun: fc.boolean(),
  eventId: id('evt'),
  eventIds: fc.uniqueArray(id('evt'), { minLength: 1, maxLength: 3 }),
  expectedTotal: money,
  expiringWithinSeconds: fc.constantFrom(60, '60'),
  filter,
  from: fc.constantFrom('2026-11-20T10:00:00Z', 'eu'),
  holdSeconds: whole,
  ids: fc.uniqueArray(id('rsv'), { minLength: 1, maxLength: 3 }),
  key: fc.constant('hf_dev_admin'),
  kind: fc.constantFrom('stuck', 'dead_letter', 'saga'),
  limit: fc.constantFrom('1', '20', '100'),
  lines,
  metadata,
  method: fc.constantFrom('pm_card_visa', '~'),
  name: text,
  objectId: text,
  objectType: fc.constantFrom('order', 'reservation', 'product'),
  offSession: fc.boolean(),
  onDecline: fc.record({ holdSeconds: whole, attemptsMax: fc.constantFrom(2, 5) }),
  onHand: whole,
  overlapHours: fc.constantFrom(0, 24, 72),
  payment,
  paymentMethod: fc.constantFrom('pm_card_visa', '~'),
  paymentStatus: fc.constant('captured'),
  pool: fc.constantFrom('eu', 'shard-1'),
  pools: fc.uniqueArray(fc.constantFrom('eu', 'us', 'asia'), { minLength: 2 }),
  q: text,
  quantity: whole,
  quantityPerOrderMax: whole,
  rate: whole,
  reason: fc.constantFrom('customer called', 'wrong price'),
  receiptEmail: fc.constantFrom('buyer@example.com', 'a.b+c@d.example'),
  reference: text,
  reservationId: id('rsv'),
  reservationsPerCustomerMax: whole,
  restock: fc.constantFrom('sellable', 'none'),
  returnUrl: fc.constantFrom('https://shop.example/done?a=1', 'shop://done'),
  safetyStock: whole,
  salesEndAt: fc.constantFrom('2026-11-21T10:00:00Z', '2026-11-20T11:30:00+01:00'),
  salesStartAt: fc.constantFrom('2026-11-20T10:00:00Z'),
  sagaStatus: fc.constant('stuck'),
  seed: whole,
  setupFutureUsage: fc.constantFrom('on_session', 'off_session'),
  sku: fc.constantFrom('TEE-BLACK-M', 'constructor', '0'),
  sort: fc.constantFrom('newest', 'ends', 'oldest'),
  statementSuffix: fc.constantFrom('ORDER 4711', 'CAFÉ 4711'),
  status: fc.constantFrom('active', 'pending,placed', 'enabled', 'waiting'),
  step: fc.constant('capture-payment'),
  strategies: fc.uniqueArray(fc.constantFrom('grouped', 'row-lock'), { minLength: 1 }),
  strategy: fc.constantFrom('grouped', 'row-lock'),
  to: fc.constantFrom('2026-11-21T10:00:00.5+01:00', 'us'),
  token: id('rel'),
  ttlSeconds: whole,
  types: fc.oneof(
    fc.uniqueArray(fc.constantFrom('order.*', 'order.placed'), { minLength: 1 }),
    fc.constant('order.*'),
  ),
  unitPrice: money,
  units: whole,
  unitsPerCustomerMax: whole,
  url: fc.constantFrom('https://shop.example/hooks', 'x'),
};

/** Values at and beyond limits, and of wrong types. */
const wrong = fc.oneof(
  fc.constantFrom(
    null,
    true,
    '',
    ' ',
    0,
    -1,
    0.5,
    2 ** 31 + 1,
    100_000,
    100_001,
    99_999_999_999,
    1e11,
    1e308,
  ),
  fc.constantFrom(
    [],
    {},
    [[]],
    [null],
    [{}],
    [[], 1],
    { 0: 1 },
    { length: 1 },
    { constructor: 1 },
    '\u0000',
    '\u202e',
  ),
  fc.constantFrom(32, 33, 40, 41, 64, 65, 200, 201, 255, 256, 500, 501).map((length) => 'a'.repeat(length)),
  fc
    .constantFrom(50, 51, 1_000, 1_001)
    .map((length) => Array.from({ length }, () => ({ sku: 'A', quantity: 1 }))),
  fc.constantFrom(
    { a: 'b'.repeat(501) },
    { ['a'.repeat(41)]: 'b' },
    Object.fromEntries(Array.from({ length: 21 }, (_, nth) => [nth, ''])),
    { a: 1 },
  ),
  fc.constantFrom('x\ny', '\ud800', 'a b', 'EURO', 'eur', '2026-02-30T10:00:00Z', '2026-02-28T10:00:00Z'),
  text,
  whole,
  money,
  lines,
  metadata,
  fc.jsonValue(),
);

/** Values at the limits that the rules of a field name, and just beyond them. */
function atLimitsOf(type: DtoClass, name: string): fc.Arbitrary<unknown> {
  const constraints = getMetadataStorage()
    .getTargetValidationMetadatas(type, '', false, false)
    .filter(({ propertyName }) => propertyName === name)
    .flatMap((metadata) => (metadata.constraints ?? []) as unknown[]);
  const limits = constraints.flatMap((constraint) => {
    if (typeof constraint === 'number') return [constraint];
    if (!(constraint instanceof RegExp)) return [];
    return [...constraint.source.matchAll(/\{(?:\d+,)?(\d+)\}/g)].map(([, digits]) => Number(digits));
  });
  const near = limits.flatMap((limit) => [limit - 1, limit, limit + 1, limit + 2]);
  const lengths = near.filter((length) => length >= 0 && length <= 2_000);
  if (near.length === 0) return wrong;
  if (lengths.length === 0) return fc.constantFrom(...near);
  const entries = (length: number) =>
    fc.array(right[name]!, { minLength: 1, maxLength: 1 }).map(([value]) => {
      const list: unknown[] = Array.isArray(value) ? value : [value];
      return Array.from({ length }, (_, nth) => list[nth % list.length]);
    });
  return fc.oneof(
    fc.constantFrom(...near),
    fc.constantFrom(...lengths).map((length) => 'a'.repeat(length)),
    fc.constantFrom(...lengths).chain(entries),
  );
}

/** Also names that no class has, and names of members that every object inherits. */
const strangeNames = ['other', 'toString', 'constructor', 'hasOwnProperty', '0', ''];

/** Each field most often right, sometimes wrong, sometimes left out; members in any order. */
function bodyOf(type: DtoClass): fc.Arbitrary<Record<string, unknown>> {
  const fields = [...pipe.rules.fieldsOf(type).keys()];
  const member = (name: string) =>
    fc.tuple(
      fc.constant(name),
      fc.oneof(
        { weight: 30, arbitrary: right[name]! },
        { weight: 6, arbitrary: atLimitsOf(type, name) },
        { weight: 1, arbitrary: wrong },
      ),
      fc.integer({ min: 0, max: 9 }),
    );
  const strange = fc.tuple(fc.constantFrom(...strangeNames), wrong, fc.integer({ min: 0, max: 9 }));
  return fc
    .tuple(
      fc.tuple(...fields.map(member)),
      fc.oneof({ weight: 20, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(strange) }),
      fc.oneof({ weight: 2, arbitrary: fc.constant(10) }, { weight: 1, arbitrary: fc.constantFrom(2, 8) }),
    )
    .chain(([own, others, keep]) => {
      const kept = own.filter(([, , place]) => place < keep);
      return fc.shuffledSubarray([...kept, ...others], { minLength: kept.length + others.length });
    })
    .map((members) => Object.fromEntries(members.map(([name, value]) => [name, value])));
}

/** One part of the value, at any depth, replaced by something wrong. */
const broken = (body: fc.Arbitrary<Record<string, unknown>>) =>
  fc.tuple(body, wrong, fc.nat()).map(([whole, other, nth]) => {
    const paths: [Record<string, unknown>, string][] = [];
    const copy = structuredClone(whole);
    const visit = (value: unknown) => {
      if (typeof value !== 'object' || value === null || paths.length > 100) return;
      for (const [name, member] of Object.entries(value)) {
        paths.push([value as Record<string, unknown>, name]);
        visit(member);
      }
    };
    visit(copy);
    const at = paths[nth % Math.max(1, paths.length)];
    if (at) at[0][at[1]] = other;
    return copy;
  });

const byClassValidator = async (type: DtoClass, body: object) => {
  try {
    return await pipe.explained(type, body);
  } catch (error) {
    if (error instanceof ValidationFailed) return undefined;
    throw error;
  }
};

describe('rules of DTO classes, collected once', () => {
  it('has right values for every field of every class', () => {
    const fields = classes.flatMap((type) => [...pipe.rules.fieldsOf(type).keys()]);
    expect([...new Set(fields)].filter((name) => !(name in right))).toEqual([]);
    expect(classes.map(({ name }) => name)).toEqual(expect.arrayContaining(['OrderDto', 'ReserveDto']));
  });

  it('leaves no class to class-validator alone', () => {
    expect(classes.filter((type) => !pipe.rules.isComplete(type))).toEqual([]);
  });

  it.each(classes.map((type) => [type.name, type] as const))(
    'accepts exactly the values of %s that class-validator accepts, with equal results',
    async (_, type) => {
      const counts = { accepted: 0, refused: 0 };
      const body = bodyOf(type);
      const any = fc.oneof(
        { weight: 3, arbitrary: body },
        { weight: 2, arbitrary: broken(body) },
        fc.object(),
      );
      await fc.assert(
        fc.asyncProperty(any, async (value) => {
          const before = JSON.stringify(value);
          const read = pipe.rules.read(type, value);
          const expected = await byClassValidator(type, value);
          counts[expected ? 'accepted' : 'refused'] += 1;
          expect(JSON.stringify(value)).toBe(before);
          expect(read).toStrictEqual(expected);
          if (!read || !expected) return;
          expect(JSON.stringify(read)).toBe(JSON.stringify(expected));
          expect(fingerprintOf(read)).toEqual(fingerprintOf(expected));
        }),
        { numRuns: 600, seed },
      );
      // Otherwise the comparison would say nothing.
      expect(Math.min(counts.accepted, counts.refused)).toBeGreaterThan(0);
    },
  );
});
