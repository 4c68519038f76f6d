import { HoldfastError } from '../../src/errors';
import {
  cellOf,
  isOfThisCell,
  newId,
  parseIdOfAnyCell,
  parsePublicId,
  publicId,
  serveCell,
} from '../../src/ids';

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
    'rsv_01jd3v7q8ne05v7c0kq1e5m9tz',
    'ord_zzzzzzzzzzzzzzzzzzzzzzzzzz',
    'ord_01JD3V7Q8NF0XV7C0KQ1E5M9TZ',
    `ord_${'0'.repeat(27)}`,
  ])('find no id in %j', (text) => {
    expect(parsePublicId('ord', text)).toBeUndefined();
  });
});

describe('serveCell', () => {
  afterEach(() => serveCell(0));

  const idOfCell = (number: number) => {
    serveCell(number);
    return newId(1_800_000_000_000);
  };
  const refusalOf = (text: string) => {
    try {
      return parsePublicId('ord', text);
    } catch (error) {
      return error;
    }
  };

  it.each([0, 1, 15, 16, 171, 255])(
    'puts the number %i into the eight bits after the version of an id',
    (number) => {
      const id = idOfCell(number);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect([cellOf(id), isOfThisCell(id)]).toEqual([number, true]);
      expect(parsePublicId('ord', publicId('ord', id))).toBe(id);
    },
  );

  it('makes parsePublicId refuse an id of another cell with its number, and parseIdOfAnyCell read it', () => {
    const [ours, theirs] = [idOfCell(0), idOfCell(171)];
    serveCell(0);
    expect(parsePublicId('ord', publicId('ord', ours))).toBe(ours);
    const refusal = refusalOf(publicId('ord', theirs));
    expect(refusal).toBeInstanceOf(HoldfastError);
    expect(refusal).toMatchObject({
      status: 421,
      code: 'wrong_cell',
      retryable: false,
      facts: { cellNumber: 171 },
    });
    expect(parseIdOfAnyCell('ord', publicId('ord', theirs))).toBe(theirs);
  });

  it('makes no difference to what is no id: parsePublicId finds none in it', () => {
    serveCell(3);
    expect([refusalOf('ord_nope'), refusalOf(publicId('rsv', idOfCell(4)))]).toEqual([undefined, undefined]);
  });
});
