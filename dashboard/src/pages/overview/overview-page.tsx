import { useEffect } from 'react';
import type { Overview } from '../../api/openapi';
import { useApi } from '../../api/use-api';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import page from '../../components/layout/page.module.css';
import { Panel } from '../../components/layout/panel';
import { LoadError, Loading } from '../../components/layout/states';
import { BusyProducts } from './busy-products';
import { CaseStrip } from './case-strip';
import { CheckoutsChart } from './checkouts-chart';
import { DelaysPanel } from './delays-panel';
import { FlowPanel } from './flow-panel';
import { PromisesPanel } from './promises-panel';
import { QueuesPanel } from './queues-panel';
import { RatesStrip } from './rates-strip';
import { UnitsPanel } from './units-panel';
import styles from './overview.module.css';

/**
 * Is the sale going well, and if not, where does it stop? One request loads it, one stream topic keeps it current.
 */
export default function OverviewPage() {
  useSetBreadcrumbs({ here: 'Overview' });
  const { data, at, error, refetch } = useApi<Overview>('overview');
  useHash(data !== undefined);
  if (data === undefined) {
    return (
      <Panel flush>
        {error ? <LoadError what="the overview" problem={error} retry={refetch} /> : <Loading rows={12} />}
      </Panel>
    );
  }
  const promises = <PromisesPanel promises={data.promises} at={at} />;
  const broken = data.promises !== null && !data.promises.ok;
  return (
    <div className={styles.page}>
      {data.review.cases > 0 && <CaseStrip review={data.review} at={at} />}
      <RatesStrip rates={data.rates} />
      {broken && promises}
      <FlowPanel steps={data.steps} />
      <div className={page.pair}>
        <CheckoutsChart series={data.rates.series} loadTests={data.loadTests} />
        <UnitsPanel units={data.units} />
      </div>
      <div className={page.pair}>
        <BusyProducts products={data.products} skus={data.units.skus} />
        <DelaysPanel delays={data.delays} />
      </div>
      <div className={page.pair}>
        <QueuesPanel report={data.queues} at={at} />
        {!broken && promises}
      </div>
    </div>
  );
}

/** A link to a panel scrolls to it, even when the page is already open. */
function useHash(ready: boolean): void {
  useEffect(() => {
    if (!ready) return;
    const follow = (): void => {
      if (location.hash !== '')
        document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: 'start' });
    };
    follow();
    // The router fires this event when it navigates.
    window.addEventListener('pushState', follow);
    return () => window.removeEventListener('pushState', follow);
  }, [ready]);
}
