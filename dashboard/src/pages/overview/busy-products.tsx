import { Link } from 'wouter';
import type { BusyProduct } from '../../api/openapi';
import { StockBar } from '../../components/charts/stock-bar';
import { Panel } from '../../components/layout/panel';
import { Empty } from '../../components/layout/states';
import { type Column, DataTable } from '../../components/tables/data-table';
import { SoldOutBadge } from '../../components/values/badge';
import { Clip, None } from '../../components/values/figures';
import { formatDuration } from '../../formatting/durations';
import { formatCount, formatDecimal } from '../../formatting/numbers';
import styles from './busy-products.module.css';

const pageOf = ({ sku }: BusyProduct): string => `/products/${encodeURIComponent(sku)}`;

const columns: Column<BusyProduct>[] = [
  {
    key: 'sku',
    head: 'Product',
    isHead: true,
    cell: (product) => (
      <Link href={pageOf(product)}>
        <Clip text={product.sku} code />
      </Link>
    ),
  },
  {
    key: 'stock',
    head: 'Stock',
    cell: ({ stock, sku }) => (
      <div className={styles.bar}>
        <StockBar stock={stock} sku={sku} />
      </div>
    ),
  },
  {
    key: 'available',
    head: 'Available',
    align: 'end',
    cell: ({ stock }) => (stock.available === 0 ? <SoldOutBadge /> : formatCount(stock.available)),
  },
  {
    key: 'taken',
    head: 'Taken /s',
    align: 'end',
    phone: 'hide',
    cell: ({ takenPerSecond }) => (takenPerSecond === 0 ? <None>0</None> : formatDecimal(takenPerSecond)),
  },
  {
    key: 'refused',
    head: 'Refused /s',
    align: 'end',
    phone: 'hide',
    cell: ({ refusedPerSecond }) =>
      refusedPerSecond === 0 ? (
        <None>0</None>
      ) : (
        <span className={styles.refused}>{formatDecimal(refusedPerSecond)}</span>
      ),
  },
  {
    key: 'wait',
    head: 'Lock wait p99',
    align: 'end',
    phone: 'hide',
    cell: ({ lockWaitP99Ms }) => (lockWaitP99Ms === null ? <None /> : formatDuration(lockWaitP99Ms)),
  },
  {
    key: 'strategy',
    head: 'Strategy',
    phone: 'hide',
    cell: ({ strategy }) => <span className={styles.strategy}>{strategy}</span>,
  },
];

/** The products in demand right now. */
export function BusyProducts({ products, skus }: { products: BusyProduct[]; skus: number }) {
  return (
    <Panel
      title="Busiest products"
      note="by demand, last minute"
      action={
        <Link href="/products">{skus === 1 ? 'The only product' : `All ${formatCount(skus)} products`}</Link>
      }
      flush
    >
      <DataTable
        caption="Busiest products of the last minute"
        columns={columns}
        rows={products}
        rowKey={({ sku }) => sku}
        rowHref={pageOf}
        live
        empty={<Empty title="No demand in the last minute." />}
      />
    </Panel>
  );
}
