import { Link, useLocation } from 'wouter';
import { formatCount } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import { Shape } from '../values/shape';
import firmness from './firmness.module.css';
import styles from './stock-bar.module.css';

export type Firmness = 'confirmed' | 'pinned' | 'active' | 'available';

export interface Stock {
  onHand: number;
  confirmed: number;
  pinned: number;
  active: number;
  available: number;
}

interface StockBarProps {
  stock: Stock;
  /** With a SKU, a click on a segment opens the reservations it counts. */
  sku?: string;
  size?: 'row' | 'large' | 'pool';
}

/** Sold, pinned, reserved, available, from firm to free. The same numbers stand beside the bar as text. */
export function StockBar({ stock, sku, size = 'row' }: StockBarProps) {
  const promised = stock.confirmed + stock.pinned + stock.active;
  const tooMany = promised - stock.onHand;
  const whole = Math.max(stock.onHand, promised, 1);
  const width = (units: number) => ({ width: `${(100 * units) / whole}%` });
  return (
    <>
      <div
        className={classes(styles.bar, size !== 'row' && styles[size])}
        role="img"
        aria-label={formatStock(stock)}
      >
        {(['confirmed', 'pinned', 'active'] as const)
          .filter((state) => stock[state] > 0)
          .map((state) => (
            <Part key={state} state={state} units={stock[state]} sku={sku} style={width(stock[state])} />
          ))}
        {tooMany > 0 ? (
          <span className={classes(styles.part, styles.over)} style={width(Math.max(tooMany, whole / 20))}>
            {size === 'large' && <Shape name="stuck" />}
          </span>
        ) : (
          <span className={classes(styles.rest, firmness.available)} />
        )}
      </div>
      {tooMany > 0 && (
        <p className={styles.short}>
          <Link href="/#promises">{formatCount(tooMany)} more promised than on hand</Link>
        </p>
      )}
    </>
  );
}

interface PartProps {
  state: 'confirmed' | 'pinned' | 'active';
  units: number;
  sku: string | undefined;
  style: React.CSSProperties;
}

/**
 * A shortcut for the pointer, not a link: a segment can be too thin to be a target. The number beside the bar and the
 * product's page lead to the same list.
 */
function Part({ state, units, sku, style }: PartProps) {
  const [, navigate] = useLocation();
  const open = (event: React.MouseEvent): void => {
    if (sku === undefined) return;
    event.stopPropagation();
    navigate(`/reservations?status=${state}&sku=${encodeURIComponent(sku)}`);
  };
  return (
    <span
      className={classes(styles.part, styles[state], firmness[state], sku !== undefined && styles.opens)}
      style={style}
      title={`${formatCount(units)} ${state}`}
      onClick={open}
    />
  );
}

const formatStock = ({ onHand, confirmed, pinned, active, available }: Stock): string =>
  `${formatCount(onHand)} on hand: ${formatCount(confirmed)} confirmed, ${formatCount(pinned)} pinned, ${formatCount(active)} active, ${formatCount(available)} available`;

/** The colour square in a legend. */
export function Swatch({ state }: { state: Firmness }) {
  return <span className={classes(styles.swatch, styles[state], firmness[state])} aria-hidden />;
}
