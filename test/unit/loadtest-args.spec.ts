import { readBenchArgs } from '../../loadtest/bench-args';
import { readFlashSaleArgs } from '../../loadtest/flash-args';
import { UsageError } from '../../loadtest/given';

const known = ['row-lock', 'grouped', 'adaptive'];
const flashSale = (...argv: string[]) => readFlashSaleArgs(['--strategy=grouped', ...argv], known);

describe('what a flash sale is asked for', () => {
  it('is one strategy, several, or all that the build has', () => {
    expect(readFlashSaleArgs(['--strategy', 'grouped'], known).strategies).toEqual(['grouped']);
    expect(readFlashSaleArgs(['--strategy', 'grouped, row-lock'], known).strategies).toEqual([
      'grouped',
      'row-lock',
    ]);
    expect(readFlashSaleArgs(['--strategy', 'all'], known).strategies).toEqual(known);
  });

  it('is measured at several numbers of buyers, at given ones, or at none', () => {
    expect(flashSale().concurrency.length).toBeGreaterThan(3);
    expect(flashSale('--concurrency=2,64').concurrency).toEqual([2, 64]);
    expect(flashSale('--concurrency=none').concurrency).toEqual([]);
  });

  it('leaves no measurement behind in a service of somebody else’s, unless it is asked for', () => {
    const there = '--url=https://shop.example';
    expect(flashSale(there).concurrency).toEqual([]);
    expect(flashSale(there, '--concurrency=8').concurrency).toEqual([8]);
  });

  it.each([
    ['--strategy=rowlock', /no strategy "rowlock".*row-lock, grouped, adaptive, all/],
    ['--stock=-5', /--stock is "-5", not a whole number from 1 to/],
    ['--stock=1.5', /--stock is "1.5", not a whole number/],
    ['--buyers=many', /--buyers is "many", not a whole number from 1/],
    ['--buyers=', /--buyers is "", not a whole number from 1/],
    ['--rate=0', /--rate is "0", not a number from 0.1/],
    ['--decline-rate=20', /--decline-rate is "20", not a number from 0 to 1/],
    ['--lines=3', /--lines is 3, above --skus \(1\)/],
    ['--concurrency=1,x', /--concurrency is "1,x", neither "none" nor whole numbers from 1/],
    ['--queue=kafka', /--queue is "kafka", none of postgres, redis/],
    ['--url=localhost:3000', /--url is "localhost:3000", not an http or https URL/],
    ['--strategem=grouped', /Unknown option '--strategem'[\s\S]*--strategy NAME/],
  ])('is refused with what would be allowed: %s', (wrong, told) => {
    const refused = () => readFlashSaleArgs([wrong], known);
    expect(refused).toThrow(told);
    expect(refused).toThrow(UsageError);
  });

  it('is told that a number below zero is wrong, however it is written', () => {
    expect(() => readFlashSaleArgs(['--stock', '-5'], known)).toThrow(/--stock is "-5", not a whole number/);
  });
});

describe('what is benched', () => {
  it('is everything, or the parts that are named, in their order', () => {
    expect(readBenchArgs([]).only).toEqual([
      'no-op',
      'statements',
      'in-process',
      'http',
      'watched',
      'end-to-end',
      'expiry',
      'past',
    ]);
    expect(readBenchArgs(['--only=http,no-op']).only).toEqual(['no-op', 'http']);
  });

  it('leaves out what is asked for with nothing in it', () => {
    expect(readBenchArgs(['--rows=0', '--expiring=0']).only).not.toEqual(
      expect.arrayContaining(['past', 'expiry']),
    );
    expect(readBenchArgs(['--rows=0']).only).toContain('expiry');
  });

  it.each([
    ['--only=htp', /no part htp. There are: no-op, .*past/],
    ['--rounds=0', /--rounds is "0", not a whole number from 1 to 99/],
    ['--rows=-1', /--rows is "-1", not a whole number from 0/],
  ])('is refused with what would be allowed: %s', (wrong, told) => {
    expect(() => readBenchArgs([wrong])).toThrow(told);
  });
});
