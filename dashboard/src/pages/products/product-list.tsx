import { useState } from 'react';
import type { Overview, Product } from '../../api/openapi';
import type { ListState } from '../../api/use-api';
import { StockBar } from '../../components/charts/stock-bar';
import { Button } from '../../components/forms/button';
import { ListHead, ListRow, RowLine, RowName } from '../../components/layout/list-rows';
import { Panel } from '../../components/layout/panel';
import { Empty } from '../../components/layout/states';
import { SoldOutBadge } from '../../components/values/badge';
import { Clip } from '../../components/values/figures';
import { formatCount, formatRate, plural } from '../../formatting/numbers';
import styles from './product-list.module.css';

export type ProductSort = 'demand' | 'sku' | 'available';

interface ProductListProps {
  products: readonly Product[];
  list: ListState<Product>;
  overview: Overview | undefined;
  /** The open product. */
  open: string | undefined;
  sort: ProductSort;
  onSort: (sort: ProductSort) => void;
}

const sorts = [
  { value: 'demand', label: 'By demand' },
  { value: 'sku', label: 'By SKU' },
  { value: 'available', label: 'Least available' },
] as const;

/** The product's demand in the last minute; undefined without any. */
export const rateOf = (sku: string, overview: Overview | undefined) =>
  overview?.products.find((busy) => busy.sku === sku);

export function ProductList({ products, list, overview, open, sort, onSort }: ProductListProps) {
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const shown = products.filter(({ sku, name }) => `${sku} ${name}`.toLowerCase().includes(wanted));
  return (
    <Panel flush>
      <ListHead
        title={
          <b>
            {plural(products.length, 'product')}
            {list.hasMore ? ' loaded' : ''}
          </b>
        }
        sort={sort}
        sorts={sorts}
        onSort={onSort}
      >
        <input
          className={styles.filter}
          type="search"
          placeholder="Filter by SKU or name"
          aria-label="Filter by SKU or name"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </ListHead>
      {shown.length === 0 ? <Empty title={noMatch(text, products.length, list.hasMore)} /> : null}
      <ul>
        {shown.map((product) => (
          <ProductRow
            key={product.sku}
            product={product}
            takenPerSecond={rateOf(product.sku, overview)?.takenPerSecond ?? 0}
            isOpen={product.sku === open}
          />
        ))}
      </ul>
      {list.hasMore ? (
        <p className={styles.more}>
          <Button small busy={list.loadingMore} onClick={list.more}>
            Show more
          </Button>
        </p>
      ) : null}
    </Panel>
  );
}

const noMatch = (text: string, loaded: number, hasMore: boolean) =>
  hasMore
    ? `None of the ${formatCount(loaded)} loaded products matches “${text}”. Show more, or search all products with the field at the top.`
    : `No product matches “${text}”.`;

interface ProductRowProps {
  product: Product;
  takenPerSecond: number;
  isOpen: boolean;
}

function ProductRow({ product: { sku, name, stock }, takenPerSecond, isOpen }: ProductRowProps) {
  return (
    <ListRow href={`/products/${encodeURIComponent(sku)}`} isOpen={isOpen} className={styles.product}>
      <RowLine>
        <Clip text={sku} code wide />
        {stock.available > 0 ? <span>{formatCount(stock.available)}</span> : <SoldOutBadge />}
      </RowLine>
      <StockBar stock={stock} />
      <RowLine quiet>
        <RowName>{name}</RowName>
        <span>{formatRate(takenPerSecond)}</span>
      </RowLine>
    </ListRow>
  );
}
