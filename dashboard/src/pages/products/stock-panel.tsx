import { Link } from 'wouter';
import type { Product, Returning } from '../../api/openapi';
import { type Firmness, StockBar, Swatch } from '../../components/charts/stock-bar';
import { Panel } from '../../components/layout/panel';
import { Count } from '../../components/values/figures';
import { formatCount, noun } from '../../formatting/numbers';
import styles from './stock-panel.module.css';

const parts: { state: Firmness; label: string }[] = [
  { state: 'confirmed', label: 'Confirmed' },
  { state: 'pinned', label: 'Pinned, charge in flight' },
  { state: 'active', label: 'Active, timer running' },
  { state: 'available', label: 'Available' },
];

/** The stock, by state. */
export function StockPanel({ product, returning }: { product: Product; returning: Returning | undefined }) {
  const { sku, stock } = product;
  return (
    <Panel
      title="Stock"
      note={`${formatCount(stock.onHand)} on hand, ${formatCount(stock.available)} available`}
      action={
        returning ? (
          <Link href={`/reservations?sku=${encodeURIComponent(sku)}`} className={styles.returning}>
            <b>{formatCount(returning.withinMinute)}</b>{' '}
            {noun(returning.withinMinute, 'unit comes', 'units come')} back within 60 s if unpaid
          </Link>
        ) : undefined
      }
    >
      <StockBar stock={stock} sku={sku} size="large" />
      <dl className={styles.parts}>
        {parts.map(({ state, label }) => (
          <div key={state}>
            <dt>
              <Swatch state={state} /> {label}
            </dt>
            <dd>
              {state === 'available' || stock[state] === 0 ? (
                <b>
                  <Count n={stock[state]} />
                </b>
              ) : (
                <Link
                  href={`/reservations?status=${state}&sku=${encodeURIComponent(sku)}`}
                  className={styles.number}
                  aria-label={`${formatCount(stock[state])} ${state}, of ${sku}`}
                >
                  {formatCount(stock[state])}
                </Link>
              )}
            </dd>
          </div>
        ))}
      </dl>
      {stock.byPool.length > 1 ? (
        <ul className={styles.pools}>
          {stock.byPool.map(({ pool, ...level }) => (
            <li key={pool}>
              <p>
                <span>
                  pool <b>{pool}</b>
                </span>
                <span>
                  {formatCount(level.reserved)} of {formatCount(level.onHand)} promised
                </span>
              </p>
              <StockBar stock={level} size="pool" />
            </li>
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}
