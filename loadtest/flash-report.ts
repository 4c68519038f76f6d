import type { FlashSaleArgs } from './flash-args';
import { type Machine, inOneLine } from './machine';
import { escaped, plotStyle, svgOf } from './plot';
import type { SaleResult } from './sale';
import type { LevelResult } from './levels';
import { short, time } from './table';
import { type Outcome, type Tally, sliceMs } from './tally';

export interface FlashSaleResult {
  machine: Machine;
  args: FlashSaleArgs;
  levels: LevelResult[];
  sales: SaleResult[];
}

/** Responses after which a buyer sent the same request again. */
const retriesOf = ({ counts }: Tally) => counts.shed + counts.lost - counts.gaveUp;

const answerTimes = ({ answers }: Tally) => [0.5, 0.95, 0.99].map((share) => time(answers.percentile(share)));

export function salesTable(sales: SaleResult[]): string[][] {
  const head = [
    'strategy',
    'orders/s',
    'p50',
    'p95',
    'p99',
    'conflicts',
    'retries',
    'lock wait p99',
    'batch',
  ];
  const truth = ['shed', 'placed', 'placed/s', 'oversold', 'sold short', 'double charges', 'result'];
  const rows = byStrategy(sales).map(({ typical, all }) => {
    const { strategy, ordersPerSecond, tally, measured, verdict, placedPerSecond } = typical;
    const inAll = (count: (one: SaleResult['verdict']) => number) =>
      String(all.reduce((sum, sale) => sum + count(sale.verdict), 0));
    return [
      strategy,
      short(ordersPerSecond),
      ...answerTimes(tally),
      String(measured.conflicts),
      String(retriesOf(tally)),
      time(measured.lockWaitP99Ms),
      short(measured.batchSize),
      String(tally.counts.shed),
      String(verdict.placed),
      short(placedPerSecond),
      inAll(({ oversold }) => oversold),
      inAll(({ soldShort }) => soldShort),
      inAll(({ doubleCharges }) => doubleCharges),
      resultOf(all),
    ];
  });
  return [[...head, ...truth], ...rows];
}

/** Printed below each table, because two columns are rates of different things. */
export const salesLegend = [
  'orders/s   orders accepted per second (201 or 202, stock taken), until the last order was accepted',
  'placed/s   orders placed per second (paid, stock sold), until every order had ended: payment is the slower half',
  'p50…p99    response time, from the moment the buyer wanted to send the request',
];
/** What a sale's rules and its buyers' payments came to; only of those that were asked for. */
export function habitLines(
  { strategy, tally, verdict, providerCalls }: SaleResult,
  { opensIn, habits, declineRate }: Pick<FlashSaleArgs, 'opensIn' | 'habits' | 'declineRate'>,
): string[] {
  const { early, overLimit, accepted } = tally.counts;
  const { secondCards, secured } = tally;
  const said = [
    ...(opensIn > 0 ? [`${early} requests before the start were sent back until it`] : []),
    ...(habits.perCustomer === undefined ? [] : [`${overLimit} requests were over the limit per customer`]),
    ...(declineRate > 0 && habits.secondCardRate > 0
      ? [`${verdict.saved} sales saved by ${secondCards.length} second cards`]
      : []),
    ...(habits.secureRate > 0
      ? [
          `3-D Secure: ${
            Object.entries(secured)
              .map(([what, count]) => `${count} ${what}`)
              .join(', ') || 'none'
          }`,
        ]
      : []),
    ...(providerCalls === undefined || accepted === 0
      ? []
      : [`${short(providerCalls)} provider calls per accepted order (capture ${habits.capture})`]),
  ];
  return said.length === 0 ? [] : [`${strategy}: ${said.join('; ')}`];
}

export const levelsLegend = [
  'orders/s   orders accepted per second with this many buyers at once, stock for all and no worker: nothing is paid or placed',
];

/** One line per strategy: the numbers of the sale with the median speed, and the failures of all. */
function byStrategy(sales: SaleResult[]): { typical: SaleResult; all: SaleResult[] }[] {
  return [...new Set(sales.map(({ strategy }) => strategy))].map((strategy) => {
    const all = sales.filter((sale) => sale.strategy === strategy);
    const bySpeed = [...all].sort((one, other) => one.ordersPerSecond - other.ordersPerSecond);
    return { typical: bySpeed[Math.floor(bySpeed.length / 2)]!, all };
  });
}

function resultOf(sales: SaleResult[]): string {
  const failed = sales.filter(({ verdict }) => verdict.failures.length > 0).length;
  if (sales.length === 1) return failed === 0 ? 'pass' : 'FAIL';
  return failed === 0 ? `${sales.length} × pass` : `${failed} of ${sales.length} FAIL`;
}

export function levelsTable(levels: LevelResult[]): string[][] {
  const head = [
    'strategy',
    'at once',
    'orders/s',
    'p50',
    'p95',
    'p99',
    'conflicts',
    'lock wait p99',
    'batch',
    'shed',
  ];
  const rows = levels.map(({ strategy, concurrency, ordersPerSecond, tally, measured }) => [
    strategy,
    String(concurrency),
    short(ordersPerSecond),
    ...answerTimes(tally),
    String(measured.conflicts),
    time(measured.lockWaitP99Ms),
    short(measured.batchSize),
    String(tally.counts.shed),
  ]);
  return [head, ...rows];
}

/** Percentiles instead of histograms. */
const plain = (tally: Tally) => ({
  counts: tally.counts,
  answerMs: Object.fromEntries(
    [0.5, 0.9, 0.95, 0.99, 0.999, 1].map((share) => [`p${share * 100}`, tally.answers.percentile(share)]),
  ),
  generatorLateMsP99: tally.lateness.percentile(0.99),
  shedFor: tally.shedFor,
  oddAnswers: tally.oddAnswers,
  secondCards: tally.secondCards.length,
  secured: tally.secured,
});

/** A sale for programs. */
export const plainSale = ({ tally, ...sale }: SaleResult) => ({
  ...sale,
  ...plain(tally),
  retries: retriesOf(tally),
  course: tally.data.course,
});
export type PlainSale = ReturnType<typeof plainSale>;

/** For programs: arguments, results and machine. */
export function jsonOf({ machine, args, levels, sales }: FlashSaleResult): string {
  const whole = {
    machine,
    args,
    concurrency: levels.map(({ tally, ...level }) => ({ ...level, ...plain(tally) })),
    sales: sales.map(plainSale),
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

const style = `
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 1400px; margin: 2rem auto; padding: 0 1rem; }
  .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(520px, 1fr)); gap: 1.5rem; }
  svg { width: 100%; }${plotStyle}
  table { border-collapse: collapse; } td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #8884; }
  td { white-space: nowrap; } td:first-child, th:first-child { text-align: left; } .scroll { overflow-x: auto; }
  .pass { color: #1a7f37; } .FAIL { color: #cf222e; font-weight: 700; }`;

/** One file that needs no network. */
export function htmlOf({ machine, args, levels, sales }: FlashSaleResult): string {
  const plots = [
    ...(levels.length > 0 ? Object.values(concurrencyPlots(levels)) : []),
    ...byStrategy(sales).map(({ typical }) => coursePlot(typical)),
  ];
  const failures = sales.flatMap(({ strategy, seed, verdict }) =>
    verdict.failures.map(
      (failure) => `<li><b>${escaped(strategy)}</b>, seed ${seed}: ${escaped(failure)}</li>`,
    ),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Holdfast: a flash sale</title><style>${style}</style></head>
<body><h1>A flash sale</h1>
<p>${args.buyers} buyers, ${args.rate} a second, for ${args.stock} units of ${args.skus} product${args.skus > 1 ? 's' : ''}, ${args.lines} line${args.lines > 1 ? 's' : ''} each;
${short(100 * args.declineRate)} % of the cards declined, ${short(100 * args.abandonRate)} % of the buyers reserved and left. ${args.runs > 1 ? `${args.runs} sales by each strategy, of which the table shows the one with the median speed. Seeds from ${args.seed} on.` : `Seed ${args.seed}.`}<br>${escaped(inOneLine(machine))}; ${escaped(machine.at)}</p>
${failures.length > 0 ? `<h2 class="FAIL">Failures</h2><ul>${failures.join('')}</ul>` : '<p class="pass">Every promise held.</p>'}
<div class="scroll">${htmlTable(salesTable(sales))}</div>
<p>${salesLegend.map(escaped).join('<br>')}</p>
<p>${sales
    .flatMap((sale) => habitLines(sale, args))
    .map(escaped)
    .join('<br>')}</p>
${levels.length > 0 ? `<h2>Buyers at once</h2><div class="scroll">${htmlTable(levelsTable(levels))}</div><p>${levelsLegend.map(escaped).join('<br>')}</p>` : ''}
<div class="plots">${plots.join('\n')}</div>
</body></html>
`;
}

/** Throughput and p99 of each strategy by the number of buyers. */
export function concurrencyPlots(levels: LevelResult[]): Record<'throughput' | 'p99', string> {
  const names = [...new Set(levels.map(({ strategy }) => strategy))];
  const seriesOf = (value: (level: LevelResult) => number) =>
    names.map((name) => ({
      name,
      points: levels
        .filter(({ strategy }) => strategy === name)
        .map((level) => [level.concurrency, value(level)] as [number, number]),
    }));
  const xLabel = 'buyers at once';
  return {
    throughput: svgOf({
      title: 'Throughput',
      xLabel,
      yLabel: 'orders/s',
      series: seriesOf(({ ordersPerSecond }) => ordersPerSecond),
      logX: true,
    }),
    p99: svgOf({
      title: 'p99 of responses',
      xLabel,
      yLabel: 'ms',
      series: seriesOf(({ tally }) => tally.answers.percentile(0.99) ?? 0),
      logX: true,
      logY: true,
    }),
  };
}

function coursePlot({ strategy, tally }: SaleResult): string {
  const shown: Outcome[] = ['accepted', 'refused', 'reserved', 'overLimit', 'early', 'shed'];
  const { course } = tally.data;
  const series = shown
    .filter((outcome) => tally.counts[outcome] > 0)
    .map((name) => ({
      name,
      points: course.map(
        (slice, nth) => [(nth * sliceMs) / 1_000, ((slice[name] ?? 0) * 1_000) / sliceMs] as [number, number],
      ),
    }));
  return svgOf({ title: `The sale by ${strategy}`, xLabel: 'seconds', yLabel: 'responses/s', series });
}

function htmlTable([head, ...rows]: string[][]): string {
  const cells = (row: string[], tag: string) =>
    row
      .map(
        (cell) =>
          `<${tag}${/(pass|FAIL)$/.test(cell) ? ` class="${cell.slice(-4)}"` : ''}>${escaped(cell)}</${tag}>`,
      )
      .join('');
  return `<table><tr>${cells(head!, 'th')}</tr>${rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</table>`;
}
