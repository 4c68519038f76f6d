import { useState } from 'react';
import type { ContentionHistory, Product, StrategyMeasurement } from '../../api/openapi';
import { useApi } from '../../api/use-api';
import { ConfirmDialog, ProblemMessage } from '../../components/dialogs/confirm-dialog';
import { LoadError, Loading } from '../../components/layout/states';
import { StrategyLine } from '../../components/values/strategy-line';
import { formatCount, formatDecimal, formatPercent } from '../../formatting/numbers';
import { type StrategyName, strategyNames, strategyStyle } from '../../formatting/strategies';
import { editableOf } from './product-edits';
import { useProductEdit } from './use-product-edit';
import styles from './switch-dialog.module.css';

/** Chooses another strategy, with each one's last measurements here. */
export function SwitchDialog({ product, onClose }: { product: Product; onClose: () => void }) {
  const { sku } = product;
  const { base, error, save, conflict, close } = useProductEdit(sku, onClose);
  const { data: history } = useApi<ContentionHistory>(`contention/${encodeURIComponent(sku)}`);
  const [chosen, setChosen] = useState<StrategyName | null>(null);
  if (conflict) return conflict;

  const current = base?.strategy ?? product.strategy;
  return (
    <ConfirmDialog<Product | null>
      open
      onClose={close}
      title={`Switch the strategy of ${sku}`}
      note="Takes effect with the next reservation; current ones are not affected."
      keep={`Keep ${current}`}
      action={chosen ? `Switch to ${chosen}` : 'Switch'}
      tone="primary"
      ready={base !== undefined && chosen !== null}
      dirty={chosen !== null}
      send={(reason, key) => save({ ...editableOf(base!), strategy: chosen! }, reason, key)}
    >
      {error && base ? <ProblemMessage problem={error} /> : null}
      {error && !base ? <LoadError what="the product" problem={error} retry={onClose} /> : null}
      {base ? (
        <fieldset className={styles.choices}>
          <legend className="unseen">Strategy</legend>
          {strategyNames.map((name) => (
            <label key={name} className={styles.choice}>
              <input
                type="radio"
                name="strategy"
                checked={chosen === name}
                disabled={name === current}
                onChange={() => setChosen(name)}
              />
              <span>
                <StrategyLine strategy={name} />
                <b>{name}</b>
                {name === current ? ', now' : ''}
                <small>
                  {formatMeasurement(
                    history?.strategies.find(({ strategy }) => strategy === name),
                    name,
                  )}
                </small>
              </span>
            </label>
          ))}
        </fieldset>
      ) : (
        <Loading rows={5} />
      )}
    </ConfirmDialog>
  );
}

/** Its last measurements here, or its general description. */
function formatMeasurement(measured: StrategyMeasurement | undefined, name: string): string {
  if (!measured) return `${strategyStyle(name).description}; not measured here yet`;
  const { lockWaitMs, conflictRate, peakPerSecond } = measured;
  return `wait p99 ${formatDecimal(lockWaitMs.p99)} ms, conflicts ${formatPercent(conflictRate)}, peak ${formatCount(peakPerSecond)} /s`;
}
