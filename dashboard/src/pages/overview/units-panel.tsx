import { Link } from 'wouter';
import type { UnitsOnHand } from '../../api/openapi';
import { type Firmness, StockBar, Swatch } from '../../components/charts/stock-bar';
import { Panel } from '../../components/layout/panel';
import { formatCount, plural } from '../../formatting/numbers';
import styles from './units-panel.module.css';

/** All stock together, from confirmed to available. */
export function UnitsPanel({ units }: { units: UnitsOnHand }) {
  return (
    <Panel title="Units on hand" note={`all SKUs, ${formatCount(units.onHand)}`}>
      <StockBar stock={units} size="large" />
      <ul className={styles.list}>
        <Row state="confirmed" name="Confirmed" note="sold, not yet shipped" units={units.confirmed} />
        <Row state="pinned" name="Pinned" note="charge in flight, cannot expire" units={units.pinned} />
        <Row
          state="active"
          name="Active"
          note={`${plural(units.returningSoon, 'comes', 'come')} back within 60 s if unpaid`}
          units={units.active}
        />
        <Row state="available" name="Available" note="can be reserved now" units={units.available} />
      </ul>
    </Panel>
  );
}

function Row({ state, name, note, units }: { state: Firmness; name: string; note: string; units: number }) {
  return (
    <li className={styles.row}>
      <Swatch state={state} />
      <b>{name}</b>
      <span className={styles.note}>{note}</span>
      <span className={styles.number}>
        {state === 'available' ? (
          formatCount(units)
        ) : (
          <Link href={`/reservations?status=${state}`}>{formatCount(units)}</Link>
        )}
      </span>
    </li>
  );
}
