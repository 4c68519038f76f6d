/** How a strategy is drawn, wherever it is: its colour and its dash, so that it is known without colour as well. */
export interface StrategyStyle {
  colour: string;
  /** For `stroke-dasharray`; undefined is solid. */
  dash: string | undefined;
  width: number;
  /** What buyers of a hot SKU meet under it, in a few words. */
  description: string;
}

const style = (colour: string, dash: string | undefined, words: string, width = 1.8): StrategyStyle => ({
  colour: `var(--${colour})`,
  dash,
  width,
  description: words,
});

const styles: Record<string, StrategyStyle> = {
  grouped: style('c1', undefined, 'buyers share a transaction', 2.4),
  adaptive: style('c1', '6 3', 'changes by itself as demand does'),
  'unit-tokens': style('c4', '8 3', 'each buyer takes a unit of their own'),
  pools: style('c4', undefined, 'buyers are spread over pools'),
  'conditional-update': style('c6', '3 3', 'one statement, buyers wait in line'),
  serializable: style('c5', '3 3', 'buyers collide and are tried again'),
  'row-lock': style('c2', '10 3 2 3', 'nobody collides, all wait'),
  'advisory-lock': style('c2', undefined, 'nobody collides, all wait outside the row'),
  'version-check': style('c3', '2 2', 'buyers collide and try again'),
  lease: style('c3', '8 3', 'one process takes for all'),
};

/** One that this build of the page has not heard of is drawn like nothing else. */
export const strategyStyle = (name: string): StrategyStyle =>
  styles[name] ?? style('text-3', '1 3', 'not known here');

/** Those that a product can be switched to. */
export const strategyNames = Object.keys(styles);
