import { Pencil, Shuffle, SlidersHorizontal } from 'lucide-react';
import { useState } from 'react';
import { useTopic } from '../../api/live';
import type { Product, ProductMessage, Returning } from '../../api/openapi';
import { useApi, useSetCached } from '../../api/use-api';
import { ActionButton } from '../../components/forms/button';
import { BackToList } from '../../components/layout/list-detail';
import page from '../../components/layout/page.module.css';
import { LoadError, Loading } from '../../components/layout/states';
import { Money, When } from '../../components/values/figures';
import { formatCount, plural } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import { AdjustDialog } from './adjust-dialog';
import { ContentionPanels } from './contention/contention-panels';
import { EditDialog } from './edit-dialog';
import { MovementsPanel } from './movements-panel';
import { StockPanel } from './stock-panel';
import { SwitchDialog } from './switch-dialog';
import styles from './product-detail.module.css';

type ProductAction = 'edit' | 'switch' | 'adjust';

export function ProductDetail({ sku }: { sku: string }) {
  const name = encodeURIComponent(sku);
  const path = `products/${name}`;
  const { data: product, error, loading, refetch } = useApi<Product>(path);
  const returningPath = `reservations/returning?sku=${name}`;
  const { data: returning } = useApi<Returning>(returningPath);
  const setCached = useSetCached();
  useTopic<ProductMessage>(`product:${sku}`, (message) => {
    setCached(path, message.product);
    setCached(returningPath, message.returning);
  });
  const [action, setAction] = useState<ProductAction | null>(null);
  const close = () => setAction(null);

  if (error && !product) return <LoadError what={`product ${sku}`} problem={error} retry={refetch} />;
  if (loading || !product) return <Loading rows={8} />;
  return (
    <div className={page.stack}>
      <ProductHead product={product} onAction={setAction} />
      <StockPanel product={product} returning={returning} />
      <ContentionPanels sku={sku} />
      <MovementsPanel sku={sku} />
      {action === 'edit' ? <EditDialog product={product} onClose={close} /> : null}
      {action === 'switch' ? <SwitchDialog product={product} onClose={close} /> : null}
      {action === 'adjust' ? <AdjustDialog product={product} onClose={close} /> : null}
    </div>
  );
}

function ProductHead({ product, onAction }: { product: Product; onAction: (action: ProductAction) => void }) {
  const { sku, name, unitPrice, strategy, quantityPerOrderMax, reservationsPerCustomerMax } = product;
  const { unitsPerCustomerMax, safetyStock, salesStartAt, salesEndAt } = product;
  return (
    <header className={page.head}>
      <div>
        <BackToList href="/products">All products</BackToList>
        <h1 className={classes(page.title, styles.title)}>{name}</h1>
        <p className={page.facts}>
          <code>{sku}</code>
          <Money of={unitPrice} />
          <span>{strategy}</span>
          <span>
            {quantityPerOrderMax === null
              ? 'no limit per order'
              : `${formatCount(quantityPerOrderMax)} per order`}
          </span>
          {reservationsPerCustomerMax === null ? null : (
            <span>{plural(reservationsPerCustomerMax, 'reservation')} per customer</span>
          )}
          {unitsPerCustomerMax === null ? null : (
            <span>{plural(unitsPerCustomerMax, 'unit')} per customer</span>
          )}
          {salesStartAt === null ? null : (
            <span>
              on sale from <When at={salesStartAt} />
            </span>
          )}
          {salesEndAt === null ? null : (
            <span>
              on sale until <When at={salesEndAt} />
            </span>
          )}
          {safetyStock === 0 ? null : <span>{formatCount(safetyStock)} safety stock</span>}
        </p>
      </div>
      <div className={page.actions}>
        <ActionButton icon={Pencil} onClick={() => onAction('edit')}>
          Edit
        </ActionButton>
        <ActionButton icon={Shuffle} onClick={() => onAction('switch')}>
          Switch strategy
        </ActionButton>
        <ActionButton icon={SlidersHorizontal} tone="primary" onClick={() => onAction('adjust')}>
          Adjust stock
        </ActionButton>
      </div>
    </header>
  );
}
