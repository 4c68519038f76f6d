import { useState } from 'react';
import type { ContentionHistory, StrategyMeasurement } from '../../api/shapes/contention';
import type { Product } from '../../api/shapes/products';
import { useApi } from '../../api/use-api';
import { ActDialog, Refusal } from '../../parts/act-dialog';
import { LaneKey } from '../../parts/race/lane-key';
import { Loading, Trouble } from '../../parts/states';
import { strategyLook, strategyNames } from '../../parts/strategy-field/strategies';
import { count, decimal, percent } from '../../words/numbers';
import { editableOf } from './product-edits';
import styles from './switch-dialog.module.css';
import { useProductEdit } from './use-product-edit';

/** Another way to keep rivals for the last units apart, chosen beside what each did here when it last ran. */
export function SwitchDialog({ product, onClose }: { product: Product; onClose: () => void }) {
  const { sku } = product;
  const { base, trouble, save, conflict, close } = useProductEdit(sku, onClose);
  const { data: history } = useApi<ContentionHistory>(`contention/${encodeURIComponent(sku)}`);
  const [chosen, setChosen] = useState<string | null>(null);
  if (conflict) return conflict;

  const current = base?.strategy ?? product.strategy;
  return (
    <ActDialog<Product | null>
      open
      onClose={close}
      title={`Switch the strategy of ${sku}`}
      note="Takes effect with the next reservation; running ones finish as they are."
      keep={`Keep ${current}`}
      act={chosen ? `Switch to ${chosen}` : 'Switch'}
      tone="primary"
      ready={base !== undefined && chosen !== null}
      dirty={chosen !== null}
      send={(reason, key) => save({ ...editableOf(base!), strategy: chosen! }, reason, key)}
    >
      {trouble && base ? <Refusal problem={trouble} /> : null}
      {trouble && !base ? <Trouble what="the product" problem={trouble} again={onClose} /> : null}
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
                <LaneKey strategy={name} />
                <b>{name}</b>
                {name === current ? ', now' : ''}
                <small>
                  {measuredWords(
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
    </ActDialog>
  );
}

/** Its last measured numbers here; what it is like in general where it has never run. */
function measuredWords(measured: StrategyMeasurement | undefined, name: string): string {
  if (!measured) return `${strategyLook(name).words}; not measured here yet`;
  const { lockWaitMs, conflictRate, peakPerSecond } = measured;
  return `wait p99 ${decimal(lockWaitMs.p99)} ms, conflicts ${percent(conflictRate)}, peak ${count(peakPerSecond)} /s`;
}
