import { HoldfastError } from '../../src/errors';
import { fingerprintOf, parseIdempotencyKey } from '../../src/idempotency/idempotency.repository';

const codeOf = (header: string | string[] | undefined): string => {
  try {
    return parseIdempotencyKey(header);
  } catch (error) {
    return (error as HoldfastError).code;
  }
};

describe('the Idempotency-Key header', () => {
  it.each([
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['"with \\" inside"', 'idempotency_key_invalid'],
    ['"a\\"b"', 'a"b'],
    ['x'.repeat(255), 'x'.repeat(255)],
    ['x'.repeat(256), 'idempotency_key_invalid'],
    ['two words', 'idempotency_key_invalid'],
    ['ümlaut', 'idempotency_key_invalid'],
    ['""', 'idempotency_key_invalid'],
    ['', 'idempotency_key_missing'],
    [undefined, 'idempotency_key_missing'],
    [['a', 'b'], 'idempotency_key_invalid'],
  ])('%j means %s', (header, meaning) => {
    expect(codeOf(header)).toBe(meaning);
  });
});

describe('fingerprintOf', () => {
  const request = { customerId: 'c', lines: [{ sku: 'A', quantity: 1 }], metadata: { b: '1', a: '2' } };

  it('ignores the order of fields', () => {
    expect(
      fingerprintOf({ metadata: { a: '2', b: '1' }, lines: [{ quantity: 1, sku: 'A' }], customerId: 'c' }),
    ).toEqual(fingerprintOf(request));
  });

  it('treats an undefined field as absent', () => {
    expect(fingerprintOf({ ...request, ttlSeconds: undefined })).toEqual(fingerprintOf(request));
  });

  it.each([
    ['a quantity', { ...request, lines: [{ sku: 'A', quantity: 2 }] }],
    ['the order of lines', { ...request, lines: [{ sku: 'B', quantity: 1 }, ...request.lines] }],
    ['a number that became text', { ...request, lines: [{ sku: 'A', quantity: '1' }] }],
  ])('changes with %s', (_, other) => {
    expect(fingerprintOf(other)).not.toEqual(fingerprintOf(request));
  });
});
