import { readDrillArgs } from '../../drills/kit/drill-args';
import { readBenchArgs } from '../../loadtest/bench-args';
import { readFlashSaleArgs } from '../../loadtest/flash-args';
import { UsageError } from '../../src/config/arguments';

const known = ['row-lock', 'grouped', 'adaptive'];
const flashSale = (...argv: string[]) => readFlashSaleArgs(['--strategy=grouped', ...argv], known);

describe('arguments of npm run flash-sale', () => {
  it('name one strategy, several, or all of the build', () => {
    expect(readFlashSaleArgs([], known).strategies).toEqual(['adaptive']);
    expect(readFlashSaleArgs(['--strategy', 'grouped'], known).strategies).toEqual(['grouped']);
    expect(readFlashSaleArgs(['--strategy', 'grouped, row-lock'], known).strategies).toEqual([
      'grouped',
      'row-lock',
    ]);
    expect(readFlashSaleArgs(['--strategy', 'all'], known).strategies).toEqual(known);
  });

  it('measure at the default numbers of buyers, at given ones, or at none', () => {
    expect(flashSale().concurrency.length).toBeGreaterThan(3);
    expect(flashSale('--concurrency=2,64').concurrency).toEqual([2, 64]);
    expect(flashSale('--concurrency=none').concurrency).toEqual([]);
  });

  it('skip the measurement for a service named by --url, unless --concurrency is given', () => {
    const there = '--url=https://shop.example/';
    expect(flashSale(there)).toMatchObject({ url: 'https://shop.example', concurrency: [] });
    expect(flashSale(there, '--concurrency=8').concurrency).toEqual([8]);
  });

  it.each([
    ['--strategy=rowlock', /--strategy holds "rowlock", none of row-lock, grouped, adaptive, all/],
    ['--stock=-5', /--stock is "-5", not a whole number from 1 to 1000000000\. Example: --stock=500$/],
    ['--stock=1.5', /--stock is "1.5", not a whole number/],
    ['--buyers=many', /--buyers is "many", not a whole number from 1/],
    ['--buyers=', /--buyers is "", not a whole number from 1/],
    ['--rate=0', /--rate is "0", not a number from 0.1/],
    ['--rate=', /--rate is "", not a number from 0.1/],
    ['--decline-rate=20', /--decline-rate is "20", not a number from 0 to 1/],
    ['--capture=later', /--capture is "later", none of automatic, immediate/],
    ['--per-customer=0', /--per-customer is "0", not a whole number from 1/],
    ['--lines=3', /--lines is 3, above --skus \(1\)/],
    ['--concurrency=1,x', /--concurrency is "1,x", neither "none" nor whole numbers from 1/],
    ['--queue=kafka', /--queue is "kafka", none of postgres, redis/],
    [
      '--url=localhost:3000',
      /--url is not a URL that starts with http:\/\/ or https:\/\/\. Example: --url=http/,
    ],
    ['--strategem=grouped', /Unknown option '--strategem'[\s\S]*--strategy NAME/],
  ])('are refused with what is allowed: %s', (wrong, message) => {
    const refused = () => readFlashSaleArgs([wrong], known);
    expect(refused).toThrow(message);
    expect(refused).toThrow(UsageError);
  });

  it('refuse 3-D Secure where no sandbox is known to authenticate at', () => {
    const there = ['--url=https://shop.example', '--secure-rate=0.5'];
    expect(() => readFlashSaleArgs(there, known)).toThrow('--sandbox-url');
    expect(readFlashSaleArgs([...there, '--sandbox-url=https://pay.example'], known).habits.secureRate).toBe(
      0.5,
    );
  });

  it('refuse a negative number given as a separate argument', () => {
    expect(() => readFlashSaleArgs(['--stock', '-5'], known)).toThrow(/--stock is "-5", not a whole number/);
  });
});

describe('arguments of npm run bench', () => {
  it('select all parts by default, and named parts in the order of the list', () => {
    expect(readBenchArgs([]).only).toEqual([
      'no-op',
      'statements',
      'in-process',
      'http',
      'watched',
      'end-to-end',
      'workers',
      'prepared',
      'listened',
      'expiry',
      'past',
    ]);
    expect(readBenchArgs(['--only=http,no-op']).only).toEqual(['no-op', 'http']);
  });

  it('measure both queue backends by default, or the one that is named', () => {
    expect(readBenchArgs([]).queues).toEqual(['postgres', 'redis']);
    expect(readBenchArgs(['--queue=redis']).queues).toEqual(['redis']);
  });

  it('leave out the parts that are given nothing to measure', () => {
    expect(readBenchArgs(['--rows=0', '--expiring=0']).only).not.toEqual(
      expect.arrayContaining(['past', 'expiry']),
    );
    expect(readBenchArgs(['--rows=0']).only).toContain('expiry');
  });

  it.each([
    ['--only=htp', /--only holds "htp", none of no-op, .*past/],
    ['--rounds=0', /--rounds is "0", not a whole number from 1 to 99/],
    ['--rows=-1', /--rows is "-1", not a whole number from 0/],
    ['--queue=redis,kafka', /--queue holds "kafka", none of postgres, redis/],
  ])('are refused with what is allowed: %s', (wrong, message) => {
    expect(() => readBenchArgs([wrong])).toThrow(message);
  });
});

describe('arguments of npm run drill', () => {
  const drills = ['chaos', 'poison'];

  it('select all drills by default, with ten crash pairs instead of the default of that drill', () => {
    expect(readDrillArgs([], drills)).toMatchObject({
      names: drills,
      pairs: 10,
      minutes: undefined,
      jobs: 2,
    });
    expect(readDrillArgs(['poison'], drills)).toMatchObject({ names: ['poison'], pairs: undefined });
  });

  it.each([
    ['--jobs=0', /--jobs is "0", not a whole number from 1 to 64\. Example: --jobs=2$/],
    ['--minutes=soon', /--minutes is "soon", not a number from 0\.01/],
    ['poisn', /There is no drill poisn\. There are: chaos, poison\./],
  ])('are refused with what is allowed: %s', (wrong, message) => {
    expect(() => readDrillArgs([wrong], drills)).toThrow(message);
  });
});
