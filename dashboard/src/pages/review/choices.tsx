import { Lock } from 'lucide-react';
import type { SagaOptions } from '../../api/openapi';
import { classes } from '../../theme/classes';
import type { SagaAction } from '../orders/saga-actions';
import styles from './choices.module.css';

interface ChoicesProps {
  options: SagaOptions;
  step: string | null;
  action: SagaAction | null;
  onChoose: (action: SagaAction) => void;
}

const actions: readonly SagaAction[] = ['retry', 'compensate', 'resolve'];
const retried: Record<string, string> = {
  'authorize-payment': 'Retry the authorization',
  'capture-payment': 'Retry the capture',
  'charge-payment': 'Retry the charge',
};

/** The three actions as cards. An impossible one stays visible, with its reason. */
export function Choices({ options, step, action, onChoose }: ChoicesProps) {
  return (
    <fieldset className={styles.choices}>
      <legend className="unseen">Choose an action</legend>
      {actions.map((one) => {
        const option = options[one];
        return (
          <label
            key={one}
            className={classes(styles.card, action === one && styles.chosen, !option.possible && styles.off)}
          >
            <input
              type="radio"
              name="action"
              checked={action === one}
              disabled={!option.possible}
              onChange={() => onChoose(one)}
            />
            <span>
              <b>{one === 'retry' && option.refund ? 'Make the refund again' : nameOf(one, step)}</b>
              {option.possible ? null : <Lock size={13} aria-label="not possible" />}
              <span className={styles.why}>{option.why}</span>
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}

function nameOf(action: SagaAction, step: string | null): string {
  if (action === 'retry') return retried[step ?? ''] ?? 'Retry';
  return action === 'compensate' ? 'Compensate' : 'Mark as resolved';
}
