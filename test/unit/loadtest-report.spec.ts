import { Results, median } from '../../loadtest/bench-results';
import { withMeasured } from '../../loadtest/docs';
import { readFlashSaleArgs } from '../../loadtest/flash-args';
import {
  type FlashSaleResult,
  habitLines,
  htmlOf,
  jsonOf,
  levelsLegend,
  levelsTable,
  salesLegend,
  salesTable,
} from '../../loadtest/flash-report';
import { pictureOf, svgOf } from '../../loadtest/plot';
import { bar } from '../../loadtest/progress';
import { table, time } from '../../loadtest/table';
import { Tally } from '../../loadtest/tally';

const machine = {
  at: '2026-01-02T03:04:05.000Z',
  cpu: 'a <fast> one',
  cores: 2,
  memoryGiB: 8,
  system: 'Linux',
  node: '20.19.0',
  loadAverage: 0.1,
};

function tally(answersMs: number[]): Tally {
  const made = new Tally();
  answersMs.forEach((ms, nth) => {
    made.answers.record(ms);
    made.count(nth % 4 ? 'accepted' : 'refused', nth * 100);
  });
  return made;
}

function result(failures: string[] = []): FlashSaleResult {
  const measured = { conflicts: 4, lockWaitP99Ms: 12, batchSize: undefined };
  const verdict = { placed: 7, oversold: 0, soldShort: 0, doubleCharges: 0, saved: 2, failures };
  const level = (concurrency: number) => ({
    strategy: 'row-lock',
    concurrency,
    ordersPerSecond: 1_000 / concurrency,
    cpu: { api: 400 },
    tally: tally([5, 10, 15]),
    measured,
  });
  return {
    machine,
    args: readFlashSaleArgs(['--strategy', 'row-lock', '--seed', '9'], ['row-lock']),
    levels: [level(1), level(8), level(64)],
    sales: [
      {
        strategy: 'row-lock',
        seed: 9,
        ordersPerSecond: 123.4,
        settledMs: 12_000,
        placedPerSecond: 8.1,
        cpu: { api: 400, postgres: 900 },
        tally: tally([10, 20, 30, 40]),
        measured,
        providerCalls: 2.04,
        verdict,
      },
    ],
  };
}

describe('Tally', () => {
  it('adds the results of several processes, with hundreds of thousands of orders', () => {
    const all = new Tally();
    const orderIds = Array.from({ length: 300_000 }, (_, nth) => `ord_${nth}`);
    for (let process = 0; process < 2; process++) all.add({ ...tally([5, 10]).data, orderIds });
    expect([all.orderIds.length, all.counts.accepted, all.counts.refused]).toEqual([600_000, 2, 2]);
  });
});

describe('what became of a sale’s rules and payments', () => {
  const lines = (...argv: string[]) => {
    const { sales } = result();
    sales[0]!.tally.count('early', 0);
    sales[0]!.tally.secondCards.push('ord_1', 'ord_2', 'ord_3');
    sales[0]!.tally.secured['walked away'] = 4;
    return habitLines(sales[0]!, readFlashSaleArgs(argv, ['adaptive']));
  };

  it('is one line, with what was asked for only', () => {
    expect(lines('--capture=immediate')).toEqual([
      'row-lock: 2.04 provider calls per accepted order (capture immediate)',
    ]);
    expect(
      lines(
        '--opens-in=2',
        '--per-customer=1',
        '--decline-rate=0.2',
        '--second-card-rate=1',
        '--secure-rate=0.1',
      ),
    ).toEqual([
      'row-lock: 1 requests before the start were sent back until it; 0 requests were over the limit per customer; 2 sales saved by 3 second cards; 3-D Secure: 4 walked away; 2.04 provider calls per accepted order (capture automatic)',
    ]);
  });
});

describe('the report of a flash sale', () => {
  it('needs no network', () => {
    const html = htmlOf(result());
    expect(html).not.toMatch(/\b(src|href)=|@import|url\(|<script|https?:/i);
    expect(html).toContain('<svg');
  });

  it('explains each rate, in the terminal and on the page', () => {
    const rates = (rows: string[][], legend: string[]) =>
      rows[0]!
        .filter((name) => name.endsWith('/s'))
        .map((name) => legend.some((line) => line.startsWith(name)));
    expect(rates(salesTable(result().sales), salesLegend)).toEqual([true, true]);
    expect(rates(levelsTable(result().levels), levelsLegend)).toEqual([true]);
    for (const line of [...salesLegend, ...levelsLegend])
      expect(htmlOf(result())).toContain(line.split(/ {2,}/)[1]!.slice(0, 30));
  });

  it('has every column, and a dash for unknown values', () => {
    const [head, row] = salesTable(result().sales);
    expect(head).toEqual(
      expect.arrayContaining([
        ...['orders/s', 'p50', 'p95', 'p99', 'conflicts', 'retries', 'lock wait p99', 'batch'],
        ...['shed', 'oversold', 'sold short', 'double charges', 'result'],
      ]),
    );
    expect(row![head!.indexOf('batch')]).toBe('–');
    expect(row!.at(-1)).toBe('pass');
    expect(levelsTable(result().levels)).toHaveLength(4);
  });

  it('shows the sales of a strategy as one row, including every failure', () => {
    const [sale] = result().sales;
    const [odd] = result(['a unit too many']).sales;
    const slow = { ...sale!, ordersPerSecond: 50, verdict: { ...odd!.verdict, oversold: 1 } };
    const fast = { ...sale!, ordersPerSecond: 500 };
    const [head, row, ...others] = salesTable([fast, slow, sale!]);
    const cell = (name: string) => row![head!.indexOf(name)];

    expect(others).toEqual([]);
    expect(cell('orders/s')).toBe('123');
    expect([cell('oversold'), cell('result')]).toEqual(['1', '1 of 3 FAIL']);
    expect(salesTable([fast, sale!])[1]!.at(-1)).toBe('2 × pass');
    expect(htmlOf({ ...result(), sales: [fast, slow] })).toContain('a unit too many');
  });

  it('shows failures, and escapes every text', () => {
    const html = htmlOf(result(['2 units were <b>sold</b> that were not there']));
    expect(html).toContain('Failures');
    expect(html).toContain('2 units were &lt;b&gt;sold&lt;/b&gt; that were not there');
    expect(html).toContain('class="FAIL"');
    expect(html).toContain('a &lt;fast&gt; one');
    expect(htmlOf(result())).toContain('Every promise held.');
  });

  it('gives programs everything that is needed to repeat the sale', () => {
    const parsed = JSON.parse(jsonOf(result())) as Record<string, any>;
    expect(parsed.args).toMatchObject({ seed: 9, stock: 500, strategies: ['row-lock'] });
    expect(parsed.machine).toEqual(machine);
    expect(parsed.sales[0]).toMatchObject({ ordersPerSecond: 123.4, counts: { accepted: 3, refused: 1 } });
    expect(parsed.sales[0].answerMs.p50).toBeCloseTo(20, 0);
    expect(parsed.concurrency).toHaveLength(3);
  });
});

describe('a plot', () => {
  const plot = { title: 'T', xLabel: 'x', yLabel: 'y' };

  it('can be written as a standalone picture', () => {
    const plot = svgOf({
      title: 'a > b',
      xLabel: 'x',
      yLabel: 'y',
      series: [{ name: 's', points: [[1, 2]] }],
    });
    const picture = pictureOf(plot);
    expect(picture).toMatch(
      /^<svg xmlns="[^"]+" width="640" height="360"[^>]*><style>[^<]+<\/style><rect [^>]+>/,
    );
    expect(picture.endsWith('</svg>\n')).toBe(true);
    expect(picture.replace(/<style>[^]*?<\/style><rect[^>]*>/, '')).toContain(
      plot.slice(plot.indexOf('<text')).trim(),
    );
  });

  it('keeps every point within its frame', () => {
    const svg = svgOf({ ...plot, series: [{ name: 'one', points: [[1, 3], [64, 900], [512, 40_000]] }], logX: true, logY: true }); // prettier-ignore
    const places = [...svg.matchAll(/c[xy]="([\d.-]+)"/g)].map(([, at]) => Number(at));
    // Three points and the mark in the legend.
    expect(places).toHaveLength(8);
    for (const at of places) expect(at >= 0 && at <= 640).toBe(true);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it.each([
    ['nothing', []],
    ['one point', [[5, 5]]],
    ['zeros alone', [[0, 0]]],
    ['what no logarithm has', [[0, 0], [1, 10]]], // prettier-ignore
  ])('draws %s', (_, points) => {
    for (const log of [true, false]) {
      const series = [{ name: 'one', points: points as [number, number][] }];
      expect(svgOf({ ...plot, series, logX: log, logY: log })).not.toMatch(/NaN|Infinity|undefined/);
    }
  });
});

describe('bench results', () => {
  it('are medians of their rounds', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });

  it('give ratios where both numbers were measured, and say whether the aim is reached', () => {
    const results = new Results();
    results.add('orders over HTTP, grouped, 256 buyers', 5_000, '/s');
    expect(results.ratios).toEqual([]);
    results.add('no-op, the API’s own stack', 10_000, '/s');
    results.add('p99 of orders, grouped, 512 buyers', 50, 'ms');
    results.add('p99 of orders, row-lock, 512 buyers', 400, 'ms');
    expect(results.ratios.map(({ shown, reached }) => [shown, reached])).toEqual([
      ['50 %', true],
      ['12.5 %', false],
    ]);
    expect(results.comparisons.flat()).toContain('at least 40 %: reached');
    expect(results.comparisons.flat()).toContain('at most 10 %: NOT reached');
  });

  it('compare with another build where it was measured, and hold a number against its own aim', () => {
    const results = new Results('a1b2c3d');
    results.add('placed, 64 buyers, queue on redis', 240, '/s');
    results.add('placed, 64 buyers, queue on redis, build a1b2c3d', 96, '/s');
    results.add('WAL of placed, 64 buyers, queue on redis', 12.5, 'KiB');
    expect(results.comparisons.slice(1)).toEqual([
      ['WAL of a placed order, queue on redis', '12.5 KiB', 'at most 12 KiB: NOT reached'],
      ['placed, 64 buyers, queue on redis, against build a1b2c3d', '2.5 ×', 'at least 2.4 ×: reached'],
    ]);
  });

  it('say per order what PostgreSQL spent and wrote', () => {
    const results = new Results();
    const rows = { updated: 0, hot: 0, deleted: 0 };
    results.keepCosts('queue on redis', {
      orders: 10,
      transactions: 40,
      dearest: [{ text: 'SELECT 1', calls: 5, ms: 2 }],
      tables: [
        { table: 'orders', inserted: 8, updated: 16, hot: 4, deleted: 0, walBytes: 5_000 },
        { table: 'inbox', inserted: 8, ...rows, walBytes: 9_000 },
        { table: 'workers', inserted: 1, ...rows, walBytes: 20 },
      ],
    });
    expect(results.dearest.slice(1)).toEqual([['SELECT 1', '200 µs', '0.5', 'queue on redis']]);
    expect(results.writes.slice(1)).toEqual([
      ['inbox', '1', '0', '0', '0', '900', 'queue on redis'],
      ['orders', '1', '2', '0.5', '0', '500', 'queue on redis'],
    ]);
  });

  it('show CPU by kind of process, and nothing where it is unknown', () => {
    const results = new Results();
    results.addCpu('an order', { api: 300, postgres: 100 });
    results.addCpu('a secret', {});
    expect(results.numbers.slice(1)).toEqual([['CPU of an order', '400 µs', '400', 'api 300, postgres 100']]);
  });

  it('fail when a number could not be measured', () => {
    const results = new Results();
    results.add('p99 of orders, grouped, 512 buyers', undefined, 'ms');
    const odd = tally([1]);
    odd.counts.unexpected = 2;
    odd.counts.lost = 1;
    odd.note('500 oh');
    results.failIfOdd('http', odd);
    expect(results.failures).toEqual([
      'p99 of orders, grouped, 512 buyers: no response during the measurement',
      'http: 2 unexpected responses, such as: 500 oh',
      'http: 1 connections ended without a response',
    ]);
  });
});

describe('withMeasured', () => {
  const page = 'before\n<!-- numbers: begin -->\nold\n<!-- numbers: end -->\nafter\n';

  it('writes numbers and machine between the marks, and keeps the rest of the page', () => {
    const once = withMeasured(page, 'numbers', machine, [['name', 'n'], ['a | b', '1']]); // prettier-ignore
    expect(once).toMatch(/^before\n<!-- numbers: begin -->\n\nMeasured 2026-01-02 on 2 × a <fast> one/);
    expect(once).toContain('| name | n |\n| --- | ---: |\n| a \\| b | 1 |\n');
    expect(once).toMatch(/<!-- numbers: end -->\nafter\n$/);
    expect(once).not.toContain('old');
    expect(withMeasured(once, 'numbers', machine, [['x', 'y']])).not.toContain('a \\| b');
  });

  it('fails when the page has no marks', () => {
    expect(() => withMeasured(page, 'ratios', machine, [['x']])).toThrow(/<!-- ratios: begin -->/);
  });
});

describe('printed numbers', () => {
  it('are in columns', () => {
    expect(table([['name', 'n'], ['a', '1'], ['longer', '10']])).toBe('name     n\na        1\nlonger  10'); // prettier-ignore
  });

  it('have three significant digits', () => {
    expect([time(0.1234), time(12.345), time(1_234), time(65_432), time(undefined)]).toEqual([
      '0.123 ms',
      '12.3 ms',
      '1234 ms',
      '65.4 s',
      '–',
    ]);
  });

  it('show progress, never above 100 %', () => {
    expect([bar(0), bar(0.5), bar(7)]).toEqual([
      '[........................]  0 %',
      '[############............] 50 %',
      '[########################]100 %',
    ]);
  });
});
