/** Line charts as inline SVG, so that a report is one file without dependencies. */
export interface Series {
  name: string;
  points: [x: number, y: number][];
}

export interface Plot {
  title: string;
  xLabel: string;
  yLabel: string;
  series: Series[];
  /** Logarithmic; values of zero and below are left out. */
  logX?: boolean;
  logY?: boolean;
}

const size = { width: 640, height: 360 };
const margin = { left: 64, right: 150, top: 36, bottom: 44 };
const inner = {
  width: size.width - margin.left - margin.right,
  height: size.height - margin.top - margin.bottom,
};

/** Colours for colour-blind readers (Okabe and Ito); the points also differ in shape. */
const colours = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#8a8a8a',
  '#b8a800',
  '#7b3294',
  '#5d4037',
];
const shapes = ['circle', 'square', 'diamond'] as const;

interface Axis {
  at(value: number): number;
  ticks: number[];
}

export function svgOf(plot: Plot): string {
  const shown = plot.series.map(({ name, points }) => ({
    name,
    points: points.filter(([x, y]) => (!plot.logX || x > 0) && (!plot.logY || y > 0)),
  }));
  const all = shown.flatMap(({ points }) => points);
  const label = (x: number, y: number, text: string, more = '') =>
    `<text x="${round(x)}" y="${round(y)}" ${more}>${escaped(text)}</text>`;
  const head = `<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escaped(plot.title)}">${label(margin.left, 20, plot.title, 'class="title"')}`;
  if (all.length === 0) return `${head}${label(margin.left, 60, 'Nothing was measured.')}</svg>`;

  const xs = all.map(([x]) => x);
  const ys = all.map(([, y]) => y);
  const x = axis(xs, {
    log: plot.logX,
    from: margin.left,
    to: margin.left + inner.width,
    ticks: plot.logX ? [...new Set(xs)] : undefined,
  });
  const y = axis([...ys, ...(plot.logY ? [] : [0])], {
    log: plot.logY,
    from: margin.top + inner.height,
    to: margin.top,
  });
  const bottom = margin.top + inner.height;
  const grid = y.ticks.map(
    (tick) =>
      `<line class="grid" x1="${margin.left}" x2="${margin.left + inner.width}" y1="${round(y.at(tick))}" y2="${round(y.at(tick))}"/>` +
      label(margin.left - 8, y.at(tick) + 4, brief(tick), 'text-anchor="end"'),
  );
  const below = x.ticks.map((tick) => label(x.at(tick), bottom + 18, brief(tick), 'text-anchor="middle"'));
  const names = [
    label(margin.left + inner.width / 2, size.height - 6, plot.xLabel, 'text-anchor="middle"'),
    label(
      12,
      margin.top + inner.height / 2,
      plot.yLabel,
      `text-anchor="middle" transform="rotate(-90 12 ${margin.top + inner.height / 2})"`,
    ),
  ];
  const lines = shown.map((series, nth) => drawn(series, nth, { x, y, plot }));
  return [head, ...grid, ...below, ...names, ...lines, '</svg>'].join('');
}

/** The style of every plot. */
export const plotStyle = `
  svg { font: 12px system-ui, sans-serif; }
  svg text { fill: currentColor; } svg .title { font-weight: 600; font-size: 14px; }
  svg .grid { stroke: currentColor; opacity: .15; }`;

/** A plot as a separate file, on white because its background is unknown. */
export function pictureOf(svg: string): string {
  const { width, height } = size;
  const paper = `<style>${plotStyle}</style><rect width="${width}" height="${height}" fill="#fff"/>`;
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" color="#222" `;
  return `${svg.replace('<svg ', head).replace('>', `>${paper}`)}\n`;
}

function drawn(
  { name, points }: Series,
  nth: number,
  { x, y, plot }: { x: Axis; y: Axis; plot: Plot },
): string {
  const colour = colours[nth % colours.length]!;
  const shape = shapes[nth % shapes.length]!;
  const places = points.map(([px, py]) => [round(x.at(px)), round(y.at(py))] as const);
  const line = `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${places.map((place) => place.join(',')).join(' ')}"/>`;
  const marks = points.map(
    ([px, py], at) =>
      `<g fill="${colour}"><title>${escaped(`${name}: ${brief(py)} ${plot.yLabel} at ${brief(px)} ${plot.xLabel}`)}</title>${mark(shape, ...places[at]!)}</g>`,
  );
  const legendY = margin.top + 8 + nth * 18;
  const legendX = margin.left + inner.width + 16;
  const legend = `<g fill="${colour}">${mark(shape, legendX, legendY)}</g><text x="${legendX + 10}" y="${legendY + 4}">${escaped(name)}</text>`;
  return [line, ...marks, legend].join('');
}

function mark(shape: (typeof shapes)[number], x: number, y: number): string {
  if (shape === 'circle') return `<circle cx="${x}" cy="${y}" r="3.5"/>`;
  const turned = shape === 'diamond' ? ` transform="rotate(45 ${x} ${y})"` : '';
  return `<rect x="${round(x - 3)}" y="${round(y - 3)}" width="6" height="6"${turned}/>`;
}

function axis(
  values: number[],
  { log = false, from, to, ticks }: { log?: boolean; from: number; to: number; ticks?: number[] },
): Axis {
  const scale = log ? Math.log2 : (value: number) => value;
  const own = ticks ?? (log ? decades(values) : steps(Math.max(...values)));
  const [least, most] = [Math.min(...values, ...own), Math.max(...values, ...own)].map(scale) as [
    number,
    number,
  ];
  const span = most - least || 1;
  return {
    ticks: own.sort((one, other) => one - other),
    at: (value) => from + ((scale(value) - least) / span) * (to - from),
  };
}

/** About five round numbers up to the largest. */
function steps(most: number): number[] {
  const rough = (most || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  return Array.from({ length: Math.ceil((most || 1) / step) + 1 }, (_, nth) => nth * step);
}

function decades(values: number[]): number[] {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.ceil(Math.log10(Math.max(...values)));
  return Array.from({ length: Math.max(1, last - first) + 1 }, (_, nth) => 10 ** (first + nth));
}

const round = (value: number) => Math.round(value * 10) / 10;

function brief(value: number): string {
  if (Math.abs(value) >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))} M`;
  if (Math.abs(value) >= 10_000) return `${Number((value / 1_000).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}

export const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
