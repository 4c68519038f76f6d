import { newId, parsePublicId, publicId } from '../../src/ids';

describe('newId, publicId and parsePublicId', () => {
  it('make UUIDs of version 7 in cell 0', () => {
    const id = newId();
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(id.slice(15, 17)).toBe('00');
  });

  it('make ids that sort by their millisecond', () => {
    const ids = [5, 1, 3].map((offset) => newId(1_800_000_000_000 + offset));
    expect([...ids].sort()).toEqual([ids[1], ids[2], ids[0]]);
  });

  it('never make the same id twice', () => {
    expect(new Set(Array.from({ length: 20_000 }, () => newId())).size).toBe(20_000);
  });

  it('convert to a TypeID and back', () => {
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
  ])('find no id in %j', (text) => {
    expect(parsePublicId('ord', text)).toBeUndefined();
  });
});
