import { useTopic } from '../../../api/live';
import type { ContentionHistory } from '../../../api/openapi';
import { useApi, useSetCached } from '../../../api/use-api';
import page from '../../../components/layout/page.module.css';
import { Panel } from '../../../components/layout/panel';
import { Empty, LoadError, Loading } from '../../../components/layout/states';
import { ScrollBox } from '../../../components/tables/scroll-box';
import { When } from '../../../components/values/figures';
import { formatTime } from '../../../formatting/clock';
import { formatCount, formatDecimal, formatPercent } from '../../../formatting/numbers';
import { classes } from '../../../theme/classes';
import { ContentionStrips } from './contention-strips';
import { StrategyField } from './strategy-field';
import styles from './contention-panels.module.css';

/** How much buyers of this SKU conflict, and how each strategy performed here. */
export function ContentionPanels({ sku }: { sku: string }) {
  const path = `contention/${encodeURIComponent(sku)}`;
  const { data: history, error, refetch } = useApi<ContentionHistory>(path);
  const setCached = useSetCached();
  useTopic<ContentionHistory>(`contention:${sku}`, (value) => setCached(path, value));

  if (error && !history)
    return (
      <Panel title="Contention">
        <LoadError what="contention" problem={error} retry={refetch} />
      </Panel>
    );
  if (!history)
    return (
      <Panel title="Contention" note="last 10 minutes" flush>
        <Loading rows={6} />
      </Panel>
    );
  const isQuiet = history.slices.every(({ p99Ms }) => p99Ms === null);
  return (
    <>
      <Panel title="Contention" note="last 10 minutes" action={<Keys />} flush>
        {isQuiet ? <p className={styles.quiet}>No units were taken in the last 10 minutes.</p> : null}
        <ContentionStrips history={history} />
        {history.adaptive ? (
          <p className={styles.rule}>
            adaptive: {history.adaptive.hot ? 'grouped' : 'single'} since <When at={history.adaptive.since} />
            , {history.adaptive.reason}
          </p>
        ) : null}
      </Panel>
      <div className={page.halves}>
        <Panel title="Strategies on this SKU" note="lower left is better" flush>
          {history.strategies.length === 0 ? (
            <Empty title="No data yet; this needs concurrent buyers." />
          ) : (
            <StrategyField measured={history.strategies} current={history.strategy} />
          )}
        </Panel>
        <Panel title="Measured" flush>
          <MeasuredTable history={history} />
        </Panel>
      </div>
    </>
  );
}

const Keys = () => (
  <span className={styles.keys} aria-hidden="true">
    <span>
      <i /> p99
    </span>
    <span>
      <i className={styles.band} /> p50 to p99
    </span>
    <span>
      <i className={styles.conflicts} /> conflicts
    </span>
  </span>
);

function formatMeasured(instants: string[]): string {
  const [first, last] = [instants.toSorted()[0], instants.toSorted().at(-1)];
  if (!first || !last) return 'Nothing measured yet.';
  if (instants.length === 1) return `As it last ran here, ${formatTime(last)}.`;
  return `Each strategy as it last ran here, ${formatTime(first)} to ${formatTime(last)}.`;
}

function MeasuredTable({ history: { strategies, strategy } }: { history: ContentionHistory }) {
  const current = strategies.find((one) => one.strategy === strategy);
  return (
    <>
      <ScrollBox label="Measured strategies">
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Strategy</th>
              <th scope="col">Wait p99</th>
              <th scope="col">Conflicts</th>
              <th scope="col">Peak /s</th>
            </tr>
          </thead>
          <tbody>
            {strategies.map(({ strategy: name, lockWaitMs, conflictRate, peakPerSecond }) => (
              <tr key={name} className={classes(name === strategy && styles.current)}>
                <th scope="row">{name}</th>
                <td>{formatDecimal(lockWaitMs.p99)} ms</td>
                <td>{formatPercent(conflictRate)}</td>
                <td>
                  <b>{formatCount(peakPerSecond)}</b>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollBox>
      <p className={styles.note}>
        {current && current.batchSize > 1.05
          ? `Batches of ${formatDecimal(current.batchSize)} orders on average. `
          : ''}
        {formatMeasured(strategies.map(({ measuredAt }) => measuredAt))}
      </p>
    </>
  );
}
