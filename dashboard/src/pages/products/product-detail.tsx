import { Pencil, Shuffle, SlidersHorizontal } from 'lucide-react';
import { useState } from 'react';
import { useTopic } from '../../api/live';
import type { Product, ProductMessage } from '../../api/shapes/products';
import type { Returning } from '../../api/shapes/reservations';
import { useApi, useKeep } from '../../api/use-api';
import { classes } from '../../look/classes';
import { ActButton } from '../../parts/button';
import { Money } from '../../parts/figures';
import { BackToList } from '../../parts/list-and-one/list-and-one';
import page from '../../parts/page.module.css';
import { Loading, Trouble } from '../../parts/states';
import { count } from '../../words/numbers';
import { AdjustDialog } from './adjust-dialog';
import { ContentionPanels } from './contention-panels';
import { EditDialog } from './edit-dialog';
import { MovementsPanel } from './movements-panel';
import styles from './product-detail.module.css';
import { StockPanel } from './stock-panel';
import { SwitchDialog } from './switch-dialog';

type Act = 'edit' | 'switch' | 'adjust';

export function ProductDetail({ sku }: { sku: string }) {
  const name = encodeURIComponent(sku);
  const path = `products/${name}`;
  const { data: product, trouble, loading, again } = useApi<Product>(path);
  const returningPath = `reservations/returning?sku=${name}`;
  const { data: returning } = useApi<Returning>(returningPath);
  const keep = useKeep();
  useTopic<ProductMessage>(`product:${sku}`, (message) => {
    keep(path, message.product);
    keep(returningPath, message.returning);
  });
  const [act, setAct] = useState<Act | null>(null);
  const close = () => setAct(null);

  if (trouble && !product) return <Trouble what={`product ${sku}`} problem={trouble} again={again} />;
  if (loading || !product) return <Loading rows={8} />;
  return (
    <div className={page.stack}>
      <ProductHead product={product} onAct={setAct} />
      <StockPanel product={product} returning={returning} />
      <ContentionPanels sku={sku} />
      <MovementsPanel sku={sku} />
      {act === 'edit' ? <EditDialog product={product} onClose={close} /> : null}
      {act === 'switch' ? <SwitchDialog product={product} onClose={close} /> : null}
      {act === 'adjust' ? <AdjustDialog product={product} onClose={close} /> : null}
    </div>
  );
}

function ProductHead({ product, onAct }: { product: Product; onAct: (act: Act) => void }) {
  const { sku, name, unitPrice, strategy, quantityPerOrderMax, reservationsPerCustomerMax } = product;
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
            {quantityPerOrderMax === null ? 'no limit per order' : `${count(quantityPerOrderMax)} per order`}
          </span>
          {reservationsPerCustomerMax === null ? null : (
            <span>{count(reservationsPerCustomerMax)} per customer</span>
          )}
        </p>
      </div>
      <div className={page.acts}>
        <ActButton icon={Pencil} onClick={() => onAct('edit')}>
          Edit
        </ActButton>
        <ActButton icon={Shuffle} onClick={() => onAct('switch')}>
          Switch strategy
        </ActButton>
        <ActButton icon={SlidersHorizontal} tone="primary" onClick={() => onAct('adjust')}>
          Adjust stock
        </ActButton>
      </div>
    </header>
  );
}
