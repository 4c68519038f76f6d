/** The line style of a strategy in all charts: colour and dash, so that it is distinct without colour. */
export interface StrategyStyle {
  colour: string;
  /** For `stroke-dasharray`; undefined is solid. */
  dash: string | undefined;
  width: number;
  /** What the strategy means for buyers of a contended SKU. */
  description: string;
}

const style = (
  colour: string,
  dash: string | undefined,
  description: string,
  width = 1.8,
): StrategyStyle => ({
  colour: `var(--${colour})`,
  dash,
  width,
  description,
});

const styles = {
  grouped: style('c1', undefined, 'buyers share a transaction', 2.4),
  adaptive: style('c1', '6 3', 'switches automatically as demand changes'),
  'unit-tokens': style('c4', '8 3', 'each buyer takes a different unit'),
  pools: style('c4', undefined, 'buyers are spread over pools'),
  'conditional-update': style('c6', '3 3', 'one statement; buyers queue'),
  serializable: style('c5', '3 3', 'conflicts are retried by the server'),
  'row-lock': style('c2', '10 3 2 3', 'buyers queue; no retries'),
  'advisory-lock': style('c2', undefined, 'buyers queue outside the row; no retries'),
  'version-check': style('c3', '2 2', 'conflicts are retried'),
  lease: style('c3', '8 3', 'one process serves everyone'),
};
export type StrategyName = keyof typeof styles;

/** The style of a strategy that this build does not know. */
export const strategyStyle = (name: string): StrategyStyle =>
  (styles as Record<string, StrategyStyle | undefined>)[name] ??
  style('text-3', '1 3', 'unknown to this dashboard');

/** The strategies a product can be switched to. */
export const strategyNames = Object.keys(styles) as StrategyName[];
