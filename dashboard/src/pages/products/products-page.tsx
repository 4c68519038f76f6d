import { useMemo, useState } from 'react';
import { useParams } from 'wouter';
import type { Overview, Product } from '../../api/openapi';
import { useApi, useList } from '../../api/use-api';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import { ListDetail, useFirstOpen } from '../../components/layout/list-detail';
import { Panel } from '../../components/layout/panel';
import { Empty, LoadError, Loading } from '../../components/layout/states';
import { ProductDetail } from './product-detail';
import { ProductList, type ProductSort, rateOf } from './product-list';

const refetchMs = 5_000;

/** How much is left, who has it, which strategy suits it? */
export default function ProductsPage() {
  const { sku: named } = useParams<{ sku?: string }>();
  const sku = named === undefined ? undefined : decodeURIComponent(named);
  const trail = sku === undefined ? undefined : [{ label: 'Products', href: '/products' }];
  useSetBreadcrumbs({ here: sku ?? 'Products', trail, heading: sku === undefined });
  const [sort, setSort] = useState<ProductSort>('demand');
  const list = useList<Product>('products?limit=100', { refetchMs });
  const { data: overview } = useApi<Overview>('overview');
  const products = useMemo(() => sorted(list.rows ?? [], sort, overview), [list.rows, sort, overview]);
  const first = products[0]?.sku;
  useFirstOpen(sku !== undefined, first === undefined ? undefined : `/products/${encodeURIComponent(first)}`);

  return (
    <ListDetail
      isOpen={sku !== undefined}
      list={
        <>
          {list.error && !list.rows ? (
            <LoadError what="products" problem={list.error} retry={list.refetch} />
          ) : null}
          {list.loading ? <Loading rows={10} height={62} /> : null}
          {list.rows ? (
            <ProductList
              products={products}
              list={list}
              overview={overview}
              open={sku}
              sort={sort}
              onSort={setSort}
            />
          ) : null}
        </>
      }
    >
      {sku !== undefined ? <ProductDetail key={sku} sku={sku} /> : null}
      {sku === undefined && list.rows?.length === 0 ? (
        <Panel>
          <Empty title="No products yet. Create the first one with PUT /v1/admin/products/{sku}." />
        </Panel>
      ) : null}
    </ListDetail>
  );
}

function sorted(products: readonly Product[], sort: ProductSort, overview: Overview | undefined): Product[] {
  const bySku = (one: Product, other: Product) => (one.sku < other.sku ? -1 : 1);
  const demand = ({ sku }: Product) => {
    const rate = rateOf(sku, overview);
    return rate ? rate.takenPerSecond + rate.refusedPerSecond : 0;
  };
  return products.toSorted((one, other) => {
    if (sort === 'sku') return bySku(one, other);
    if (sort === 'available') return one.stock.available - other.stock.available || bySku(one, other);
    // Products without demand follow, by reserved stock, which changes less than a rate.
    return demand(other) - demand(one) || other.stock.reserved - one.stock.reserved || bySku(one, other);
  });
}
