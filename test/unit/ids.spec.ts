import { cellOf, newId, parsePublicId, publicId } from '../../src/ids';

describe('an id', () => {
  it('is a UUID of version 7 in the cell 0', () => {
    const id = newId();
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(cellOf(id)).toBe(0);
  });

  it('sorts by the millisecond it was made in', () => {
    const ids = [5, 1, 3].map((offset) => newId(1_800_000_000_000 + offset));
    expect([...ids].sort()).toEqual([ids[1], ids[2], ids[0]]);
  });

  it('is not made twice', () => {
    expect(new Set(Array.from({ length: 20_000 }, () => newId())).size).toBe(20_000);
  });

  it('comes back from the form that clients see', () => {
    const id = newId();
    expect(publicId('ord', id)).toMatch(/^ord_[0-9a-z]{26}$/);
    expect(parsePublicId('ord', publicId('ord', id))).toBe(id);
  });

  it.each([
    '',
    'ord_',
    'ord_nope',
    'rsv_01jd3v7q8nf0xv7c0kq1e5m9tz',
    'ord_zzzzzzzzzzzzzzzzzzzzzzzzzz',
    'ord_01JD3V7Q8NF0XV7C0KQ1E5M9TZ',
    `ord_${'0'.repeat(27)}`,
  ])('is not read out of %j', (text) => {
    expect(parsePublicId('ord', text)).toBeUndefined();
  });
});
